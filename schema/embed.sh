#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh FILE...: print C source that holds the files' bytes, each as embed_N, and a table of them.
set -eu
n=0
for f in "$@"; do
	printf 'static const unsigned char embed_%d[] = {\n' $n
	od -An -v -tu1 "$f" | sed 's/  */,/g; s/^,//; s/$/,/'
	printf '0};\n'
	n=$((n + 1))
done
printf 'static const struct embed embed_table[] = {\n'
n=0
for f in "$@"; do
	printf '\t{ "%s", embed_%d, sizeof(embed_%d) - 1 },\n' "$f" $n $n
	n=$((n + 1))
done
printf '};\n'

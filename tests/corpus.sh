#!/bin/sh
# SPDX-License-Identifier: MIT
# corpus: every input in tests/corpus through its fuzz target, with sanitizers. A target stops at the first input that breaks
# something; its name is the last line.
. tests/lib.sh
for dir in tests/corpus/*/; do
	t=$(basename "$dir")
	timeout 300 "$BUILD/test/fuzz_$t" "$dir" >"$TMP/out" 2>"$TMP/err"
	rc=$?
	if [ $rc = 0 ]; then
		ok "corpus of $t: $(cat "$TMP/out") inputs"
	else
		no "corpus of $t" "status $rc: $(grep -e '^tests/corpus' -e 'does not hold' -e 'ERROR' -e 'runtime error' "$TMP/err" | tail -4)"
		tail -30 "$TMP/err" >&2
	fi
done
bytes=$(find tests/corpus -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
[ "$bytes" -lt 500000 ] && ok "the corpus is small" || no "the corpus is small" "$bytes bytes"

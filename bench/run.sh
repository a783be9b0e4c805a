#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh [BUILD]: what recording costs the host (capture.sh) and how fast a tape is analyzed; `make bench`. Needs root.
# ROUNDS (5) and SECONDS_EACH (2) can be set, and what capture.sh takes besides.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=$(cd "${1:-build}" && pwd) || exit 1
for p in sqlite3 zstd tar; do
	command -v $p >/dev/null || { echo "bench: $p is not installed (make deps)" >&2; exit 1; }
done
make --no-print-directory BUILD="$BUILD" "$BUILD/skbtape" "$BUILD/skbtape-record" || exit 1
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
KEEP=$TMP sh bench/capture.sh "$BUILD" || exit 1

now() { date +%s%N; }
echo
echo "Reading the last of these tapes; the better of two"
printf '%-9s %9s %10s %9s %11s %11s %9s\n' tape "MB" events analyze events/s frames/s report
for p in drops path standard; do
	[ -s "$TMP/$p.skbtape" ] || continue # RECORDERS without it
	best= rep=
	for i in 1 2; do
		t=$(now)
		"$BUILD/skbtape" analyze -q "$TMP/$p.skbtape" -o "$TMP/$p.db" 2>"$TMP/err"
		rc=$?
		[ $rc = 0 ] || [ $rc = 3 ] || { cat "$TMP/err" >&2; exit 1; }
		t=$((($(now) - t) / 1000000))
		[ -n "$best" ] && [ "$best" -le $t ] || best=$t
		t=$(now)
		"$BUILD/skbtape" report "$TMP/$p.db" -o "$TMP/$p.html" 2>/dev/null
		t=$((($(now) - t) / 1000000))
		[ -n "$rep" ] && [ "$rep" -le $t ] || rep=$t
	done
	sqlite3 -batch -separator ' ' "$TMP/$p.db" "SELECT (SELECT value FROM tape WHERE key='events_decoded'), (SELECT count(*) FROM frame)" |
		while read -r events frames; do
			awk -v p=$p -v b="$(stat -c %s "$TMP/$p.skbtape")" -v e="$events" -v f="$frames" -v ms="$best" -v rep="$rep" 'BEGIN {
				printf "%-9s %9.1f %10d %7.2f s %11d %11d %7.2f s\n", p, b / 1e6, e, ms / 1e3, e * 1e3 / ms, f * 1e3 / ms, rep / 1e3 }'
		done
done

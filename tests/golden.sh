#!/bin/sh
# SPDX-License-Identifier: MIT
# golden: what the fixture tapes hold, asked by SQL and compared with files. golden.tsv has a line for each test:
# name, fixture, query file, expected file (CSV). 'sh tests/golden.sh --update' rewrites the expected files: review the
# difference. Runs without root.
. tests/lib.sh
update=${1:-}

for tape in fixtures/*/*.skbtape; do
	name=$(basename "$tape" .skbtape)
	want=$(cat "fixtures/$name/status" 2>/dev/null || echo 0)
	"$SKBTAPE" analyze -q "$tape" -o "$TMP/$name.db" 2>"$TMP/err"
	eq "analyze $name" "$?" "$want"
	"$SKBTAPE" report "$TMP/$name.db" -o "$TMP/$name.html" && "$SKBTAPE" report "$tape" -o "$TMP/$name.2.html"
	cmp -s "$TMP/$name.html" "$TMP/$name.2.html" && ok "$name: report of tape and database are the same bytes" ||
		no "$name: report of tape and database are the same bytes" "they differ"
	[ "$(stat -c %s "$TMP/$name.html")" -lt 3145728 ] && ok "$name: report under 3 MiB" || no "$name: report under 3 MiB" "too large"
done
while IFS='	' read -r name fixture query expected; do
	case $name in '#'* | '') continue ;; esac
	"$SKBTAPE" query --csv -- "$TMP/$fixture.db" "$(cat "tests/golden/$query")" >"$TMP/got.csv" 2>"$TMP/err" ||
		{ no "golden $name" "$(cat "$TMP/err")"; continue; }
	[ "$update" = --update ] && cp "$TMP/got.csv" "tests/golden/$expected"
	if diff -u "tests/golden/$expected" "$TMP/got.csv" >"$TMP/diff"; then ok "golden $name"; else no "golden $name" "$(cat "$TMP/diff")"; fi
done <tests/golden/golden.tsv

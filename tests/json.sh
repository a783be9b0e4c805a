#!/bin/sh
# SPDX-License-Identifier: MIT
# json: the JSON report is what docs/JSON.md says: every member of the fixtures' reports stands there with its type, and
# every member that stands there is in the reports.
. tests/lib.sh

# member and type as the page writes them, one of its types a line
sed -n 's/^| `\([^`]*\)` | \([a-z, ]*\) |.*/\1	\2/p' docs/JSON.md | while IFS='	' read -r member types; do
	for t in $(echo "$types" | tr ',' ' '); do printf '%s %s\n' "$member" "$t"; done
done | sort -u >"$TMP/page"
: >"$TMP/all"
for tape in fixtures/*/*.skbtape fixtures/bad/html.tape; do
	name=$(basename "$tape")
	for l in en zh; do
		"$SKBTAPE" report "$tape" -f json --lang $l >"$TMP/r.$l.json" 2>"$TMP/err"
		[ $? = 1 ] && no "$name: report" "$(cat "$TMP/err")"
	done
	# json_tree() writes null of an object that is not there as such, text of a key with a dot in quotes
	sqlite3 -batch :memory: "SELECT DISTINCT CASE WHEN fullkey GLOB '\$.tape.?*' THEN '\$.tape.*' ELSE fullkey END || ' ' || type
		FROM json_tree(readfile('$TMP/r.en.json')) WHERE fullkey <> '\$'" | sed -e 's/\[[0-9]*\]/[]/g' -e 's/^\$\.//' -e 's/"//g' | sort -u >"$TMP/have"
	[ -s "$TMP/have" ] && ok "$name: is JSON" || no "$name: is JSON" "it is not"
	eq "$name: every member is documented" "$(comm -23 "$TMP/have" "$TMP/page" | head -5)" ""
	cat "$TMP/have" >>"$TMP/all"
	eq "$name: version" "$(sqlite3 -batch :memory: "SELECT json_extract(readfile('$TMP/r.en.json'), '\$.schema_version')")" 1
	# another language has the same members and numbers
	for l in en zh; do
		sqlite3 -batch :memory: "SELECT fullkey, CASE WHEN type <> 'text' THEN atom END FROM json_tree(readfile('$TMP/r.$l.json'))" >"$TMP/tree.$l"
	done
	cmp -s "$TMP/tree.en" "$TMP/tree.zh" && ok "$name: the same in Chinese but for texts" || no "$name: the same in Chinese but for texts" "$(diff "$TMP/tree.en" "$TMP/tree.zh" | head -3)"
done
cut -d' ' -f1 "$TMP/all" | sort -u >"$TMP/members"
eq "every documented member was seen" "$(cut -d' ' -f1 "$TMP/page" | sort -u | comm -23 - "$TMP/members")" ""

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
schema() { command -v python3 >/dev/null && python3 tests/schema_check.py docs/report.schema.json "$@"; }
command -v python3 >/dev/null || skip "reports against docs/report.schema.json" "needs python3"
for tape in fixtures/*/*.skbtape fixtures/bad/html.tape; do
	name=$(basename "$tape")
	for l in en zh; do
		"$SKBTAPE" report "$tape" -f json --lang $l >"$TMP/r.$l.json" 2>"$TMP/err"
		[ $? = 1 ] && no "$name: report" "$(cat "$TMP/err")"
	done
	! command -v python3 >/dev/null || eq "$name: as the schema says" "$(schema "$TMP/r.en.json" "$TMP/r.zh.json" 2>&1 | head -5)" ""
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

# the schema and the page name the same members with the same types; "tape.*" is what the schema has for any member of tape
if command -v python3 >/dev/null; then
	python3 - docs/report.schema.json >"$TMP/schema" <<'EOF'
import json, sys
NAME = {"string": "text", "number": "real"}
def walk(node, path):
	types = node["type"] if isinstance(node["type"], list) else [node["type"]]
	if path:
		for t in types + ["integer"] * ("number" in types):
			print(path, NAME.get(t, t))
	for name, v in node.get("properties", {}).items():
		walk(v, f"{path}.{name}".lstrip("."))
	if "additionalProperties" in node:
		walk(node["additionalProperties"], path + ".*")
	if "items" in node:
		walk(node["items"], path + "[]")
walk(json.load(open(sys.argv[1], encoding="utf-8")), "")
EOF
	eq "the schema and the page say the same" "$(sort -u "$TMP/schema" | comm -3 - "$TMP/page" | head -5)" ""
	# what is wrong is found: a member that is gone, one of another type, a word that is none, one that nobody knows
	for set in "json_remove(x, '\$.findings[0].title')" "json_set(x, '\$.findings[0].impact.packets', '7')" \
		"json_set(x, '\$.findings[0].severity', 'bad')" "json_set(x, '\$.more', 1)"; do
		"$SKBTAPE" report fixtures/udp-loss/udp-loss.skbtape -f json >"$TMP/r.json"
		sqlite3 -batch :memory: "SELECT $set FROM (SELECT CAST(readfile('$TMP/r.json') AS TEXT) AS x)" >"$TMP/wrong.json"
		schema "$TMP/wrong.json" >"$TMP/out" && no "the schema refuses $set" "it does not" || eq "the schema refuses $set" "$(wc -l <"$TMP/out")" 1
	done
fi

#!/bin/sh
# SPDX-License-Identifier: MIT
# replay: recordings of real incidents (fixtures/incidents) against their true answers: the first finding above info names the cause and
# the place, and nothing else above info stands beside it but its own symptoms; its commands are shell. truth.tsv: tape, cause ('-': nothing above info), severity,
# netns, dev, reason ('-': none), least packets. Runs without root.
. tests/lib.sh
dir=fixtures/incidents
sep=$(printf '\t')
while IFS=$sep read -r name cause severity netns dev reason least; do
	db=$TMP/$name.db
	"$SKBTAPE" analyze -q "$dir/$name.skbtape" -o "$db" 2>"$TMP/err" || { no "replay $name" "$(cat "$TMP/err")"; continue; }
	above="SELECT * FROM finding WHERE severity <> 'info'"
	[ "$severity" = info ] && above="SELECT * FROM finding WHERE severity <> 'info' OR cause = '$cause'"
	got=$(sqlite3 -batch -separator "$sep" "$db" "SELECT cause, severity, coalesce(netns, '-'), coalesce(dev, '-'), coalesce(reason, '-') FROM ($above) ORDER BY id LIMIT 1")
	want="$cause$sep$severity$sep$netns$sep$dev$sep$reason"
	[ "$cause" = - ] && want=
	eq "replay $name" "$got" "$want"
	[ -n "$want" ] || continue
	eq "replay $name: one cause" "$(q "$db" "SELECT group_concat(cause) FROM ($above) WHERE symptom_of IS NULL AND id > (SELECT min(id) FROM ($above))")" ""
	[ "$least" = 0 ] || eq "replay $name: at least $least packets" "$(q "$db" "SELECT packets >= $least FROM ($above) ORDER BY id LIMIT 1")" 1
	"$SKBTAPE" report "$db" -o "$TMP/$name.html" 2>/dev/null && ok "replay $name: report" || no "replay $name: report" "status $?"
	sqlite3 -batch "$db" "SELECT command FROM finding_advice WHERE command IS NOT NULL UNION SELECT undo FROM finding_advice WHERE undo IS NOT NULL" >"$TMP/commands"
	bad=
	while IFS= read -r c; do sh -n -c "$c" 2>"$TMP/err" || bad="$c: $(cat "$TMP/err")"; done <"$TMP/commands"
	eq "replay $name: the advice is shell" "$bad" ""
	rm -f "$db" "$TMP/$name.html"
done <$dir/truth.tsv

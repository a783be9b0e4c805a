#!/bin/sh
# SPDX-License-Identifier: MIT
# bad: damaged and hostile tapes (fixtures/make/bad.c): each is analyzed and reported with the status it deserves, in bounded
# time and memory, never a crash; what a tape calls itself never becomes markup of the report. Runs without root.
# With another program: SKBTAPE_BAD=/tmp/asan/skbtape sh tests/bad.sh
. tests/lib.sh
S=${SKBTAPE_BAD:-$SKBTAPE}

# name, what skbtape must say of it (1: no tape; 3: written, but not whole; 0: a tape, only its names are hostile)
while read -r name want what; do
	tape=fixtures/bad/$name.tape
	timeout 60 "$S" analyze -q "$tape" -o "$TMP/$name.db" 2>"$TMP/err"
	rc=$?
	eq "bad $name ($what): analyze" $rc "$want"
	grep -q -e 'Sanitizer' -e 'runtime error' "$TMP/err" && no "bad $name: sanitizers" "$(grep -m1 -e Sanitizer -e 'runtime error' "$TMP/err")"
	if [ "$want" = 1 ]; then
		[ -s "$TMP/err" ] && [ ! -e "$TMP/$name.db" ] && ok "bad $name: says why, leaves nothing" || no "bad $name: says why, leaves nothing" "$(cat "$TMP/err")"
		continue
	fi
	[ $rc = "$want" ] || continue
	for f in html md json; do
		case $f in html) set -- -o "$TMP/$name.html" ;; *) set -- --format $f ;; esac
		timeout 60 "$S" report "$TMP/$name.db" "$@" >"$TMP/$name.$f.out" 2>"$TMP/err"
		rc=$?
		eq "bad $name: report as $f" $rc "$want"
		grep -q -e 'Sanitizer' -e 'runtime error' "$TMP/err" && no "bad $name: sanitizers" "$(grep -m1 -e Sanitizer -e 'runtime error' "$TMP/err")"
	done
	n=$(grep -c -i -e '<skbx' -e 'skbx[^&<\\]*"[^&<]*onload' "$TMP/$name.html")
	eq "bad $name: no markup from the tape" "$n" 0
	eq "bad $name: none in Markdown either" "$(grep -c '<skbx' "$TMP/$name.md.out")" 0
	[ "$(stat -c %s "$TMP/$name.html")" -lt 1048576 ] && ok "bad $name: report is small" || no "bad $name: report is small" "too large"
	[ "$(q "$TMP/$name.db" 'PRAGMA integrity_check')" = ok ] && ok "bad $name: sound database" || no "bad $name: sound database" "damaged"
done <<'LIST'
names 3 member names with dots, markup, control characters
twice 3 members that stand twice, with other content
order 1 members in the wrong order, no beginning
sizes 3 sizes that are huge, negative or no numbers
bomb 3 a frame that grows beyond its limit
pages 3 ring-buffer pages that claim more than they hold
formats 3 event formats with absurd offsets, sizes and numbers
rubbish 3 texts of the host that say nothing
netlink 3 dumps that are cut or lie about lengths
pcapng 3 blocks that are longer than their section
newer 0 a version to come, with members and fields of its own
html 0 markup in every name
evil 0 names that are long, broken UTF-8, control characters or turn the text around
cut 3 the beginning of a tape
text 1 a text file
LIST

# what is sound in them was used
eq "bad twice: the first of each counts" "$(q "$TMP/twice.db" "SELECT value FROM tape WHERE key = 'host'")" testhost
eq "bad newer: it is said" "$(q "$TMP/newer.db" "SELECT count(*) FROM quality WHERE kind = 'format' AND note LIKE '%version 2 is newer%'")" 1
eq "bad newer: members that nobody knows are counted" "$(q "$TMP/newer.db" "SELECT count || ' ' || note FROM quality WHERE kind = 'format' AND source = 'tape'" | cut -d, -f1)" "3 members of a kind that this program does not know"
eq "bad newer: what is known is used" "$(q "$TMP/newer.db" "SELECT count(*) || ' ' || (SELECT value FROM tape WHERE key = 'host') FROM packet_drop WHERE function LIKE '<skbx%'")" "5 testhost"
eq "bad newer: tasks with more fields" "$(q "$TMP/newer.db" "SELECT comm FROM task WHERE pid = 7")" new
eq "bad pages: events of the sound page" "$(q "$TMP/pages.db" "SELECT count(*) >= 3 FROM packet_drop WHERE function LIKE '<skbx%'")" 1
eq "bad html: all drops" "$(q "$TMP/html.db" "SELECT count(*) FROM packet_drop")" 400
eq "bad html: the names are kept as they are" "$(q "$TMP/html.db" "SELECT count(*) FROM netdev WHERE name LIKE '<skbx>%'")" 1
grep -q '&lt;skbx' "$TMP/html.html" && ok "bad html: the report shows them" || no "bad html: the report shows them" "not found"
eq "bad netlink: links before the damage" "$(q "$TMP/netlink.db" "SELECT count(*) >= 1 FROM netdev")" 1

#!/bin/sh
# SPDX-License-Identifier: MIT
# cuts: a tape cut at 100 random bytes: each is analyzed with status 3 (or 1 where not even the first frame is whole), never
# a crash, events grow with the length, and only the whole tape gives 0. The places are the same in each run.
. tests/lib.sh
tape=fixtures/udp-loss/udp-loss.skbtape
size=$(stat -c %s "$tape")
# end of the first frame and its trailer: the trailer's tag stands 8 bytes into its 56
first=$(($(grep -abo SKBTAPE1 "$tape" | head -1 | cut -d: -f1) + 48))
awk -v n="$size" 'BEGIN{srand(20261124); for (i=0;i<97;i++) print int(rand()*n); print n-1; print n-57; print 100}' | sort -n >"$TMP/places"

last=-1 crash=0 status=0 mono=0 n=0
while read -r at; do
	n=$((n + 1))
	head -c "$at" "$tape" >"$TMP/c.skbtape"
	"$SKBTAPE" analyze -q "$TMP/c.skbtape" -o "$TMP/c.db" 2>"$TMP/err"
	rc=$?
	case $rc in
	3)
		ev=$(q "$TMP/c.db" "SELECT value FROM tape WHERE key='events_decoded'")
		[ "${ev:-0}" -ge $last ] || mono=$((mono + 1))
		last=${ev:-0}
		[ "$at" -ge "$first" ] || status=$((status + 1))
		;;
	1) [ "$at" -lt "$first" ] || { status=$((status + 1)); echo "cut at $at: $(cat "$TMP/err")" >&2; } ;;
	*) crash=$((crash + 1)); echo "cut at $at: status $rc: $(cat "$TMP/err")" >&2 ;;
	esac
done <"$TMP/places"
eq "$n cuts: statuses 3, or 1 before the first whole frame" $status 0
eq "$n cuts: no other end" $crash 0
eq "$n cuts: events monotonic in the length" $mono 0
"$SKBTAPE" analyze -q "$tape" -o "$TMP/w.db"
eq "only the whole tape gives 0" $? 0
[ "$(q "$TMP/w.db" "SELECT value FROM tape WHERE key='events_decoded'")" -ge "$last" ] && ok "the whole tape has most events" || no "the whole tape has most events" "fewer"

# damage: bytes overwritten in the middle, 40 places
bad=0
awk -v n="$size" 'BEGIN{srand(7); for (i=0;i<40;i++) print int(rand()*(n-64))}' >"$TMP/places"
while read -r at; do
	cp "$tape" "$TMP/d.skbtape"
	head -c 16 /dev/zero | dd of="$TMP/d.skbtape" bs=1 seek="$at" conv=notrunc 2>/dev/null
	"$SKBTAPE" analyze -q "$TMP/d.skbtape" -o "$TMP/d.db" 2>"$TMP/err"
	rc=$?
	{ [ $rc = 3 ] || { [ $rc = 1 ] && [ "$at" -lt "$first" ]; } || { [ $rc = 0 ] && cmp -s "$tape" "$TMP/d.skbtape"; }; } || { bad=$((bad + 1)); echo "damage at $at: status $rc $(cat "$TMP/err")" >&2; }
done <"$TMP/places"
eq "40 damaged tapes: status 3 each" $bad 0
# cut before its first event: how long it was is not known, and no number is made up
head -c 4000 fixtures/healthy/healthy.skbtape >"$TMP/short.skbtape"
"$SKBTAPE" report "$TMP/short.skbtape" --format md >"$TMP/short.md" 2>/dev/null
eq "cut before its first event: status, date and duration" "$? $(grep -c '^Kernel .* UTC$' "$TMP/short.md") $(grep -c ' for -' "$TMP/short.md") $(grep -c ' for 0 ns' "$TMP/short.md")" "3 1 0 0"

#!/bin/sh
# SPDX-License-Identifier: MIT
# live_limits: a full disk, a closed pipe, --max-size, no privileges: what was written stays a tape, and it is said.
. tests/lib.sh
live || { skip live_limits "$LIVE_WHY"; exit 0; }
trap - EXIT
. fixtures/make/net.sh
net_up || { no live_limits "no namespaces"; exit 1; }
bg sink in_b "$TRAFFIC" sink 10.77.0.2 9000 0
bg_wait sink || { no live_limits "sink"; exit 1; }
flood="ip netns exec $NA $TRAFFIC flood 10.77.0.2 9000"

# a file system of 3 MiB, in a mount namespace of its own
mkdir "$TMP/small"
unshare -m sh -c "mount -t tmpfs -o size=3m none '$TMP/small' &&
	'$RECORD' -o '$TMP/small/t.skbtape' -- $flood 5 600 >'$TMP/out' 2>'$TMP/log'; echo \$? >'$TMP/rc'; cp '$TMP/small/t.skbtape' '$TMP/full.skbtape'"
eq "disk full: status" "$(cat "$TMP/rc")" 1
grep -qi 'space' "$TMP/log" && ok "disk full: said" || no "disk full: said" "$(cat "$TMP/log")"
"$SKBTAPE" analyze -q "$TMP/full.skbtape" -o "$TMP/full.db" 2>"$TMP/err"
rc=$?
[ $rc = 3 ] || [ $rc = 0 ] && ok "disk full: what was written is a tape" || no "disk full: what was written is a tape" "status $rc $(cat "$TMP/err")"
eq "disk full: it holds events" "$(q "$TMP/full.db" "SELECT CAST(value AS INT)>1000 FROM tape WHERE key='events_decoded'")" 1

"$RECORD" -q --max-size 4M -o "$TMP/max.skbtape" -- $flood 8 600 >"$TMP/out" 2>"$TMP/log"
eq "--max-size: status" $? 0
size=$(stat -c %s "$TMP/max.skbtape")
[ "$size" -le 4194304 ] && ok "--max-size: kept" || no "--max-size: kept" "$size bytes"
"$SKBTAPE" analyze -q "$TMP/max.skbtape" -o "$TMP/max.db"
eq "--max-size: whole tape" $? 0
eq "--max-size: the reason is on the tape" "$(q "$TMP/max.db" "SELECT value FROM tape WHERE key='end.reason'")" max-size

"$RECORD" -q -o - -d 5 2>"$TMP/log" | head -c 100000 >"$TMP/pipe.skbtape"
"$SKBTAPE" info "$TMP/pipe.skbtape" >/dev/null 2>"$TMP/err"
rc=$?
[ $rc = 3 ] || [ $rc = 1 ] && ok "closed pipe: the rest is read as a cut tape" || no "closed pipe: the rest is read as a cut tape" "status $rc"

# no database or report stands half-written under its name
"$SKBTAPE" analyze -q "$TMP/max.skbtape" -o /proc/nothing/x.db 2>"$TMP/err"
eq "database that cannot be made: status" $? 1
mkdir "$TMP/tiny"
unshare -m sh -c "mount -t tmpfs -o size=256k none '$TMP/tiny' && '$SKBTAPE' analyze -q '$TMP/max.skbtape' -o '$TMP/tiny/x.db' 2>'$TMP/err'; echo \$? >'$TMP/rc'; ls -A '$TMP/tiny' >'$TMP/ls'"
eq "no space for the database: status" "$(cat "$TMP/rc")" 1
eq "no space for the database: nothing left" "$(cat "$TMP/ls")" ""

# an ordinary user: what is missing is said, the rest is recorded
cp "$RECORD" "$TMP/rec"; chmod 755 "$TMP" "$TMP/rec"; mkdir "$TMP/nobody"; chown 65534:65534 "$TMP/nobody"
if command -v setpriv >/dev/null; then
	(cd "$TMP/nobody" && setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
		"$TMP/rec" -d 1 -o "$TMP/nobody/t.skbtape" 2>"$TMP/log")
	eq "ordinary user: status" $? 3
	grep -q -i -e root -e cap_ "$TMP/log" && ok "ordinary user: says what is missing" || no "ordinary user: says what is missing" "$(cat "$TMP/log")"
	"$SKBTAPE" analyze -q "$TMP/nobody/t.skbtape" -o "$TMP/nobody.db" 2>/dev/null
	eq "ordinary user: tape lacks a source" $? 3
	eq "ordinary user: counters are there" "$(q "$TMP/nobody.db" "SELECT count(*)>0 FROM counter WHERE source='snmp'")" 1
else
	skip "ordinary user" "no setpriv"
fi
eq "no instance left" "$(instances)" ""
rm -rf "$TMP"

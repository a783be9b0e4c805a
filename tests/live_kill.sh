#!/bin/sh
# SPDX-License-Identifier: MIT
# live_kill: kill -9 at 20 moments: the tape is readable each time, and the next start removes what was left. Names of functions come
# behind the first second.
# Then the ends that are meant: SIGINT, SIGTERM, -d, the command's end, --max-size.
. tests/lib.sh
live || { skip live_kill "$LIVE_WHY"; exit 0; }

bad=0 left=0
for i in $(seq 20); do
	rm -f "$TMP/k.skbtape"
	"$RECORD" -q -o "$TMP/k.skbtape" 2>"$TMP/log" &
	pid=$!
	sleep "$(awk -v i="$i" 'BEGIN{printf "%.3f", 0.02 + (i * 137 % 1500) / 1000}')"
	kill -9 $pid
	wait $pid 2>/dev/null
	if [ -s "$TMP/k.skbtape" ]; then
		"$SKBTAPE" analyze -q "$TMP/k.skbtape" -o "$TMP/k.db" 2>"$TMP/err"
		rc=$?
		case $rc in 3) ;; 1) grep -q 'first frame' "$TMP/err" || bad=$((bad + 1)) ;; *) bad=$((bad + 1)) ;; esac
	fi
done
eq "kill -9 at 20 moments: each tape readable" $bad 0
start_record "$TMP/log" -o "$TMP/k.skbtape" || no "kill -9 after 3 s" "did not start"
sleep 3
kill -9 $RECPID
wait $RECPID 2>/dev/null
"$SKBTAPE" analyze -q "$TMP/k.skbtape" -o "$TMP/k.db" 2>"$TMP/err"
eq "kill -9 after 3 s: the kernel's symbols are on the tape" "$(tar --zstd -tf "$TMP/k.skbtape" 2>/dev/null | grep -c '^kallsyms$')" 1
eq "kill -9 after 3 s: functions have names" "$(q "$TMP/k.db" "SELECT count(*) FROM symbol WHERE location = '0x?'")" 0
# the symbols are a megabyte: what comes before them has the first events, and is a tape of its own
for at in $(grep -abo SKBTAPE1 "$TMP/k.skbtape" | cut -d: -f1); do
	head -c $((at + 48)) "$TMP/k.skbtape" >"$TMP/h.skbtape"
	! tar --zstd -tf "$TMP/h.skbtape" 2>/dev/null | grep -q '^kallsyms$' || break
	cp "$TMP/h.skbtape" "$TMP/head.skbtape"
done
"$SKBTAPE" analyze -q "$TMP/head.skbtape" -o "$TMP/h.db" 2>"$TMP/err"
eq "cut before the symbols: status" $? 3
[ "$(q "$TMP/h.db" "SELECT value FROM tape WHERE key='events_decoded'")" -gt 0 ] && ok "cut before the symbols: events are there" || no "cut before the symbols: events are there" "none of $(stat -c %s "$TMP/head.skbtape") bytes"
# in the first second there are none yet: events, and no names
start_record "$TMP/log" -o "$TMP/y.skbtape" || no "kill -9 in the first second" "did not start"
sleep 0.3
kill -9 $RECPID
wait $RECPID 2>/dev/null
"$SKBTAPE" analyze -q "$TMP/y.skbtape" -o "$TMP/y.db" 2>"$TMP/err"
eq "kill -9 in the first second: status" $? 3
eq "kill -9 in the first second: it is said that the tape is cut" "$(q "$TMP/y.db" "SELECT count(*) FROM quality WHERE kind='tape-cut'")" 1
"$RECORD" -q -d 0.2 -o "$TMP/n.skbtape" 2>"$TMP/log"
eq "the next start works" $? 0
eq "the next start removes what was left" "$(instances)" ""

for sig in INT TERM; do
	start_record "$TMP/log" -o "$TMP/s.skbtape" || no "SIG$sig" "did not start"
	sleep 0.3
	kill -$sig $RECPID
	wait $RECPID
	eq "SIG$sig: status" $? 0
	"$SKBTAPE" info "$TMP/s.skbtape" >"$TMP/info" 2>&1
	eq "SIG$sig: whole tape" $? 0
	rm -f "$TMP/s.skbtape"
done
t0=$(date +%s%N)
"$RECORD" -q -d 1.5 -o "$TMP/d.skbtape" 2>"$TMP/log"
eq "-d: status" $? 0
ms=$((($(date +%s%N) - t0) / 1000000))
[ $ms -ge 1500 ] && [ $ms -lt 6000 ] && ok "-d: takes about as long" || no "-d: takes about as long" "$ms ms"
"$RECORD" -q -o "$TMP/c.skbtape" -- sh -c 'echo out; exit 7' >"$TMP/out" 2>"$TMP/log"
eq "command's end: status" $? 0
eq "command's output" "$(cat "$TMP/out")" out
"$SKBTAPE" analyze -q "$TMP/c.skbtape" -o "$TMP/c.db"
eq "command's status is on the tape" "$(q "$TMP/c.db" "SELECT value FROM tape WHERE key='end.command_status'")" 7
"$RECORD" -q -o "$TMP/x.skbtape" -- /nonexistent/program 2>"$TMP/log"
eq "command that cannot start: status" $? 1
grep -q nonexistent "$TMP/log" && ok "command that cannot start: said" || no "command that cannot start: said" "$(cat "$TMP/log")"
"$RECORD" -q -d 1 -o - 2>"$TMP/log" >"$TMP/p.skbtape"
eq "-o -: status" $? 0
"$SKBTAPE" info "$TMP/p.skbtape" >/dev/null 2>&1
eq "-o -: whole tape" $? 0
tar --zstd -tf "$TMP/p.skbtape" >"$TMP/list" 2>"$TMP/err"
eq "tar --zstd lists it" "$? $(head -1 "$TMP/list") $(tail -1 "$TMP/list")" "0 tape.json end.json"
eq "mode of the tape" "$(stat -c %a "$TMP/d.skbtape")" 600
ln -s "$TMP/d.skbtape" "$TMP/link.skbtape"
"$RECORD" -q -d 0.1 -o "$TMP/link.skbtape" 2>"$TMP/log"
eq "never through a symlink" $? 1
eq "no instance left" "$(instances)" ""

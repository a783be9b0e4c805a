#!/bin/sh
# SPDX-License-Identifier: MIT
# live_cpu: a recording that takes more CPU time than --max-cpu allows lowers its detail step by step, says so, and nothing is
# concluded from what is not there any more; one that has little to do never does.
. tests/lib.sh
live || { skip live_cpu "$LIVE_WHY"; exit 0; }
trap - EXIT
. fixtures/make/net.sh
net_up || { no live_cpu "no namespaces"; exit 1; }
bg sink in_b "$TRAFFIC" sink 10.77.0.2 9000 0
bg_wait sink || { no live_cpu "sink"; exit 1; }
fact() { q "$TMP/t.db" "SELECT value FROM tape WHERE key='$1'"; }

"$RECORD" -d 6 --max-cpu 5 -o "$TMP/q.skbtape" 2>"$TMP/log"
eq "quiet host: status" $? 0
eq "quiet host: nothing lowered" "$(grep -c -e --max-cpu "$TMP/log") $(tar --zstd -tf "$TMP/q.skbtape" | grep -c '^detail/')" "0 0"

# half a percent: all steps and the end, on any machine
"$RECORD" --max-cpu 0.5 -o "$TMP/t.skbtape" -- ip netns exec "$NA" "$TRAFFIC" flood 10.77.0.2 9000 20 0 >"$TMP/sent" 2>"$TMP/log"
eq "flood: status" $? 0
"$SKBTAPE" analyze -q "$TMP/t.skbtape" -o "$TMP/t.db"
eq "flood: a whole tape" $? 0
eq "flood: steps, in order" "$(sqlite3 "$TMP/t.db" "SELECT group_concat(source, ' ') FROM (SELECT source FROM quality WHERE kind='detail-lowered' ORDER BY from_ns)")" "path no-pcap drops"
eq "flood: they are said" "$(grep -c -e '--max-cpu 0.5 is used' "$TMP/log")" "$([ "$(fact end.reason)" = max-cpu ] && echo 4 || echo 3)"
eq "flood: each at a time within the recording" "$(q "$TMP/t.db" "SELECT count(*) FROM quality WHERE kind='detail-lowered' AND from_ns BETWEEN (SELECT CAST(value AS INT) FROM tape WHERE key='start_ns') AND (SELECT CAST(value AS INT) FROM tape WHERE key='end_ns')")" 3
eq "flood: decoded = recorded - lost" "$(fact events_decoded)" "$(($(fact events_recorded) - $(fact events_lost)))"
at() { echo "(SELECT from_ns FROM quality WHERE kind='detail-lowered' AND source='$1')"; }
eq "flood: task switches up to then, none after" "$(q "$TMP/t.db" "SELECT count(*) > 0, sum(start_ns > $(at path)) FROM run")" "1|0"
eq "flood: frames up to then" "$(q "$TMP/t.db" "SELECT count(*) > 0, sum(ts_ns > $(at no-pcap) + 300000000) FROM frame")" "1|0"
eq "flood: packets up to then" "$(q "$TMP/t.db" "SELECT count(*) > 0, sum(first_ns > $(at drops) AND outcome <> 'dropped') FROM packet")" "1|0"
eq "flood: no packet that was on its way is called certain to its end" "$(q "$TMP/t.db" "SELECT count(*) FROM packet WHERE outcome='unknown' AND confidence='certain' AND last_ns > $(at drops)")" 0
eq "flood: what cannot be looked for is said" "$(q "$TMP/t.db" "SELECT count(*) FROM quality WHERE source='detail' AND note LIKE '%reader-starved%'")" 1
eq "flood: nothing is found that is not" "$(sqlite3 "$TMP/t.db" "SELECT cause FROM finding WHERE severity <> 'info' AND cause NOT IN ('udp-rcvbuf-overflow', 'backlog-overflow')")" ""
grep -q '^detail ' "$TMP/log" && ok "flood: the summary says it" || no "flood: the summary says it" "$(cat "$TMP/log")"
eq "no instance left" "$(instances)" ""
rm -rf "$TMP"

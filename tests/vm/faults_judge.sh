#!/bin/sh
# SPDX-License-Identifier: MIT
# faults_judge.sh DIR: what tests/vm/faults.sh left in DIR: both tapes are whole, nothing was lost, packets are as many as were
# sent and all delivered, times go forward by the monotonic clock, and the clock's steps are said.
. tests/lib.sh
cat "$1/script.log"
for t in cpu clock; do
	"$SKBTAPE" analyze -q "$1/$t.skbtape" -o "$TMP/$t.db"
	eq "$t: whole tape" $? 0
	eq "$t: decoded = recorded - lost" "$(q "$TMP/$t.db" "SELECT (SELECT CAST(value AS INT) FROM tape WHERE key='events_recorded') - (SELECT CAST(value AS INT) FROM tape WHERE key='events_lost') - (SELECT CAST(value AS INT) FROM tape WHERE key='events_decoded')")" 0
	eq "$t: nothing was lost" "$(q "$TMP/$t.db" "SELECT value FROM tape WHERE key='events_lost'")" 0
	eq "$t: packets of the sender" "$(q "$TMP/$t.db" "SELECT count(*) FROM packet p JOIN flow w ON w.id=p.flow_id WHERE w.dport=9000 AND w.proto='udp' AND p.outcome='delivered'")" 3000
	eq "$t: no packet lasts longer than a minute" "$(q "$TMP/$t.db" "SELECT count(*) FROM packet WHERE last_ns < first_ns OR last_ns - first_ns > 60000000000")" 0
	eq "$t: nothing to blame" "$(q "$TMP/$t.db" "SELECT group_concat(cause) FROM finding WHERE severity <> 'info'")" ""
done
[ "$(q "$TMP/clock.db" "SELECT count(*) FROM quality WHERE kind='clock-step'")" -ge 2 ] && ok "clock: both steps are said" ||
	no "clock: both steps are said" "$(q "$TMP/clock.db" "SELECT group_concat(kind) FROM quality")"

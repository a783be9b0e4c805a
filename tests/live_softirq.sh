#!/bin/sh
# SPDX-License-Identifier: MIT
# live_softirq: softirq runs and rebuilt time_squeezes on the tape against the kernel's own counts, per CPU, between two
# snapshots, under load through NAPI with a small net.core.netdev_budget. A snapshot takes some milliseconds and its
# files are read one after the other: what happened meanwhile widens the range in which the kernel's count must lie.
. tests/lib.sh
live || { skip live_softirq "$LIVE_WHY"; exit 0; }
command -v ethtool >/dev/null || { skip live_softirq "needs ethtool(8)"; exit 0; }
trap - EXIT
. fixtures/make/net.sh
net_up || { no live_softirq "no namespaces"; exit 1; }
old=$(sysctl -n net.core.netdev_budget)
trap 'sysctl -qw net.core.netdev_budget=$old; rm -rf "$TMP"; net_down' EXIT
in_b ethtool -K vb gro on >/dev/null 2>&1
# segmentation in software makes a row of packets, which one poll gets
in_a ethtool -K va gro on tso off >/dev/null 2>&1
bg sink in_b taskset -c 1 "$TRAFFIC" sink 10.77.0.2 9000 0
bg serve in_b "$TRAFFIC" serve 10.77.0.2 9001
bg_wait sink && bg_wait serve || { no live_softirq "receivers"; exit 1; }
sysctl -qw net.core.netdev_budget=${BUDGET:=3}
start_record "$TMP/rec.log" --no-pcap -b 64M -o "$TMP/t.skbtape" || { no live_softirq "no recording"; exit 1; }
sleep 1.4
in_a taskset -c 0 "$TRAFFIC" flood 10.77.0.2 9000 1 100 >/dev/null &
flood=$!
in_a "$TRAFFIC" bulk 10.77.0.2 9001 40000000 >/dev/null
wait $flood
sleep 1.6
kill -INT $RECPID
wait $RECPID
eq "record ends with 0" $? 0
sysctl -qw net.core.netdev_budget="$old"
"$SKBTAPE" analyze -q "$TMP/t.skbtape" -o "$TMP/t.db"
eq "analyze ends with 0" $? 0
db=$TMP/t.db

# the first and the last snapshot that lie wholly within the recording
cat >"$TMP/ends.sql" <<'SQL'
CREATE TEMP TABLE ends AS SELECT (SELECT begin_ns FROM snapshot WHERE kind='tick' ORDER BY id LIMIT 1) AS a0,
	(SELECT end_ns FROM snapshot WHERE kind='tick' ORDER BY id LIMIT 1) AS a1,
	(SELECT begin_ns FROM snapshot WHERE kind='tick' ORDER BY id DESC LIMIT 1) AS b0,
	(SELECT end_ns FROM snapshot WHERE kind='tick' ORDER BY id DESC LIMIT 1) AS b1;
CREATE TEMP TABLE vecs AS SELECT key AS vec, value AS name FROM
	json_each('["HI","TIMER","NET_TX","NET_RX","BLOCK","IRQ_POLL","TASKLET","SCHED","HRTIMER","RCU"]');
-- what the kernel counted between both
CREATE TEMP TABLE moved AS SELECT source, name, cpu,
	(SELECT value FROM counter d WHERE d.source=c.source AND d.name=c.name AND d.cpu=c.cpu AND d.snap_ns<=b1 ORDER BY snap_ns DESC LIMIT 1) -
	(SELECT value FROM counter d WHERE d.source=c.source AND d.name=c.name AND d.cpu=c.cpu AND d.snap_ns<=a1 ORDER BY snap_ns DESC LIMIT 1) AS n
FROM (SELECT DISTINCT source, name, cpu FROM counter WHERE source='softirqs' OR (source='softnet_stat' AND name='time_squeeze')) c, ends;
-- and what the events say: within, and with the time of the snapshots themselves
CREATE TEMP TABLE runs AS SELECT name, cpu, sum(start_ns>a1 AND start_ns<b0) AS lo, count(*) AS hi
FROM softirq JOIN vecs USING (vec), ends WHERE start_ns BETWEEN a0 AND b1 GROUP BY name, cpu;
CREATE TEMP TABLE squeezes AS SELECT cpu, sum(kind='budget' AND ts_ns>a1 AND ts_ns<b0) AS lo, count(*) AS hi, sum(kind='time') AS by_time
FROM squeeze, ends WHERE ts_ns BETWEEN a0 AND b1 GROUP BY cpu;
SQL
ask() { { cat "$TMP/ends.sql"; echo "$1;"; } | sqlite3 -batch "$db"; }

lost=$(q "$db" "SELECT value FROM tape WHERE key='events_lost'")
if [ "$lost" != 0 ]; then
	skip "live_softirq: counts" "$lost events were lost"
else
	eq "two snapshots within the recording" "$(ask "SELECT b0>a1 FROM ends")" 1
	ask "SELECT '# '||m.name||' CPU '||m.cpu||': kernel '||n||', events '||lo||' to '||hi FROM moved m JOIN runs r ON r.name=m.name AND r.cpu=m.cpu WHERE m.source='softirqs'"
	eq "softirq runs: each vector and CPU as the kernel counts" \
		"$(ask "SELECT group_concat(m.name||' CPU '||m.cpu||': '||n||' not in '||coalesce(lo,0)||'..'||coalesce(hi,0), '; ') FROM moved m LEFT JOIN runs r ON r.name=m.name AND r.cpu=m.cpu WHERE m.source='softirqs' AND NOT n BETWEEN coalesce(lo,0) AND coalesce(hi,0)")" ""
	eq "softirq runs: NET_RX ran" "$(ask "SELECT sum(n)>10000 FROM moved WHERE name='NET_RX'")" 1
	ask "SELECT '# time_squeeze CPU '||m.cpu||': kernel '||n||', events '||coalesce(lo,0)||' to '||coalesce(hi,0)||', perhaps by time '||coalesce(by_time,0) FROM moved m LEFT JOIN squeezes s ON s.cpu=m.cpu WHERE m.name='time_squeeze'"
	eq "squeezes: each CPU as the kernel counts" \
		"$(ask "SELECT group_concat('CPU '||m.cpu||': '||n||' not in '||coalesce(lo,0)||'..'||coalesce(hi,0), '; ') FROM moved m LEFT JOIN squeezes s ON s.cpu=m.cpu WHERE m.name='time_squeeze' AND NOT n BETWEEN coalesce(lo,0) AND coalesce(hi,0)")" ""
	eq "squeezes: there were some, and runs without" "$(ask "SELECT (SELECT sum(n) FROM moved WHERE name='time_squeeze')>100 AND (SELECT sum(n) FROM moved WHERE name='time_squeeze')<(SELECT sum(n)*9/10 FROM moved WHERE name='NET_RX')")" 1
fi
eq "sum of the runs in softirq_cpu" "$(q "$db" "SELECT (SELECT sum(runs) FROM softirq_cpu)=(SELECT count(*) FROM softirq)")" 1
eq "sum of the work in napi_cpu" "$(q "$db" "SELECT (SELECT sum(work) FROM napi_cpu)=(SELECT sum(work) FROM napi_poll)")" 1
eq "parts of late softirqs add up" "$(q "$db" "SELECT count(*) FROM softirq_delay WHERE irq_ns+softirq_ns+task_ns+idle_ns+unknown_ns<>latency_ns")" 0
eq "no instance left" "$(instances)" ""

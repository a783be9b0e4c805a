-- SPDX-License-Identifier: MIT
-- cause: rx-single-cpu
-- severity: warning
-- tested: replay
-- uses: events, sched, counters, config
-- needs: event softirq_entry, event sched_switch
-- how: In at least two periods of one second one CPU spent half of its time or more in NET_RX and nine tenths of all NET_RX time of the machine was
--   its, while it was busy for nine tenths of these periods and another CPU idle for half of them. The packets belonged to at least 4 flows, none of them with more
--   than 6 of 10 packets, and the device they came in by has no RPS: they could have been spread. And it hurt: the CPU dropped packets at its
--   backlog, left work over at least 100 times (time_squeeze), or let 1 % of them and 20 at least wait 1 ms or more; else it is 'info'.
-- title: CPU {cpu} alone receives all packets[[ of {dev}]] while others idle
-- summary: CPU {cpu} did {v_share:pct} of all receive work (NET_RX) and was busy {v_busy:pct} of the time with it and other work, in {v_times} seconds; CPU {v_idle_cpu} was idle {v_idle:pct}
--   of that time[[. {v_flows:n flow} came in by {dev}, which has {v_queues:n receive queue} and no RPS]][[; {packets:n packet} waited 1 ms or more or were dropped]].
WITH loaded AS (
	-- no row: no CPU can have spent half of two seconds there
	SELECT 1 FROM softirq_cpu WHERE vec = 3 AND handler_ns >= 1000000000 LIMIT 1
), begin AS (
	SELECT min(start_ns) AS ns FROM softirq WHERE vec = 3
), net AS (
	SELECT (start_ns - (SELECT ns FROM begin)) / 1000000000 AS sec, cpu, sum(end_ns - start_ns) AS ns
	FROM loaded CROSS JOIN softirq
	WHERE vec = 3 AND end_ns IS NOT NULL
	GROUP BY 1, 2
), hot AS (
	SELECT sec, cpu, ns, sum(ns) OVER (PARTITION BY sec) AS total
	FROM net
), hots AS (
	SELECT sec, cpu, ns, (SELECT ns FROM begin) + sec * 1000000000 AS from_ns, (SELECT ns FROM begin) + (sec + 1) * 1000000000 AS to_ns
	FROM hot
	WHERE ns >= 500000000 AND ns * 10 >= total * 9
), cpus AS (
	SELECT DISTINCT cpu FROM counter WHERE source = 'softnet_stat' AND name = 'processed' AND cpu IS NOT NULL
), work AS (
	-- tasks, and softirqs that interrupted no task
	SELECT h.sec, h.cpu AS hot, r.cpu, sum(min(r.end_ns, h.to_ns) - max(r.start_ns, h.from_ns)) AS ns
	FROM hots h JOIN run r ON r.end_ns > h.from_ns AND r.start_ns < h.to_ns
	WHERE r.pid > 0
	GROUP BY h.sec, r.cpu
	UNION ALL
	SELECT h.sec, h.cpu, s.cpu, sum(s.end_ns - s.start_ns)
	FROM hots h JOIN softirq s ON s.start_ns BETWEEN h.from_ns AND h.to_ns AND s.pid = 0 AND s.end_ns IS NOT NULL
	GROUP BY h.sec, s.cpu
), busy AS (
	SELECT n.hot, c.cpu, n.n AS times, coalesce((SELECT sum(w.ns) FROM work w WHERE w.hot = n.hot AND w.cpu = c.cpu), 0) / (n.n * 1e9) AS share
	FROM (SELECT cpu AS hot, count(*) AS n FROM hots GROUP BY cpu) n JOIN cpus c
), place AS (
	SELECT b.hot AS cpu, b.times, b.share AS busy, i.cpu AS idle_cpu, 1.0 - i.share AS idle
	FROM busy b JOIN busy i ON i.hot = b.hot AND i.cpu <> b.cpu AND i.share <= 0.5
		AND i.cpu = (SELECT x.cpu FROM busy x WHERE x.hot = b.hot AND x.cpu <> b.hot ORDER BY x.share, x.cpu LIMIT 1)
	WHERE b.cpu = b.hot AND b.times >= 2 AND b.share >= 0.9
), taken AS (
	SELECT p.cpu, h.dev_id, k.flow_id, k.netns_in_id AS netns_id, h.packet_id, h.ts_ns - k.first_ns AS wait
	FROM place p CROSS JOIN _hop h ON h.cpu = p.cpu AND h.stage = (SELECT id FROM _stage WHERE name = 'netif_receive_skb') JOIN _packet k ON k.id = h.packet_id
), flows AS (
	SELECT cpu, count(*) AS flows, max(n) AS most, sum(n) AS packets
	FROM (SELECT cpu, flow_id, count(*) AS n FROM taken WHERE flow_id IS NOT NULL GROUP BY cpu, flow_id)
	WHERE n >= 10
	GROUP BY cpu
), dev AS (
	SELECT t.cpu, n.text AS dev, coalesce(s.name, (SELECT d.netns FROM netdev d WHERE d.name = n.text ORDER BY d.id LIMIT 1)) AS netns,
		row_number() OVER (PARTITION BY t.cpu ORDER BY count(*) DESC, n.text) AS nth
	FROM taken t JOIN _name n ON n.id = t.dev_id LEFT JOIN netns s ON s.id = t.netns_id
	WHERE n.text <> 'lo'
	GROUP BY t.cpu, n.text, s.name
), wait AS (
	-- between the first and the second receive stage of a packet
	SELECT p.cpu, count(*) AS n, sum(b.ts_ns - a.ts_ns >= 1000000) AS late,
		total(CASE WHEN b.ts_ns - a.ts_ns >= 1000000 THEN min(b.ts_ns - a.ts_ns, 100000000) END) AS waited, max(b.ts_ns - a.ts_ns) AS longest
	FROM place p CROSS JOIN _hop b ON b.cpu = p.cpu AND b.stage = (SELECT id FROM _stage WHERE name = 'netif_receive_skb')
	JOIN _hop a ON a.packet_id = b.packet_id AND a.seq BETWEEN b.seq - 3 AND b.seq - 1 AND a.dev_id = b.dev_id AND a.stage = (SELECT id FROM _stage WHERE name = 'netif_rx')
	GROUP BY p.cpu
), harm AS (
	SELECT p.*, w.late, w.waited, w.longest, w.n,
		(SELECT CAST(total(m.delta) AS INTEGER) FROM _moved m WHERE m.source = 'softnet_stat' AND m.name = 'dropped' AND m.cpu = p.cpu) AS dropped,
		(SELECT CAST(total(m.delta) AS INTEGER) FROM _moved m WHERE m.source = 'softnet_stat' AND m.name = 'time_squeeze' AND m.cpu = p.cpu) AS squeezed
	FROM place p LEFT JOIN wait w USING (cpu)
)
SELECT
	CASE WHEN h.dropped >= 5 OR h.squeezed >= 100 OR (h.late >= 20 AND h.late * 100 >= h.n) THEN 'warning' ELSE 'info' END AS severity,
	0.85 AS confidence,
	d.netns,
	d.dev,
	h.cpu,
	nullif(coalesce(h.late, 0) + h.dropped, 0) AS packets,
	f.flows,
	h.longest AS delay_ns,
	h.dropped + coalesce(h.waited, 0) / 1e8 AS harm,
	h.times AS v_times,
	h.busy AS v_busy,
	min(h.busy, 1.0) AS v_busy_share,
	h.idle_cpu AS v_idle_cpu,
	h.idle AS v_idle,
	f.flows AS v_flows,
	nullif(h.dropped, 0) AS v_dropped,
	nullif(h.squeezed, 0) AS v_squeezed,
	(SELECT CAST(sum(n.ns) AS REAL) / (SELECT sum(x.ns) FROM net x WHERE x.sec IN (SELECT sec FROM hots y WHERE y.cpu = h.cpu)) FROM hots n WHERE n.cpu = h.cpu) AS v_share,
	(SELECT count(DISTINCT q.queue) FROM queue_setting q WHERE q.netns = d.netns AND q.dev = d.dev AND q.queue LIKE 'rx-%') AS v_queues,
	CASE WHEN (SELECT count(*) FROM cpus) <= 32 THEN printf('%x', (1 << (SELECT count(*) FROM cpus)) - 1) END AS v_mask,
	(SELECT q.value FROM queue_setting q WHERE q.netns = d.netns AND q.dev = d.dev AND q.name = 'rps_cpus' ORDER BY q.queue LIMIT 1) AS v_rps,
	(SELECT min(q.queue) FROM queue_setting q WHERE q.netns = d.netns AND q.dev = d.dev AND q.name = 'rps_cpus') AS v_queue
FROM harm h JOIN flows f ON f.cpu = h.cpu AND f.flows >= 4 AND f.most * 10 <= f.packets * 6
JOIN dev d ON d.cpu = h.cpu AND d.nth = 1
WHERE NOT EXISTS (SELECT 1 FROM queue_setting q WHERE q.netns = d.netns AND q.dev = d.dev AND q.name = 'rps_cpus' AND trim(q.value, '0,') <> '')
ORDER BY harm DESC, h.cpu;

-- evidence: In {v_times} periods of one second CPU {cpu} spent {result:time} in NET_RX all in all.
SELECT sum(end_ns - start_ns) FROM softirq WHERE vec = 3 AND cpu = {cpu};
-- evidence: CPU {v_idle_cpu} was idle {result:pct} of these periods.
SELECT {v_idle};
-- evidence?: NET_RX left work over {result:n time} on CPU {cpu} (time_squeeze).
SELECT {v_squeezed};
-- evidence?: {result:n packet} were dropped at the backlog of CPU {cpu} (softnet_stat).
SELECT {v_dropped};
-- evidence?: The receive queues of {dev} have no RPS ({result} of them).
SELECT {v_queues};
-- advice: Let the other CPUs take a share: RPS, or as many receive queues and interrupts as CPUs where the device can.
-- command: {ns}sh -c 'echo {v_mask} >/sys/class/net/{dev}/queues/{v_queue}/rps_cpus'
-- undo: {ns}sh -c 'echo {v_rps} >/sys/class/net/{dev}/queues/{v_queue}/rps_cpus'
-- when: SELECT {v_mask} IS NOT NULL AND {v_queue} IS NOT NULL
-- ruled-out: Not a single flow, which no setting could spread: {v_flows} flows shared it.
-- ruled-out: Not a lack of CPU: others were idle.

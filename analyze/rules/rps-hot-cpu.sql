-- SPDX-License-Identifier: MIT
-- cause: rps-hot-cpu
-- severity: warning
-- tested: replay
-- uses: events, sched, config
-- needs: event sched_switch, event netif_receive_skb
-- how: A device has RPS, and it moved packets to a CPU that was busy for nine tenths or more of the time, while another CPU was idle for half of it: counted in
--   periods of one second with 50 or more such packets, at least two. And it hurt: 20 of the packets moved and 1 % of them at least waited 1 ms or more between the device and the
--   stack. Where a task held that CPU for 20 ms or more without a break during most of these waits, it is that task (softirq-delayed).
-- title: RPS[[ of {dev}]] sends packets to CPU {cpu}, which is busy, while CPU {v_idle_cpu} is idle
-- summary: {v_moved:n packet} were moved to CPU {cpu} by RPS[[ of {dev} (mask {v_mask})]], which was busy {v_busy:pct} of the time, while CPU {v_idle_cpu} was idle {v_idle:pct} of it.
--   {packets:n packet} of them waited 1 ms or more to be received, up to {delay_ns:time}[[. Most of its time went to {v_top}]].
WITH rps AS (
	-- no row: no device has it
	SELECT 1 FROM queue_setting WHERE name = 'rps_cpus' AND trim(value, '0,') <> '' LIMIT 1
), begin AS (
	SELECT min(first_ns) AS ns FROM _packet
), way AS (
	SELECT a.packet_id, a.cpu AS from_cpu, b.cpu AS to_cpu, a.ts_ns, b.ts_ns AS end_ns, b.ts_ns - a.ts_ns AS ns, b.dev_id, (a.ts_ns - (SELECT ns FROM begin)) / 1000000000 AS sec
	FROM rps CROSS JOIN _hop b JOIN _hop a ON a.packet_id = b.packet_id AND a.seq BETWEEN b.seq - 3 AND b.seq - 1 AND a.dev_id = b.dev_id
		AND a.stage IN (SELECT id FROM _stage WHERE name IN ('netif_rx', 'netif_receive_skb_entry', 'napi_gro_receive_entry'))
	WHERE b.stage = (SELECT id FROM _stage WHERE name = 'netif_receive_skb') AND a.cpu <> b.cpu
	GROUP BY b.packet_id, b.seq
), sent AS (
	SELECT sec, to_cpu AS cpu, (SELECT ns FROM begin) + sec * 1000000000 AS from_ns, (SELECT ns FROM begin) + (sec + 1) * 1000000000 AS to_ns
	FROM way
	GROUP BY sec, to_cpu
	HAVING count(*) >= 50
), cpus AS (
	SELECT DISTINCT cpu FROM counter WHERE source = 'softnet_stat' AND name = 'processed' AND cpu IS NOT NULL
), work AS (
	-- tasks, and softirqs that interrupted no task
	SELECT sec, cpu, sum(ns) / 1e9 AS share
	FROM (
		SELECT h.sec, r.cpu, min(r.end_ns, h.to_ns) - max(r.start_ns, h.from_ns) AS ns
		FROM (SELECT DISTINCT sec, from_ns, to_ns FROM sent) h JOIN run r ON r.end_ns > h.from_ns AND r.start_ns < h.to_ns
		WHERE r.pid > 0
		UNION ALL
		SELECT h.sec, s.cpu, s.end_ns - s.start_ns
		FROM (SELECT DISTINCT sec, from_ns, to_ns FROM sent) h JOIN softirq s ON s.start_ns BETWEEN h.from_ns AND h.to_ns AND s.pid = 0 AND s.end_ns IS NOT NULL
	)
	GROUP BY sec, cpu
), load AS (
	SELECT h.sec, h.cpu AS hot, c.cpu, coalesce(w.share, 0) AS share
	FROM sent h JOIN cpus c LEFT JOIN work w ON w.sec = h.sec AND w.cpu = c.cpu
), hot AS (
	SELECT l.hot AS cpu, l.sec, l.share AS busy, (SELECT min(x.share) FROM load x WHERE x.sec = l.sec AND x.hot = l.hot AND x.cpu <> l.hot) AS least
	FROM load l
	WHERE l.cpu = l.hot AND l.share >= 0.9
), place AS (
	SELECT cpu, count(*) AS times, avg(busy) AS busy, 1 - avg(least) AS idle, min(sec) AS first_sec, max(sec) AS last_sec
	FROM hot
	WHERE least <= 0.5
	GROUP BY cpu
	HAVING count(*) >= 2
), moved AS (
	SELECT p.cpu, w.dev_id, count(*) AS n, sum(w.ns >= 1000000) AS late, total(CASE WHEN w.ns >= 1000000 THEN min(w.ns, 100000000) END) AS waited, max(w.ns) AS longest, min(w.ts_ns) AS from_ns, max(w.end_ns) AS to_ns,
		max(w.from_cpu) AS from_cpu
	FROM place p JOIN way w ON w.to_cpu = p.cpu
	GROUP BY p.cpu, w.dev_id
	HAVING sum(w.ns >= 1000000) >= 20 AND sum(w.ns >= 1000000) * 100 >= count(*)
), held AS (
	-- late packets during which one task had the CPU for 20 ms without a break
	SELECT w.to_cpu AS cpu, w.dev_id, count(DISTINCT w.packet_id) AS n
	FROM moved m JOIN way w ON w.to_cpu = m.cpu AND w.dev_id = m.dev_id AND w.ns >= 1000000
	JOIN (SELECT r.cpu, r.start_ns, r.end_ns FROM run r LEFT JOIN task t ON t.pid = r.pid WHERE r.end_ns - r.start_ns >= 20000000
		AND coalesce(t.comm, '') NOT LIKE 'ksoftirqd/%') r ON r.cpu = w.to_cpu AND r.start_ns < w.end_ns AND r.end_ns > w.ts_ns
	GROUP BY w.to_cpu, w.dev_id
), idle AS (
	SELECT l.hot, l.cpu, row_number() OVER (PARTITION BY l.hot ORDER BY avg(l.share), l.cpu) AS nth FROM load l WHERE l.cpu <> l.hot GROUP BY l.hot, l.cpu
), top AS (
	SELECT p.cpu, coalesce(t.comm || ' (pid ' || r.pid || ')', 'a task (pid ' || r.pid || ')') AS who, t.comm, r.pid,
		row_number() OVER (PARTITION BY p.cpu ORDER BY sum(r.end_ns - r.start_ns) DESC, r.pid) AS nth
	FROM place p JOIN run r ON r.cpu = p.cpu AND r.pid > 0 AND r.end_ns > (SELECT ns FROM begin) + p.first_sec * 1000000000 AND r.start_ns < (SELECT ns FROM begin) + (p.last_sec + 1) * 1000000000
	LEFT JOIN task t ON t.pid = r.pid
	GROUP BY p.cpu, r.pid
)
SELECT
	0.88 AS confidence,
	q.netns,
	n.text AS dev,
	t.comm AS process,
	t.pid,
	m.cpu,
	m.from_ns,
	m.to_ns,
	m.late AS packets,
	m.longest AS delay_ns,
	m.waited / 1e8 AS harm,
	m.n AS v_moved,
	min(p.busy, 1.0) AS v_busy,
	p.idle AS v_idle,
	i.cpu AS v_idle_cpu,
	t.who AS v_top,
	q.queue AS v_queue,
	q.value AS v_mask
FROM moved m JOIN place p USING (cpu) JOIN _name n ON n.id = m.dev_id
JOIN queue_setting q ON q.dev = n.text AND q.name = 'rps_cpus' AND trim(q.value, '0,') <> ''
JOIN idle i ON i.hot = m.cpu AND i.nth = 1
LEFT JOIN held h ON h.cpu = m.cpu AND h.dev_id = m.dev_id
LEFT JOIN top t ON t.cpu = m.cpu AND t.nth = 1
WHERE coalesce(h.n, 0) * 2 < m.late
GROUP BY m.cpu, m.dev_id
ORDER BY m.late DESC, m.cpu, n.text;

-- evidence: {packets:n packet} of {result} that RPS moved to CPU {cpu} waited 1 ms or more there.
SELECT {v_moved};
-- evidence: CPU {v_idle_cpu} was idle {result:pct} of that time.
SELECT {v_idle};
-- evidence?: {v_top} ran on CPU {cpu} for {result:time}.
SELECT sum(end_ns - start_ns) FROM run WHERE cpu = {cpu} AND pid = {pid};
-- evidence: rps_cpus of {dev} {queue} is {result}.
SELECT value, queue FROM queue_setting WHERE netns IS {netns} AND dev = {dev} AND name = 'rps_cpus' AND trim(value, '0,') <> '' ORDER BY queue;
-- packets:
SELECT a.packet_id FROM _hop a JOIN _hop b ON b.packet_id = a.packet_id AND b.seq BETWEEN a.seq + 1 AND a.seq + 3 AND b.dev_id = a.dev_id AND b.cpu = {cpu} AND b.stage = (SELECT id FROM _stage WHERE name = 'netif_receive_skb') WHERE a.stage = (SELECT id FROM _stage WHERE name = 'netif_rx') AND a.cpu <> b.cpu AND b.ts_ns - a.ts_ns >= 1000000 AND b.dev_id = (SELECT id FROM _name WHERE text = {dev}) GROUP BY a.packet_id ORDER BY b.ts_ns - a.ts_ns DESC, a.packet_id LIMIT 20;
-- advice: Give RPS a mask of CPUs that have time, or take the other work off CPU {cpu}.
-- command: {ns}sh -c 'echo 0 >/sys/class/net/{dev}/queues/{v_queue}/rps_cpus'
-- undo: {ns}sh -c 'echo {v_mask} >/sys/class/net/{dev}/queues/{v_queue}/rps_cpus'
-- ruled-out: Not the load of the machine: CPU {v_idle_cpu} was idle.
-- ruled-out: Not one task that kept the softirq out: the waits were not covered by one.

-- SPDX-License-Identifier: MIT
-- cause: softirq-delayed
-- severity: warning
-- tested: live
-- uses: events, sched, counters
-- partial: yes
-- symptom-of: backlog-overflow/any, rps-hot-cpu/any, rx-single-cpu/any
-- how: On one CPU packets waited 1 ms or more in the CPU's backlog (netif_rx to netif_receive_skb), 20 of them and 1 % of its packets at least; or 1 % of its runs of NET_RX
--   and NET_TX and 5 at least began that late after they were raised: they normally take microseconds, and a late tick now and then, as tasks in
--   turn cause it, harms no one. All that at 5 different milliseconds at least. Or ksoftirqd or a NAPI
--   thread, woken for work left over, waited 2 ms or more behind one task that held the CPU for 20 ms or more without a break, at least twice,
--   while NET_RX left work over at least 100 times there (time_squeeze). All in all over half a second or more. What held the CPU is the task that ran
--   most during the 200 longest waits, a third of that time at least; where that is ksoftirqd, the packets waited for packets, and it is no such fault. Where no task
--   did (other softirqs, interrupts, a hypervisor that gave the CPU to others), it is 'info'. Its harm is the longest wait: what is lost elsewhere goes first.
-- title: Packet processing on CPU {cpu} is late, up to {delay_ns:time}[[: {v_task} holds the CPU]]
-- summary: {packets:n time} packet processing (NET_RX, NET_TX) on CPU {cpu} came 1 ms or more late, up to {delay_ns:time}[[; for most of these waits {v_who} held the
--   CPU]]. Packets wait meanwhile; nothing is lost.
WITH late_run AS (
	-- no row here or in the next: none was so late
	SELECT 1 FROM softirq_cpu WHERE vec IN (2, 3) AND delay_max_ns >= 1000000 LIMIT 1
), late_step AS (
	SELECT 1 FROM latency WHERE (stage_from = 'netif_rx' OR stage_to = 'netif_receive_skb') AND max_ns >= 1000000 / 3 LIMIT 1
), late AS (
	SELECT cpu, start_ns - latency_ns AS from_ns, start_ns AS to_ns, 1 AS kind
	FROM late_run CROSS JOIN softirq
	WHERE vec IN (2, 3) AND latency_ns >= 1000000
	UNION ALL
	SELECT b.cpu, a.ts_ns, b.ts_ns, 2
	FROM late_step CROSS JOIN _packet p CROSS JOIN _hop a ON a.packet_id = p.id AND a.stage = (SELECT id FROM _stage WHERE name = 'netif_rx')
	CROSS JOIN _hop b ON b.packet_id = a.packet_id AND b.seq BETWEEN a.seq + 1 AND a.seq + 3 AND b.dev_id IS a.dev_id
		AND b.stage = (SELECT id FROM _stage WHERE name = 'netif_receive_skb') AND b.ts_ns - a.ts_ns >= 1000000
	WHERE p.last_ns - p.first_ns >= 1000000
	GROUP BY a.packet_id, a.seq
	UNION ALL
	SELECT w.run_cpu, w.start_ns, w.end_ns, 3
	FROM wakeup w JOIN task t ON t.pid = w.pid JOIN run r ON r.cpu = w.run_cpu AND r.start_ns < w.end_ns AND r.end_ns > w.start_ns
		AND r.end_ns - r.start_ns >= 20000000 AND min(r.end_ns, w.end_ns) - max(r.start_ns, w.start_ns) >= 2000000
	WHERE w.latency_ns >= 2000000 AND (t.comm LIKE 'ksoftirqd/%' OR t.comm LIKE 'napi/%')
	GROUP BY w.start_ns, w.pid, w.run_cpu
), place AS (
	SELECT cpu, count(*) AS n, max(to_ns - from_ns) AS longest, min(from_ns) AS from_ns, max(to_ns) AS to_ns,
		sum(kind = 1) AS raises, sum(kind = 2) AS packets, sum(kind = 3) AS threads, count(DISTINCT CASE WHEN kind < 3 THEN to_ns / 1000000 END) AS times
	FROM late
	GROUP BY cpu
	HAVING max(to_ns) - min(from_ns) >= 500000000
), taken AS (
	SELECT p.*,
		(SELECT count(*) FROM _hop h WHERE h.cpu = p.cpu AND h.stage = (SELECT id FROM _stage WHERE name = 'netif_receive_skb')) AS received,
		(SELECT count(*) FROM softirq s WHERE s.cpu = p.cpu AND s.vec IN (2, 3)) AS runs
	FROM place p
), shown AS (
	SELECT *
	FROM taken
	WHERE (times >= 5 AND ((packets >= 20 AND packets * 100 >= received) OR (raises >= 5 AND raises * 100 >= runs)))
		OR (threads >= 2 AND (SELECT total(m.delta) FROM _moved m WHERE m.source = 'softnet_stat' AND m.name = 'time_squeeze' AND m.cpu = taken.cpu) >= 100)
), worst AS (
	SELECT l.cpu, l.from_ns, l.to_ns, row_number() OVER (PARTITION BY l.cpu ORDER BY l.to_ns - l.from_ns DESC, l.from_ns) AS nth
	FROM late l JOIN shown USING (cpu)
), held AS (
	SELECT w.cpu, r.pid, sum(min(r.end_ns, w.to_ns) - max(r.start_ns, w.from_ns)) AS ns, max(r.end_ns - r.start_ns) AS slice,
		row_number() OVER (PARTITION BY w.cpu ORDER BY sum(min(r.end_ns, w.to_ns) - max(r.start_ns, w.from_ns)) DESC, r.pid) AS nth
	FROM worst w JOIN run r ON r.cpu = w.cpu AND r.end_ns > w.from_ns AND r.start_ns < w.to_ns
	WHERE w.nth <= 200 AND r.pid > 0
	GROUP BY w.cpu, r.pid
), holder AS (
	SELECT h.*
	FROM held h
	WHERE h.nth = 1 AND h.ns * 3 >= (SELECT sum(w.to_ns - w.from_ns) FROM worst w WHERE w.cpu = h.cpu AND w.nth <= 200)
)
SELECT
	CASE WHEN h.pid IS NULL THEN 'info' WHEN p.longest >= 20000000 AND p.packets + p.raises >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN p.raises + p.packets < 5 THEN 0.75 WHEN h.pid IS NULL THEN 0.8 ELSE 0.92 END AS confidence,
	p.cpu,
	t.comm AS process,
	h.pid,
	t.comm AS v_task,
	coalesce(t.comm || ' (pid ' || h.pid || ')', 'a task (pid ' || h.pid || ')') AS v_who,
	p.from_ns,
	p.to_ns,
	p.n AS packets,
	p.longest AS delay_ns,
	p.longest / 1e8 AS harm,
	p.raises AS v_raises,
	p.packets AS v_packets,
	p.received AS v_received,
	p.runs AS v_runs,
	p.threads AS v_threads,
	h.slice AS v_slice
FROM shown p LEFT JOIN holder h ON h.cpu = p.cpu LEFT JOIN task t ON t.pid = h.pid
WHERE coalesce(t.comm, '') NOT LIKE 'ksoftirqd/%'
ORDER BY p.longest DESC, p.cpu;

-- evidence?: NET_RX or NET_TX began 1 ms or more after it was raised {result:n time} of {v_runs}.
SELECT count(*) FROM softirq WHERE vec IN (2, 3) AND latency_ns >= 1000000 AND cpu = {cpu};
-- evidence?: {result:n packet} of {v_received} waited 1 ms or more in the backlog of CPU {cpu}.
SELECT {v_packets};
-- evidence?: ksoftirqd or a NAPI thread of CPU {cpu} waited {result:n time} for 2 ms or more behind one task that held the CPU.
SELECT {v_threads};
-- evidence?: {v_who} ran there for up to {result:time} without a break.
SELECT {v_slice};
-- evidence?: NET_RX left work over {result:n time} on CPU {cpu} (time_squeeze).
SELECT sum(delta) FROM _moved WHERE source = 'softnet_stat' AND name = 'time_squeeze' AND cpu = {cpu};
-- advice: Take what holds the CPU off it, or lower its priority: a real-time task keeps ksoftirqd away for as long as it runs.
-- command: chrt -p {pid}
-- when: SELECT {pid} IS NOT NULL
-- advice: Let other CPUs take the packets: IRQ affinity, or RPS, without CPU {cpu}.
-- ruled-out: Not a slow reader: the packets had not reached a socket yet.

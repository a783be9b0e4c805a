-- SPDX-License-Identifier: MIT
-- cause: rps-bouncing
-- severity: warning
-- tested: live
-- uses: events, sched, config
-- symptom-of: softirq-delayed/any, rps-hot-cpu/any
-- how: RPS moved at least 500 packets from one CPU to another, whose readers then ran on another CPU than that in at least 8 of 10
--   wakeups, while the CPU that gave them away spent less than half of the time in NET_RX, and the one that took them less than a third: nothing was gained. These were 8 of 10 packets or more that the device received meanwhile. And it cost: a tenth or more of the typical
--   time from the device until the reader runs went by until the other CPU took the packet, at least twice what packets that stay need, and at least 5 us, what an
--   interrupt to another CPU costs at best. Where the first CPU is busy receiving, or the reader is where RPS sends to, it does what it is for.
-- title: RPS[[ of {dev}]] moves packets to CPU {cpu} without gain
-- summary: {packets:n packet} came on CPU {v_from}, were sent to CPU {cpu} by RPS[[ of {dev} (mask {v_mask})]], and their readers ran on yet another CPU {v_away:pct} of
--   the times. CPU {v_from} received packets only {v_busy:pct} of the time. Each packet waited typically {delay_ns:time} to get from one to the other[[, instead of {v_stay:time}]].
WITH rps AS (
	-- no row: no device has it, or it did not move so many packets
	SELECT 1
	FROM queue_setting
	WHERE name = 'rps_cpus' AND trim(value, '0,') <> ''
		AND EXISTS (SELECT 1 FROM cpu_hop WHERE kind IN ('rps', 'rfs', 'other') GROUP BY from_cpu, to_cpu HAVING sum(count) >= 500)
	LIMIT 1
), way AS (
	SELECT a.packet_id, a.cpu AS from_cpu, b.cpu AS to_cpu, b.ts_ns - a.ts_ns AS ns, b.dev_id, a.ts_ns
	FROM rps CROSS JOIN _hop a JOIN _hop b ON b.packet_id = a.packet_id AND b.seq BETWEEN a.seq + 1 AND a.seq + 3 AND b.dev_id = a.dev_id
		AND b.stage = (SELECT id FROM _stage WHERE name = 'netif_receive_skb')
	WHERE a.stage IN (SELECT id FROM _stage WHERE name IN ('netif_rx', 'netif_receive_skb_entry', 'napi_gro_receive_entry'))
	GROUP BY a.packet_id, a.seq
), hop AS (
	SELECT from_cpu, to_cpu, dev_id, count(*) AS n, min(ts_ns) AS from_ns, max(ts_ns) AS to_ns
	FROM way
	WHERE from_cpu <> to_cpu
	GROUP BY from_cpu, to_cpu, dev_id
	HAVING count(*) >= 500
), ranked AS (
	SELECT w.from_cpu, w.to_cpu, w.dev_id, w.ns, row_number() OVER (PARTITION BY w.from_cpu, w.to_cpu, w.dev_id ORDER BY w.ns) AS nth,
		count(*) OVER (PARTITION BY w.from_cpu, w.to_cpu, w.dev_id) AS n
	FROM way w
), median AS (
	SELECT from_cpu, to_cpu, dev_id, ns FROM ranked WHERE nth = (n + 1) / 2
), woke AS (
	SELECT from_cpu, to_cpu, dev_id, count(*) AS n, avg(away) AS away, max(CASE WHEN nth = (n + 1) / 2 THEN whole END) AS whole
	FROM (
		SELECT w.from_cpu, w.to_cpu, w.dev_id, k.run_cpu <> w.to_cpu AS away, k.ts_ns + k.latency_ns - w.ts_ns AS whole,
			row_number() OVER (PARTITION BY w.from_cpu, w.to_cpu, w.dev_id ORDER BY k.ts_ns + k.latency_ns - w.ts_ns) AS nth,
			count(*) OVER (PARTITION BY w.from_cpu, w.to_cpu, w.dev_id) AS n
		FROM way w JOIN _woken k ON k.packet_id = w.packet_id AND k.run_cpu IS NOT NULL AND k.latency_ns IS NOT NULL
		WHERE w.from_cpu <> w.to_cpu
	)
	GROUP BY from_cpu, to_cpu, dev_id
), placed AS (
	SELECT h.*, n.text AS dev, m.ns AS median, (SELECT min(s.ns) FROM median s WHERE s.from_cpu = s.to_cpu AND s.dev_id = h.dev_id) AS stay, k.away, k.n AS wakes, k.whole,
		(SELECT count(*) FROM way a WHERE a.dev_id = h.dev_id AND a.ts_ns BETWEEN h.from_ns AND h.to_ns) AS received,
		(SELECT total(min(r.end_ns, h.to_ns) - max(r.start_ns, h.from_ns)) FROM softirq r WHERE r.vec = 3 AND r.cpu = h.from_cpu AND r.end_ns > h.from_ns AND r.start_ns < h.to_ns)
			/ max(h.to_ns - h.from_ns, 1) AS busy,
		(SELECT total(min(r.end_ns, h.to_ns) - max(r.start_ns, h.from_ns)) FROM softirq r WHERE r.vec = 3 AND r.cpu = h.to_cpu AND r.end_ns > h.from_ns AND r.start_ns < h.to_ns)
			/ max(h.to_ns - h.from_ns, 1) AS taking
	FROM hop h JOIN _name n ON n.id = h.dev_id JOIN median m USING (from_cpu, to_cpu, dev_id) JOIN woke k USING (from_cpu, to_cpu, dev_id)
)
SELECT
	0.9 AS confidence,
	q.netns,
	p.dev,
	p.to_cpu AS cpu,
	p.from_ns,
	p.to_ns,
	p.n AS packets,
	p.n * (p.median - coalesce(p.stay, 0)) / 1e8 AS harm,
	p.median AS delay_ns,
	p.from_cpu AS v_from,
	p.away AS v_away,
	p.wakes AS v_wakes,
	p.received AS v_received,
	p.busy AS v_busy,
	p.stay AS v_stay,
	p.whole AS v_whole,
	min(1.0, CAST(p.median AS REAL) / p.whole) AS v_cost,
	q.queue AS v_queue,
	q.value AS v_mask
FROM placed p JOIN queue_setting q ON q.dev = p.dev AND q.name = 'rps_cpus' AND trim(q.value, '0,') <> ''
WHERE p.away >= 0.8 AND p.n * 10 >= p.received * 8 AND p.wakes >= 100 AND p.busy < 0.5 AND p.taking * 3 < 1 AND p.median >= 5000 AND p.median * 10 >= p.whole AND p.median >= 2 * coalesce(p.stay, 0)
GROUP BY p.from_cpu, p.to_cpu, p.dev
ORDER BY p.n DESC, p.dev, p.from_cpu, p.to_cpu;

-- evidence: {result:n packet} of {v_received} changed from CPU {v_from} to CPU {cpu} on the way into the stack.
SELECT {packets};
-- evidence: Of {v_wakes:n wakeup} of readers on CPU {cpu}, {result:pct} led to another CPU.
SELECT {v_away};
-- evidence: The typical way from the device until the reader runs takes {result:time}; {v_cost:pct} of that is the way to CPU {cpu}.
SELECT {v_whole};
-- evidence: rps_cpus of {dev} {queue} is {result}.
SELECT value, queue FROM queue_setting WHERE netns IS {netns} AND dev = {dev} AND name = 'rps_cpus' AND trim(value, '0,') <> '' ORDER BY queue;
-- advice: Switch RPS off on that queue; interrupts or RPS onto the readers' CPU (RFS) serve better.
-- command: {ns}sh -c 'echo 0 >/sys/class/net/{dev}/queues/{v_queue}/rps_cpus'
-- undo: {ns}sh -c 'echo {v_mask} >/sys/class/net/{dev}/queues/{v_queue}/rps_cpus'
-- ruled-out: Not a load that needs more CPUs: the one that received the packets had little to receive.
-- ruled-out: Not a loss: this costs time only.

-- SPDX-License-Identifier: MIT
-- cause: qdisc-standing-queue
-- severity: warning
-- tested: live
-- uses: events, counters, config
-- symptom-of: xps-slow-queue/dev, qdisc-overflow/dev, qdisc-class-overflow/dev, link-down/dev, udp-sndbuf-full/dev
-- how: Of the packets of a device at least 30, and at least half, waited 50 ms or more between net_dev_queue and
--   net_dev_start_xmit, over at least one second. 50 ms is ten times what CoDel allows a queue to stand and felt by
--   every request and answer. Without these events: a shaper (rate known) whose backlog at two snapshots or more was
--   worth 50 ms or more of its rate.
-- title: Packets wait {delay_ns:time} in the queue of {dev}
-- summary: {packets:n packet} waited[[ between {v_median:time} (median) and]] up to {delay_ns:time} in the {v_kind} queue of {dev}[[ (rate {v_rate} bit/s)]]: it is
--   deep and does not drain. Everything that leaves there comes late[[, and {v_lost:n packet} found no room]].
WITH slow AS (
	-- the packets that lived for so long: no other one can have waited for so long; all others are counted only where there are enough of these
	SELECT a.dev_id, a.ts_ns
	FROM _packet p CROSS JOIN _hop a ON a.packet_id = p.id AND a.stage = (SELECT id FROM _stage WHERE name = 'net_dev_queue')
	CROSS JOIN _hop b ON b.packet_id = a.packet_id AND b.seq > a.seq AND b.dev_id = a.dev_id
		AND b.stage = (SELECT id FROM _stage WHERE name = 'net_dev_start_xmit')
	WHERE p.last_ns - p.first_ns >= 50000000 AND b.ts_ns - a.ts_ns >= 50000000
), late AS MATERIALIZED (
	SELECT dev_id, count(*) AS late, min(ts_ns) AS from_ns, max(ts_ns) AS to_ns
	FROM slow
	GROUP BY dev_id
	HAVING count(*) >= 30 AND max(ts_ns) - min(ts_ns) >= 1000000000
), pair AS (
	SELECT a.packet_id, a.dev_id, b.ts_ns - a.ts_ns AS wait
	FROM (SELECT 1 FROM late LIMIT 1) CROSS JOIN _hop a JOIN _hop b ON b.packet_id = a.packet_id AND b.seq > a.seq AND b.dev_id = a.dev_id
		AND b.stage = (SELECT id FROM _stage WHERE name = 'net_dev_start_xmit')
	WHERE a.stage = (SELECT id FROM _stage WHERE name = 'net_dev_queue') AND a.dev_id IN (SELECT dev_id FROM late)
), dev AS (
	SELECT l.dev_id, p.n, l.late, p.longest, p.waited, l.from_ns, l.to_ns
	FROM late l JOIN (SELECT dev_id, count(*) AS n, max(wait) AS longest, total(CASE WHEN wait >= 50000000 THEN min(wait, 100000000) END) AS waited FROM pair GROUP BY dev_id) p USING (dev_id)
	WHERE l.late * 2 >= p.n
), ranked AS (
	SELECT p.dev_id, p.wait, p.packet_id, row_number() OVER (PARTITION BY p.dev_id ORDER BY p.wait, p.packet_id) AS nth, d.n
	FROM pair p JOIN dev d USING (dev_id)
), seen AS (
	SELECT n.text AS dev, d.*, (SELECT wait FROM ranked r WHERE r.dev_id = d.dev_id AND r.nth = (d.n + 1) / 2) AS median,
		coalesce((SELECT min(x.netns) FROM netdev x WHERE x.name = n.text HAVING count(DISTINCT x.netns_id) = 1),
			(SELECT s.name FROM ranked r JOIN _packet p ON p.id = r.packet_id JOIN netns s ON s.id = p.netns_out_id
			WHERE r.dev_id = d.dev_id GROUP BY s.name ORDER BY count(*) DESC, s.name LIMIT 1)) AS netns
	FROM dev d JOIN _name n ON n.id = d.dev_id
), deep AS (
	SELECT q.id, q.netns, q.dev, count(DISTINCT c.snap_ns) AS times, max(c.value) AS bytes, min(c.snap_ns) AS from_ns, max(c.snap_ns) AS to_ns
	FROM qdisc q JOIN counter c ON c.source = 'qdisc' AND c.name = 'backlog_bytes' AND c.netns = q.netns AND c.dev = q.dev || ' ' || q.handle
	WHERE q.rate_bps > 0 AND c.value * 8 * 20 >= q.rate_bps AND NOT EXISTS (SELECT 1 FROM _hop a JOIN _hop b ON b.packet_id = a.packet_id AND b.seq > a.seq AND b.dev_id = a.dev_id
			AND b.stage = (SELECT id FROM _stage WHERE name = 'net_dev_start_xmit') WHERE a.stage = (SELECT id FROM _stage WHERE name = 'net_dev_queue'))
	GROUP BY q.id
	HAVING count(DISTINCT c.snap_ns) >= 2
), root AS (
	SELECT netns, dev, kind, handle, rate_bps, limit_packets, limit_bytes, row_number() OVER (PARTITION BY netns, dev ORDER BY parent = 'root' DESC, max_backlog_packets > 0 DESC, id) AS nth
	FROM qdisc
	WHERE class = 0
)
SELECT
	0.95 AS confidence,
	coalesce(s.netns, (SELECT min(netns) FROM root WHERE dev = s.dev)) AS netns,
	s.dev,
	s.from_ns,
	s.to_ns,
	s.late AS packets,
	s.longest AS delay_ns,
	s.waited / 1e8 AS harm,
	s.median AS v_median,
	coalesce(r.kind, 'transmit') AS v_kind,
	r.rate_bps AS v_rate,
	r.handle AS v_handle,
	(SELECT nullif(max(q.drops_delta), 0) FROM qdisc q WHERE q.class = 0 AND q.dev = s.dev AND (q.netns = s.netns OR s.netns IS NULL)) AS v_lost
FROM seen s LEFT JOIN root r ON r.nth = 1 AND r.dev = s.dev AND (r.netns = s.netns OR s.netns IS NULL)
UNION ALL
SELECT 0.7, d.netns, d.dev, d.from_ns, d.to_ns, q.max_backlog_packets, d.bytes * 8000000000 / q.rate_bps,
	q.max_backlog_packets * min(d.bytes * 80.0 / q.rate_bps, 1), NULL, q.kind, q.rate_bps, q.handle, nullif(q.drops_delta, 0)
FROM deep d JOIN qdisc q ON q.id = d.id
ORDER BY 7 DESC, 2, 3;

-- evidence?: The median time between net_dev_queue and net_dev_start_xmit on {dev} is {result:time}.
SELECT {v_median};
-- evidence?: At the snapshots its {kind} queue held up to {result:n packet} ({max_backlog_bytes:size}).
SELECT max_backlog_packets, kind, max_backlog_bytes FROM qdisc WHERE netns IS {netns} AND dev = {dev} AND class = 0 ORDER BY max_backlog_bytes DESC, id;
-- evidence?: Its shaper sends {result} bit/s.
SELECT {v_rate};
-- packets:
SELECT a.packet_id FROM _hop a JOIN _hop b ON b.packet_id = a.packet_id AND b.seq > a.seq AND b.dev_id = a.dev_id AND b.stage = (SELECT id FROM _stage WHERE name = 'net_dev_start_xmit') WHERE a.stage = (SELECT id FROM _stage WHERE name = 'net_dev_queue') AND a.dev_id = (SELECT id FROM _name WHERE text = {dev}) ORDER BY b.ts_ns - a.ts_ns DESC, a.packet_id LIMIT 20;
-- advice: Send no more than the rate, or raise the rate; the queue shows what is too much.
-- command: {ns}tc -s qdisc show dev {dev}
-- advice: Let a queue that keeps itself short (fq_codel) stand inside the shaper, where it has no queue of its own choice.
-- command: {ns}tc qdisc add dev {dev} parent {v_handle}1 fq_codel
-- undo: {ns}tc qdisc del dev {dev} parent {v_handle}1 fq_codel
-- when: SELECT {v_kind} = 'tbf'
-- ruled-out: Not a loss: the qdisc dropped nothing.
-- when: SELECT NOT EXISTS (SELECT 1 FROM qdisc WHERE netns IS {netns} AND dev = {dev} AND drops_delta > 0)
-- ruled-out: Not a slow receiver: the packets had not left yet.

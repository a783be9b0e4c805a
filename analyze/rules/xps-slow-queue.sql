-- SPDX-License-Identifier: MIT
-- cause: xps-slow-queue
-- severity: warning
-- tested: live
-- uses: counters, events, config
-- how: A device with several transmit queues, each with a qdisc of its own (mq): in one of them a queue stood at a snapshot (10 packets or more) or packets were
--   dropped, while another one, which sent packets too, never held back any. And it hurt: 20 packets or more of that device waited 10 ms or more between
--   net_dev_queue and net_dev_start_xmit, or 10 or more were dropped in that queue. And packets are bound to
--   that queue by XPS (xps_cpus), or it has a shaper that the other one has not, or a slower one: a single flow that fills one queue of a device is none of it. Where
--   all queues stand, the device is the bottleneck.
-- title: Transmit queue {v_txq} of {dev} is congested while others are free
-- summary: Packets that were put into transmit queue {v_txq} of {dev} ({v_kind}[[, rate {v_rate} bit/s]]) stood there, up to {v_backlog:n packet} at a time[[, {v_drops:n packet} were dropped]][[, and
--   {v_late:n packet} waited 10 ms or more, up to {delay_ns:time}]]. Queue {v_free} of the same device sent {v_free_sent:n packet} without holding back any[[. XPS sends the
--   packets of CPUs {v_xps} to the slow one]].
WITH child AS (
	SELECT q.*, instr(q.parent, ':') AS colon, m.handle AS root
	FROM qdisc q JOIN qdisc m ON m.netns_id = q.netns_id AND m.dev = q.dev AND m.kind = 'mq' AND m.class = 0 AND m.parent = 'root'
	WHERE q.class = 0 AND q.kind <> 'mq' AND q.parent LIKE m.handle || '_%'
), hexed AS (
	-- the minor number of the parent class is the queue's number plus one, in hexadecimal
	SELECT c.*, lower(substr('000' || substr(c.parent, c.colon + 1), -4)) AS minor FROM child c
), numbered AS (
	SELECT h.*, (instr('0123456789abcdef', substr(minor, 1, 1)) - 1) * 4096 + (instr('0123456789abcdef', substr(minor, 2, 1)) - 1) * 256
		+ (instr('0123456789abcdef', substr(minor, 3, 1)) - 1) * 16 + instr('0123456789abcdef', substr(minor, 4, 1)) - 2 AS txq
	FROM hexed h
), slow AS (
	SELECT n.* FROM numbered n WHERE coalesce(n.max_backlog_packets, 0) >= 10 OR n.drops_delta >= 10
), free AS (
	SELECT n.*, row_number() OVER (PARTITION BY n.netns_id, n.dev ORDER BY n.packets_delta DESC, n.txq) AS nth
	FROM numbered n
	WHERE coalesce(n.max_backlog_packets, 0) = 0 AND n.drops_delta = 0 AND n.packets_delta >= 10
), pair AS (
	SELECT a.dev_id, p.netns_out_id AS netns_id, a.ts_ns, b.ts_ns - a.ts_ns AS wait
	FROM _hop a JOIN _packet p ON p.id = a.packet_id
	JOIN _hop b ON b.packet_id = a.packet_id AND b.seq > a.seq AND b.dev_id = a.dev_id AND b.stage = (SELECT id FROM _stage WHERE name = 'net_dev_start_xmit')
	WHERE a.stage = (SELECT id FROM _stage WHERE name = 'net_dev_queue') AND a.dev_id IN (SELECT n.id FROM _name n JOIN slow s ON s.dev = n.text)
		AND b.ts_ns - a.ts_ns >= 10000000
), late AS (
	SELECT n.text AS dev, p.netns_id, count(*) AS n, total(min(p.wait, 100000000)) AS waited, max(p.wait) AS longest, min(p.ts_ns) AS from_ns, max(p.ts_ns + p.wait) AS to_ns
	FROM pair p JOIN _name n ON n.id = p.dev_id
	GROUP BY n.text, p.netns_id
)
SELECT
	0.9 AS confidence,
	s.netns,
	s.dev,
	l.from_ns,
	l.to_ns,
	max(coalesce(l.n, 0), s.drops_delta) AS packets,
	l.longest AS delay_ns,
	s.drops_delta + coalesce(l.waited, 0) / 1e8 AS harm,
	s.txq AS v_txq,
	s.kind AS v_kind,
	s.rate_bps AS v_rate,
	s.max_backlog_packets AS v_backlog,
	nullif(s.drops_delta, 0) AS v_drops,
	l.n AS v_late,
	f.txq AS v_free,
	f.packets_delta AS v_free_sent,
	s.handle AS v_handle,
	x.value AS v_xps
FROM slow s JOIN free f ON f.netns_id = s.netns_id AND f.dev = s.dev AND f.nth = 1
LEFT JOIN late l ON l.dev = s.dev AND (l.netns_id = s.netns_id OR l.netns_id IS NULL)
LEFT JOIN queue_setting x ON x.netns_id = s.netns_id AND x.dev = s.dev AND x.queue = 'tx-' || s.txq AND x.name = 'xps_cpus' AND trim(x.value, '0,') <> ''
WHERE (l.n >= 20 OR s.drops_delta >= 10) AND (x.value IS NOT NULL OR s.rate_bps < coalesce(f.rate_bps, 9e18))
ORDER BY harm DESC, s.netns, s.dev, s.txq;

-- evidence: The qdisc {v_handle} of transmit queue {v_txq} held up to {result:n packet} at the snapshots.
SELECT {v_backlog};
-- evidence: The qdisc of queue {v_free} sent {result:n packet} in the same time, and held none at any snapshot.
SELECT {v_free_sent};
-- evidence?: {result:n packet} of {dev} waited 10 ms or more between net_dev_queue and net_dev_start_xmit.
SELECT {v_late};
-- evidence?: xps_cpus of queue {v_txq} is {result}.
SELECT {v_xps};
-- packets:
SELECT a.packet_id FROM _hop a JOIN _hop b ON b.packet_id = a.packet_id AND b.seq > a.seq AND b.dev_id = a.dev_id AND b.stage = (SELECT id FROM _stage WHERE name = 'net_dev_start_xmit') WHERE a.stage = (SELECT id FROM _stage WHERE name = 'net_dev_queue') AND a.dev_id = (SELECT id FROM _name WHERE text = {dev}) AND b.ts_ns - a.ts_ns >= 10000000 ORDER BY b.ts_ns - a.ts_ns DESC, a.packet_id LIMIT 20;
-- advice: Let the packets of these CPUs use other queues too.
-- command: {ns}sh -c 'echo 0 >/sys/class/net/{dev}/queues/tx-{v_txq}/xps_cpus'
-- undo: {ns}sh -c 'echo {v_xps} >/sys/class/net/{dev}/queues/tx-{v_txq}/xps_cpus'
-- when: SELECT {v_xps} IS NOT NULL
-- advice: Look at what makes that queue slower than the others: a shaper of its own, one bulk flow hashed to it.
-- command: {ns}tc -s qdisc show dev {dev}
-- ruled-out: Not the device as a whole: another of its queues sent all it got.

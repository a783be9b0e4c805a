-- SPDX-License-Identifier: MIT
-- cause: udp-sndbuf-full
-- severity: warning
-- tested: live
-- uses: counters, sockets, events
-- symptom-of: qdisc-standing-queue/netns, qdisc-overflow/netns, link-down/netns, neighbour-failed/netns
-- how: SndbufErrors of UDP grew by at least 10 more than drops on the way out in that namespace explain (the counter also
--   counts ENOBUFS of those), and a snapshot shows a UDP socket whose send memory is at least three quarters of its buffer: sends
--   blocked or failed with EAGAIN. Where most of what leaves the device is of that socket, the queue there can be no deeper than its buffer: then that is
--   the limit and the queue its symptom; else the socket suffers from the queue of others.
-- title: UDP send buffer full[[ at {flow_src} port {flow_sport}]]
-- summary: {packets:n send} failed in {netns} because the socket's send buffer[[ ({v_sndbuf:size})]] was full: it sends faster than the device takes the packets.
WITH grown AS (
	SELECT m.netns, sum(m.delta) - (SELECT coalesce(sum(g.drops), 0) FROM _drop_group g WHERE (g.netns = m.netns OR g.netns IS NULL) AND g.context = 'task' AND g.class <> 'teardown') AS n
	FROM _moved m
	WHERE m.name IN ('Udp.SndbufErrors', 'Udp6SndbufErrors') AND m.delta > 0
	GROUP BY m.netns
), full AS (
	SELECT s.netns, s.src, s.sport, nullif(s.dport, 0) AS dport, CASE WHEN s.dport > 0 THEN s.dst END AS dst, s.wmem_bytes, s.sndbuf_bytes, row_number() OVER (PARTITION BY s.netns ORDER BY s.wmem_bytes * 1.0 / s.sndbuf_bytes DESC, s.id) AS nth
	FROM socket s
	WHERE s.proto = 'udp' AND s.sndbuf_bytes > 0 AND s.wmem_bytes * 4 >= s.sndbuf_bytes * 3
), out AS (
	-- what left by each device, and how much of it from that port
	SELECT f.netns, i.text AS dev, sum(x.len_bytes) AS bytes, total(CASE WHEN w.proto = 'udp' AND w.sport = f.sport THEN x.len_bytes END) AS own
	FROM full f JOIN netns n ON n.name = f.netns JOIN flow w ON w.netns_id = n.id JOIN _frame x ON x.flow_id = w.id AND x.direction = 1 JOIN _name i ON i.id = x.dev_id
	WHERE f.nth = 1 AND f.netns IN (SELECT netns FROM grown WHERE n >= 10)
	GROUP BY f.netns, i.text
)
SELECT
	0.85 AS confidence,
	g.netns,
	(SELECT o.dev FROM out o WHERE o.netns = g.netns AND 2 * o.own >= o.bytes ORDER BY o.own DESC, o.dev LIMIT 1) AS dev,
	'udp' AS flow_proto,
	f.src AS flow_src,
	f.sport AS flow_sport,
	f.dst AS flow_dst,
	f.dport AS flow_dport,
	t.comm AS process,
	h.pid,
	g.n AS packets,
	f.sndbuf_bytes AS v_sndbuf,
	f.wmem_bytes AS v_wmem,
	(SELECT max(CAST(value AS INTEGER)) FROM sysctl WHERE name = 'net.core.wmem_max') AS v_wmem_max,
	4 * (SELECT max(CAST(value AS INTEGER)) FROM sysctl WHERE name = 'net.core.wmem_max') AS v_wmem_new
FROM grown g JOIN full f ON f.netns IS g.netns AND f.nth = 1
LEFT JOIN (
	-- the task whose calls sent from that port
	SELECT w.src, w.sport, h.pid, row_number() OVER (PARTITION BY w.src, w.sport ORDER BY count(*) DESC, h.pid) AS nth
	FROM flow w JOIN _packet p ON p.flow_id = w.id JOIN _hop h ON h.packet_id = p.id AND h.seq = 0
	WHERE w.proto = 'udp' AND h.context = 1 AND h.pid > 0 AND h.stage = (SELECT id FROM _stage WHERE name = 'net_dev_queue')
	GROUP BY w.src, w.sport, h.pid
) h ON h.nth = 1 AND h.src = f.src AND h.sport = f.sport
LEFT JOIN task t ON t.pid = h.pid
WHERE g.n >= 10
ORDER BY g.n DESC, g.netns;

-- evidence: SndbufErrors of UDP grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('Udp.SndbufErrors', 'Udp6SndbufErrors') AND netns IS {netns} AND delta > 0;
-- evidence: A socket had {v_wmem:size} of {v_sndbuf:size} in use at a snapshot.
SELECT {v_wmem};
-- advice: Send at the rate of the device, or let the application wait (poll) until the socket is writable.
-- command: {ns}ss -uanmp sport = {flow_sport}
-- advice: Allow larger send buffers for bursts; the application asks for them with SO_SNDBUF.
-- command: sysctl -w net.core.wmem_max={v_wmem_new}
-- undo: sysctl -w net.core.wmem_max={v_wmem_max}
-- when: SELECT {v_wmem_new} IS NOT NULL
-- ruled-out: Not a loss on the way out: drops there explain none of these.

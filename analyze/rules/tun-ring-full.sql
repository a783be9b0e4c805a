-- SPDX-License-Identifier: MIT
-- cause: tun-ring-full
-- severity: critical
-- tested: live
-- uses: events, counters, config
-- how: At least 5 drops with reason FULL_RING at tun_net_xmit, or anywhere where the tape names no functions, for only tun and tap give it (without reasons: drops at tun_net_xmit while tx_dropped of a tun
--   device grows), per device: the process behind the device does not take the packets out of its queue.
-- title: The process behind {dev} does not read: its queue is full
-- summary: {packets}[[ of {v_seen}]] packets sent to the tun/tap device {dev}[[ in {netns}]] were dropped because its queue[[ (txqueuelen {v_qlen})]] was
--   full: the user process behind it[[ ({process})]][[, pid {pid},]] does not read, or not fast enough.
WITH hit AS (
	SELECT t.*, row_number() OVER (PARTITION BY t.netns, t.dev ORDER BY t.drops DESC, t.id) AS nth, sum(t.drops) OVER (PARTITION BY t.netns, t.dev) AS all_drops,
		sum(t.seen) OVER (PARTITION BY t.netns, t.dev) AS all_seen
	FROM _drop_target t
	WHERE (t.function = '?' AND t.reason = 'FULL_RING')
		OR t.function IN ('tun_net_xmit', 'tap_handle_frame') AND (t.reason = 'FULL_RING' OR (t.reason IS NULL
		AND EXISTS (SELECT 1 FROM _moved m JOIN netdev d ON d.name = m.dev AND d.netns IS m.netns AND d.kind = 'tun'
			WHERE m.source = 'dev' AND m.name = 'tx_dropped' AND m.delta > 0)))
), one AS (
	-- a drop without device belongs to the only tun device whose tx_dropped grew
	SELECT max(m.dev) AS dev, max(m.netns) AS netns
	FROM _moved m JOIN netdev d ON d.name = m.dev AND d.netns IS m.netns AND d.kind = 'tun'
	WHERE m.source = 'dev' AND m.name = 'tx_dropped' AND m.delta > 0
	HAVING count(*) = 1
), reader AS (
	SELECT p.dev_out AS dev, h.pid, count(*) AS n
	FROM packet p JOIN hop h ON h.packet_id = p.id
	WHERE h.stage = 'consume_skb' AND h.context = 'task' AND h.pid > 0 AND p.dev_out IN (SELECT name FROM netdev WHERE kind = 'tun')
	GROUP BY p.dev_out, h.pid
)
SELECT
	CASE WHEN h.all_drops >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN h.function = '?' THEN 0.75 WHEN h.dev IS NOT NULL THEN 0.97 WHEN o.dev IS NOT NULL THEN 0.85 ELSE 0.7 END AS confidence,
	coalesce(h.netns, o.netns) AS netns,
	coalesce(h.dev, o.dev) AS dev,
	h.function,
	h.reason,
	h.flow_id,
	h.proto AS flow_proto,
	h.src AS flow_src,
	h.sport AS flow_sport,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	h.from_ns,
	h.to_ns,
	(SELECT r.pid FROM reader r WHERE r.dev = coalesce(h.dev, o.dev) ORDER BY r.n DESC, r.pid LIMIT 1) AS pid,
	(SELECT t.comm FROM task t WHERE t.pid = (SELECT r.pid FROM reader r WHERE r.dev = coalesce(h.dev, o.dev) ORDER BY r.n DESC, r.pid LIMIT 1)) AS process,
	h.all_drops AS packets,
	h.all_seen AS v_seen,
	h.dev AS v_dev,
	h.netns AS v_netns,
	(SELECT tx_queue_len FROM netdev d WHERE d.netns IS coalesce(h.netns, o.netns) AND d.name = coalesce(h.dev, o.dev)) AS v_qlen,
	(SELECT 4 * tx_queue_len FROM netdev d WHERE d.netns IS coalesce(h.netns, o.netns) AND d.name = coalesce(h.dev, o.dev) AND tx_queue_len > 0) AS v_qlen_new
FROM hit h
LEFT JOIN one o ON h.dev IS NULL
WHERE h.nth = 1 AND h.all_drops >= 5
ORDER BY h.all_drops DESC, h.id;

-- evidence: {result} packets were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason IS {reason} AND dev IS {v_dev} AND netns IS {v_netns};
-- evidence?: tx_dropped of {dev} grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name = 'tx_dropped' AND netns IS {netns} AND dev = {dev};
-- evidence?: Its queue holds {result} packets (txqueuelen).
SELECT {v_qlen};
-- evidence?: {result} packets were read from it, the last of them {ago:time} before the last drop.
SELECT count(*), {to_ns} - max(h.ts_ns) AS ago FROM hop h JOIN packet p ON p.id = h.packet_id WHERE p.dev_out = {dev} AND h.stage = 'consume_skb' AND h.context = 'task';
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Look at the process that holds the device (VPN daemon, virtual machine): does it hang, is it starved of CPU?
-- command: grep -lsw {dev} /proc/[0-9]*/fdinfo/*
-- when: SELECT {dev} IS NOT NULL
-- advice: Against bursts only, a longer queue helps.
-- command: {ns}ip link set dev {dev} txqueuelen {v_qlen_new}
-- undo: {ns}ip link set dev {dev} txqueuelen {v_qlen}
-- when: SELECT {v_qlen_new} IS NOT NULL
-- ruled-out: Not a queueing discipline: the packets had passed it and were refused by the device itself.

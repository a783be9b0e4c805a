-- SPDX-License-Identifier: MIT
-- cause: qdisc-overflow
-- severity: warning
-- tested: live
-- uses: events
-- symptom-of: peer-device-down/dev, link-down/dev
-- confidence: 0.7
-- how: For a recording without any queueing discipline's counters (a trace of another program): at least 10 packets freed where they were to be
--   queued, more than 1 in 50 of those that were sent through the device. What kind of discipline it is and what limits it
--   is not known there; netem and active queues free packets at the same place.
-- title: The queueing discipline of {v_at} drops packets
-- summary: {packets} of {v_given} packets that were to be sent through {v_at}[[ in {netns}]] were dropped by its queueing discipline. Its kind, limit and counters were not recorded.
WITH hit AS (
	SELECT t.netns, t.dev, max(t.function) AS function, max(t.reason) AS reason, sum(t.drops) AS drops, min(t.from_ns) AS from_ns, max(t.to_ns) AS to_ns,
		max(t.flow_id) AS flow_id, count(DISTINCT coalesce(t.proto, '') || coalesce(t.dst, '') || coalesce(t.dport, '')) AS targets,
		max(t.proto) AS proto, max(t.src) AS src, max(t.dst) AS dst, max(t.dport) AS dport
	FROM _drop_target t
	WHERE t.dev IS NOT NULL AND t.class = 'loss' AND NOT EXISTS (SELECT 1 FROM qdisc)
		AND (t.reason IN ('QDISC_DROP', 'QDISC_OVERLIMIT', 'QDISC_CONGESTED', 'QDISC_BURST_DROP', 'CAKE_FLOOD', 'FQ_BAND_LIMIT', 'FQ_FLOW_LIMIT',
				'FQ_HORIZON_LIMIT', 'DUALPI2_STEP_DROP')
			OR (t.reason IS NULL AND t.layer = 'qdisc' AND t.function IN ('kfree_skb_list', 'kfree_skb_list_reason', '__dev_queue_xmit', '__dev_xmit_skb')))
	GROUP BY t.netns, t.dev
	HAVING sum(t.drops) >= 10
), given AS (
	SELECT h.*, (SELECT count(*) FROM _packet p WHERE p.dev_out_id = (SELECT id FROM _name WHERE text = h.dev)) AS packets
	FROM hit h
)
SELECT
	CASE WHEN g.drops >= 50 AND g.drops * 5 >= g.packets THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN g.reason IS NOT NULL THEN 0.7 ELSE 0.6 END AS confidence,
	g.netns,
	g.dev,
	g.function,
	g.reason,
	CASE WHEN g.targets = 1 THEN g.flow_id END AS flow_id,
	CASE WHEN g.targets = 1 THEN g.proto END AS flow_proto,
	CASE WHEN g.targets = 1 THEN g.src END AS flow_src,
	CASE WHEN g.targets = 1 THEN g.dst END AS flow_dst,
	CASE WHEN g.targets = 1 THEN g.dport END AS flow_dport,
	g.from_ns,
	g.to_ns,
	g.drops AS packets,
	max(g.packets, g.drops) AS v_given,
	g.dev AS v_at
FROM given g
WHERE g.drops * 50 >= g.packets
ORDER BY g.drops DESC, g.netns, g.dev;

-- evidence: {result} packets were freed[[ in {function}]][[ with reason {reason}]] when they were to be queued on {dev}.
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND dev IS {dev} AND function = {function} AND reason IS {reason};
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND dev IS {dev} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: See its kind, limit and counters. If its rate is right, the senders must slow down; if its limit is too small for bursts, raise it.
-- command: {ns}tc -s -d qdisc show dev {dev}
-- ruled-out: Not the receiver and not the path: the packets never left this device.
-- ruled-out: Not a full socket send buffer: send() succeeded, the drop is below it.
-- when: SELECT {function} IS NOT NULL

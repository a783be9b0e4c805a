-- SPDX-License-Identifier: MIT
-- cause: peer-device-down
-- severity: warning
-- tested: live
-- uses: events, config
-- symptom-of: link-down/dev
-- how: At least 5 drops at __dev_forward_skb, __dev_forward_skb2 or veth_xmit (or DEV_READY in the transmit path), where the other
--   end of the veth pair is not up in the last snapshot; or, where that end was down all the time and the device so never had a carrier, drops at
--   its transmit path, where it has no queue to put them into (noop_enqueue(), net/sched/sch_generic.c), or growth of its tx_dropped.
--   Frames that are too large have a cause of their own.
-- title: The other end of {dev} is down
-- summary: {packets} packets were dropped between {dev}[[ in {netns}]] and its peer[[ {v_peer}]][[ in {v_peer_netns}]], because that end is not up.
WITH pair AS (
	SELECT a.netns, a.name AS dev, b.netns AS peer_netns, b.name AS peer, b.flags & 1 AS peer_up
	FROM netdev a JOIN netdev b ON b.id = a.peer_id
), hit AS (
	SELECT t.netns, t.dev, t.function, t.reason, sum(t.drops) AS drops, min(t.from_ns) AS from_ns, max(t.to_ns) AS to_ns, max(t.flow_id) AS flow_id
	FROM _drop_target t
	WHERE t.function IN ('__dev_forward_skb', '__dev_forward_skb2', 'veth_xmit') AND t.dev IS NOT NULL
		AND (t.reason IN ('NOT_SPECIFIED', 'DEV_READY') OR t.reason IS NULL)
	GROUP BY t.netns, t.dev, t.function, t.reason
), never AS ( -- up, without carrier, from the first snapshot to the last
	SELECT p.* FROM pair p JOIN netdev d ON d.netns = p.netns AND d.name = p.dev
	WHERE p.peer_up = 0 AND d.flags & 1 = 1 AND d.carrier = 0
		AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.source = 'dev' AND m.name IN ('carrier_changes', 'carrier_down_count') AND m.netns = p.netns AND m.dev = p.dev AND m.delta > 0)
), idle AS (
	SELECT n.netns, n.dev, max(t.function) AS function, max(t.reason) AS reason, sum(t.drops) AS drops, min(t.from_ns) AS from_ns, max(t.to_ns) AS to_ns, max(t.flow_id) AS flow_id
	FROM never n JOIN _drop_target t ON t.netns = n.netns AND t.dev = n.dev AND t.function IN ('__dev_queue_xmit', '__dev_xmit_skb', 'kfree_skb_list', 'kfree_skb_list_reason', 'noop_enqueue')
	GROUP BY n.netns, n.dev
	UNION ALL
	SELECT n.netns, n.dev, NULL, NULL, m.delta, NULL, NULL, NULL
	FROM never n JOIN _moved m ON m.source = 'dev' AND m.name = 'tx_dropped' AND m.netns = n.netns AND m.dev = n.dev
	WHERE NOT EXISTS (SELECT 1 FROM _drop_target t WHERE t.netns = n.netns AND t.dev = n.dev AND t.function IN ('__dev_queue_xmit', '__dev_xmit_skb', 'kfree_skb_list', 'kfree_skb_list_reason', 'noop_enqueue'))
), lost AS (
	SELECT * FROM hit
	UNION ALL
	SELECT netns, dev, function, reason, drops, from_ns, to_ns, flow_id FROM idle
)
-- the drop may stand at either end: the one that is down is what counts
SELECT
	CASE WHEN h.drops >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN p.peer_up = 0 THEN 0.9 ELSE 0.85 END AS confidence,
	p.netns,
	p.dev,
	h.function,
	h.reason,
	h.flow_id,
	h.from_ns,
	h.to_ns,
	h.drops AS packets,
	p.peer AS v_peer,
	p.peer_netns AS v_peer_netns,
	h.netns AS v_netns,
	h.dev AS v_dev
FROM lost h
JOIN pair p ON p.peer_up = 0 AND ((p.netns IS h.netns AND p.dev = h.dev) OR (p.peer_netns IS h.netns AND p.peer = h.dev))
WHERE h.drops >= 5
ORDER BY h.drops DESC, p.netns, p.dev;

-- evidence?: {result} packets were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason IS {reason} AND netns IS {v_netns} AND dev = {v_dev};
-- evidence?: tx_dropped of {v_dev} grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name = 'tx_dropped' AND netns IS {v_netns} AND dev = {v_dev} AND delta > 0;
-- evidence: The peer {v_peer} has flags {result}: IFF_UP (1) is not among them.
SELECT flags FROM netdev WHERE netns IS {v_peer_netns} AND name = {v_peer};
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND dev = {v_dev} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Bring the other end up.
-- command: {v_peer_netns:ns}ip link set dev {v_peer} up
-- undo: {v_peer_netns:ns}ip link set dev {v_peer} down

-- SPDX-License-Identifier: MIT
-- cause: l2-mtu-mismatch
-- severity: warning
-- tested: live
-- uses: events, config
-- how: At least 5 drops at __dev_forward_skb, __dev_forward_skb2, veth_xmit or br_dev_queue_push_xmit of packets longer than the MTU of the
--   receiving end (and its 14 byte link header and a VLAN tag), while smaller packets pass.
-- title: Frames larger than the MTU of {v_peer}
-- summary: {packets} packets of up to {v_len} bytes were dropped on their way to {v_peer}[[ in {v_peer_netns}]], whose MTU is {v_mtu}: the two ends of the
--   link have different MTUs, so only large packets are lost.
WITH big AS (
	SELECT d.netns, d.dev, d.function, d.reason, p.len_bytes, d.ts_ns, d.id, d.flow_id, d.packet_id
	FROM packet_drop d JOIN _packet p ON p.id = d.packet_id
	WHERE d.function IN ('__dev_forward_skb', '__dev_forward_skb2', 'veth_xmit', 'br_dev_queue_push_xmit') AND d.dev IS NOT NULL
), fit AS (
	SELECT b.*, e.netns AS peer_netns, e.name AS peer, e.mtu
	FROM big b JOIN netdev e ON e.id = coalesce(
		(SELECT x.peer_id FROM netdev x JOIN netdev y ON y.id = x.peer_id WHERE x.netns IS b.netns AND x.name = b.dev AND y.mtu < x.mtu),
		(SELECT x.id FROM netdev x WHERE x.netns IS b.netns AND x.name = b.dev))
	WHERE b.len_bytes > e.mtu + 18 AND e.flags & 1 = 1
)
SELECT
	CASE WHEN count(*) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	f.netns,
	f.dev,
	f.function,
	max(f.reason) AS reason,
	max(f.flow_id) AS flow_id,
	min(f.ts_ns) AS from_ns,
	max(f.ts_ns) AS to_ns,
	count(*) AS packets,
	f.peer AS v_peer,
	f.peer_netns AS v_peer_netns,
	f.mtu AS v_mtu,
	max(f.len_bytes) AS v_len
FROM fit f
GROUP BY f.netns, f.dev, f.function, f.peer_netns, f.peer
HAVING count(*) >= 5
ORDER BY count(*) DESC, f.netns, f.dev;

-- evidence: {result} packets longer than {v_mtu} bytes were freed[[ in {function}]]; the smallest had {lo} bytes.
SELECT count(*), min(p.len_bytes) AS lo FROM packet_drop d JOIN _packet p ON p.id = d.packet_id WHERE d.function = {function} AND d.dev = {dev} AND p.len_bytes > {v_mtu} + 18;
-- evidence: MTU of {v_peer}: {result}.
SELECT mtu FROM netdev WHERE netns IS {v_peer_netns} AND name = {v_peer};
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND dev = {dev} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Give both ends of the link the same MTU.
-- command: {v_peer_netns:ns}ip link show dev {v_peer}

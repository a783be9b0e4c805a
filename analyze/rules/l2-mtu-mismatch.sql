-- SPDX-License-Identifier: MIT
-- cause: l2-mtu-mismatch
-- severity: warning
-- tested: live
-- uses: events, config
-- how: At least 5 drops at __dev_forward_skb, __dev_forward_skb2 or veth_xmit of packets longer than the MTU of the receiving end (and its
--   14 byte link header and a VLAN tag), while smaller packets pass. In br_dev_queue_push_xmit or br_nf_dev_queue_xmit, where a bridge gives
--   a packet to its port (net/bridge/br_forward.c), longer than the MTU of a port behind which the destination is, or of the only port that is so small.
-- title: Frames larger than the MTU of {v_peer}
-- summary: {packets} packets of up to {v_len} bytes[[ to {flow_dst}]] were dropped on their way to {v_peer}[[ in {v_peer_netns}]], whose MTU is {v_mtu}: others
--   send larger frames to it, so only large packets are lost.
WITH big AS (
	SELECT d.netns, d.dev, d.function, d.reason, p.len_bytes, d.ts_ns, d.id, d.flow_id, d.packet_id
	FROM packet_drop d JOIN _packet p ON p.id = d.packet_id
	WHERE d.function IN ('__dev_forward_skb', '__dev_forward_skb2', 'veth_xmit') AND d.dev IS NOT NULL
), fit AS (
	SELECT b.*, b.dev AS at, e.netns AS peer_netns, e.name AS peer, e.mtu
	FROM big b JOIN netdev e ON e.id = coalesce(
		(SELECT x.peer_id FROM netdev x JOIN netdev y ON y.id = x.peer_id WHERE x.netns IS b.netns AND x.name = b.dev AND y.mtu < x.mtu),
		(SELECT x.id FROM netdev x WHERE x.netns IS b.netns AND x.name = b.dev))
	WHERE b.len_bytes > e.mtu + 18 AND e.flags & 1 = 1
), bridged AS (
	SELECT d.netns, d.dev, d.function, d.reason, p.len_bytes, d.ts_ns, d.id, d.flow_id, d.packet_id, i.netns_id, i.master_ifindex,
		(SELECT o.id FROM netdev o JOIN netdev e ON e.id = o.peer_id JOIN addr a ON a.netns_id = e.netns_id AND a.dev = e.name AND a.address = w.dst
			WHERE o.netns_id = i.netns_id AND o.master_ifindex = i.master_ifindex AND o.id <> i.id AND p.len_bytes > o.mtu + 18) AS known,
		(SELECT min(o.id) FROM netdev o WHERE o.netns_id = i.netns_id AND o.master_ifindex = i.master_ifindex AND o.id <> i.id AND p.len_bytes > o.mtu + 18
			HAVING count(*) = 1) AS small
	FROM packet_drop d
	JOIN _packet p ON p.id = d.packet_id
	JOIN netdev i ON i.netns = d.netns AND i.name = d.dev
	LEFT JOIN flow w ON w.id = d.flow_id
	WHERE d.function IN ('br_dev_queue_push_xmit', 'br_nf_dev_queue_xmit') AND coalesce(d.reason, 'NOT_SPECIFIED') IN ('NOT_SPECIFIED', 'PKT_TOO_BIG')
), held AS (
	SELECT netns, dev, function, reason, len_bytes, ts_ns, id, flow_id, packet_id, dev AS at, peer_netns, peer, mtu FROM fit
	UNION ALL
	SELECT b.netns, o.name, b.function, b.reason, b.len_bytes, b.ts_ns, b.id, b.flow_id, b.packet_id, b.dev, o.netns, o.name, o.mtu
	FROM bridged b JOIN netdev o ON o.id = coalesce(b.known, b.small)
)
SELECT
	CASE WHEN count(*) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	f.netns,
	f.dev,
	f.function,
	max(f.reason) AS reason,
	max(f.flow_id) AS flow_id,
	CASE WHEN min(w.proto) = max(w.proto) THEN min(w.proto) END AS flow_proto,
	CASE WHEN min(w.src) = max(w.src) THEN min(w.src) END AS flow_src,
	CASE WHEN min(w.dst) = max(w.dst) THEN min(w.dst) END AS flow_dst,
	CASE WHEN min(w.dport) = max(w.dport) THEN min(w.dport) END AS flow_dport,
	min(f.ts_ns) AS from_ns,
	max(f.ts_ns) AS to_ns,
	count(*) AS packets,
	f.peer AS v_peer,
	f.peer_netns AS v_peer_netns,
	f.mtu AS v_mtu,
	max(f.len_bytes) AS v_len,
	f.at AS v_at
FROM held f
LEFT JOIN flow w ON w.id = f.flow_id
GROUP BY f.netns, f.dev, f.function, f.peer_netns, f.peer, f.at
HAVING count(*) >= 5
ORDER BY count(*) DESC, f.netns, f.dev;

-- evidence: {result} packets longer than {v_mtu} bytes were freed[[ in {function}]]; the smallest had {lo} bytes.
SELECT count(*), min(p.len_bytes) AS lo FROM packet_drop d JOIN _packet p ON p.id = d.packet_id WHERE d.function = {function} AND d.dev = {v_at} AND p.len_bytes > {v_mtu} + 18;
-- evidence: MTU of {v_peer}: {result}.
SELECT mtu FROM netdev WHERE netns IS {v_peer_netns} AND name = {v_peer};
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND dev = {v_at} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Give both ends of the link, and all ports of a bridge, the same MTU.
-- command: {v_peer_netns:ns}ip link show dev {v_peer}

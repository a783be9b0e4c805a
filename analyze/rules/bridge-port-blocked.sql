-- SPDX-License-Identifier: MIT
-- cause: bridge-port-blocked
-- severity: warning
-- tested: live
-- uses: events, frames, config
-- how: At least 10 drops at the input of a bridge port of frames to one host: with reason BRIDGE_INGRESS_STP_STATE (or at br_handle_frame
--   without reasons): the port does not forward yet or at all; in br_allowed_ingress or __allowed_ingress: the port does not belong to
--   the frame's VLAN; in br_handle_frame_finish or br_forward, where frames also end whose destination lies behind the port they came from: only
--   if the destination is seen behind another port of the bridge (its frames come in there, or it is an address of that port's veth
--   peer). Broadcast and multicast is not counted: a blocked spare port of a healthy tree hears every broadcast.
-- title: Bridge port {dev} does not let frames pass
-- summary: {packets} frames[[ from {flow_src} to {flow_dst}]] that came in at the bridge port {dev}[[ in {netns}]] were dropped by the
--   bridge[[ {v_bridge}]]: {v_why}.
WITH behind AS (
	-- addresses and the bridge port they are behind
	SELECT a.address, p.netns_id, p.master_ifindex, p.name
	FROM addr a
	JOIN netdev d ON d.netns_id = a.netns_id AND d.name = a.dev
	JOIN netdev p ON p.id = d.peer_id AND p.master_ifindex IS NOT NULL
	UNION
	SELECT w.src, p.netns_id, p.master_ifindex, p.name
	FROM flow w
	JOIN _frame f ON f.flow_id = w.id AND f.direction = 0
	JOIN _name x ON x.id = f.dev_id
	JOIN netdev p ON p.netns_id = f.netns_id AND p.name = x.text AND p.master_ifindex IS NOT NULL
	WHERE EXISTS (SELECT 1 FROM symbol WHERE function IN ('br_handle_frame_finish', 'br_forward', '__br_forward', 'br_flood'))
), hit AS (
	SELECT d.id, d.netns, d.dev, d.function, d.reason, d.ts_ns, d.flow_id, w.proto, w.src, w.dst, w.dport
	FROM packet_drop d
	LEFT JOIN flow w ON w.id = d.flow_id
	WHERE (d.reason = 'BRIDGE_INGRESS_STP_STATE' OR (coalesce(d.reason, 'NOT_SPECIFIED') = 'NOT_SPECIFIED' AND d.function = 'br_handle_frame' AND NOT EXISTS (SELECT 1 FROM _drop_reason WHERE name = 'BRIDGE_INGRESS_STP_STATE'))
			OR d.function IN ('br_allowed_ingress', '__allowed_ingress', 'br_handle_frame_finish', 'br_forward', '__br_forward', 'br_flood'))
		AND NOT EXISTS (SELECT 1 FROM _frame f WHERE f.packet_id = d.packet_id AND f.dst_kind IN (2, 3))
		AND NOT (w.dst IS NOT NULL AND (w.dst LIKE 'ff%' OR w.dst = '255.255.255.255' OR CAST(w.dst AS INTEGER) BETWEEN 224 AND 239))
		AND EXISTS (SELECT 1 FROM _frame f WHERE f.packet_id = d.packet_id AND f.dst_kind IN (1, 4))
)
SELECT
	CASE WHEN count(*) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN h.reason = 'BRIDGE_INGRESS_STP_STATE' THEN 0.97 WHEN h.function IN ('br_allowed_ingress', '__allowed_ingress') THEN 0.9
		WHEN h.function = 'br_handle_frame' THEN 0.7 ELSE 0.75 END AS confidence,
	h.netns,
	h.dev,
	h.function,
	h.reason,
	max(h.flow_id) AS flow_id,
	CASE WHEN min(h.proto) = max(h.proto) THEN min(h.proto) END AS flow_proto,
	CASE WHEN min(h.src) = max(h.src) THEN min(h.src) END AS flow_src,
	CASE WHEN min(h.dst) = max(h.dst) THEN min(h.dst) END AS flow_dst,
	CASE WHEN min(h.dport) = max(h.dport) THEN min(h.dport) END AS flow_dport,
	min(h.ts_ns) AS from_ns,
	max(h.ts_ns) AS to_ns,
	count(*) AS packets,
	count(DISTINCT h.flow_id) AS flows,
	m.name AS v_bridge,
	CASE WHEN h.reason = 'BRIDGE_INGRESS_STP_STATE' OR h.function = 'br_handle_frame' THEN 'the port is not in the state forwarding (spanning tree, or its state was set)'
		WHEN h.function IN ('br_allowed_ingress', '__allowed_ingress') THEN 'the port does not belong to their VLAN'
		WHEN h.reason = 'NO_TX_TARGET' THEN 'it does not know their destination''s port and may flood them to none (flood off)'
		ELSE 'from this port they may not go where they should (isolated ports, a port that is disabled or locked)' END AS v_why,
	CASE WHEN h.reason = 'BRIDGE_INGRESS_STP_STATE' OR h.function = 'br_handle_frame' THEN 1 END AS v_state
FROM hit h
JOIN netdev p ON p.netns = h.netns AND p.name = h.dev
LEFT JOIN netdev m ON m.netns_id = p.netns_id AND m.ifindex = p.master_ifindex
WHERE NOT (h.function IN ('br_handle_frame_finish', 'br_forward', '__br_forward', 'br_flood') AND coalesce(h.reason, '') <> 'BRIDGE_INGRESS_STP_STATE')
	OR EXISTS (SELECT 1 FROM behind b WHERE b.address = h.dst AND b.netns_id = p.netns_id AND b.master_ifindex = p.master_ifindex AND b.name <> p.name)
GROUP BY h.netns, h.dev, h.function, h.reason
HAVING count(*) >= 10
ORDER BY packets DESC, h.netns, h.dev, h.function;

-- evidence: {result} packets were freed[[ in {function}]][[ with reason {reason}]] at {dev}.
SELECT count(*) FROM packet_drop WHERE function = {function} AND reason IS {reason} AND netns IS {netns} AND dev = {dev};
-- evidence?: {dev} is a port of {result} ({kind}).
SELECT m.name, m.kind FROM netdev p JOIN netdev m ON m.netns_id = p.netns_id AND m.ifindex = p.master_ifindex WHERE p.netns IS {netns} AND p.name = {dev};
-- evidence?: The kernel log: "{result}".
SELECT text FROM kmsg WHERE text LIKE '%port %(' || {dev} || ') %state%' ORDER BY ts_ns DESC;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND dev = {dev} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- evidence?: Their destination {flow_dst} is an address of {result}, the other end of another port of that bridge.
SELECT d.name FROM addr a JOIN netdev d ON d.netns_id = a.netns_id AND d.name = a.dev JOIN netdev o ON o.id = d.peer_id JOIN netdev p ON p.netns_id = o.netns_id AND p.master_ifindex = o.master_ifindex AND p.name = {dev} AND p.netns IS {netns} WHERE a.address = {flow_dst} AND o.name <> p.name ORDER BY d.id;
-- advice: Look at the port's state, isolation and locking, and at its VLANs.
-- command: {ns}bridge -d link show dev {dev}; {ns}bridge vlan show dev {dev}
-- advice: If the port should forward, no loop is possible and no spanning tree of the kernel decides it (which refuses it as busy), set it so; the state that the command before shows takes it back.
-- command: {ns}bridge link set dev {dev} state 3
-- when: SELECT {v_state} = 1
-- ruled-out: Not the flooding of broadcasts to a spare port: the frames are for one host.
-- ruled-out: Not a firewall rule: netfilter dropped nothing in this namespace.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _drop_group WHERE reason = 'NETFILTER_DROP' AND (netns IS {netns} OR netns IS NULL))

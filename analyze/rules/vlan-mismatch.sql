-- SPDX-License-Identifier: MIT
-- cause: vlan-mismatch
-- severity: warning
-- tested: live
-- uses: events, frames, config
-- partial: yes
-- how: At least 5 captured frames with a VLAN tag belong to packets that were dropped with reason OTHERHOST or UNHANDLED_PROTO
--   (the kernel treats a tag without interface as "for another host"), and the namespace has no VLAN device or bridge there that
--   takes the tag.
-- title: Frames with VLAN tag {v_vlan} arrive at {dev}, where no such VLAN exists
-- summary: {packets} frames tagged with VLAN {v_vlan}[[ to {flow_dst} port {flow_dport}]] were dropped at {dev}[[ in {netns}]]: no interface takes that tag.
SELECT
	CASE WHEN count(*) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	d.netns,
	f.dev,
	max(d.function) AS function,
	d.reason,
	max(f.flow_id) AS flow_id,
	max(w.proto) AS flow_proto,
	CASE WHEN min(w.src) = max(w.src) THEN min(w.src) END AS flow_src,
	CASE WHEN min(w.dst) = max(w.dst) THEN min(w.dst) END AS flow_dst,
	CASE WHEN min(w.dport) = max(w.dport) THEN min(w.dport) END AS flow_dport,
	min(d.ts_ns) AS from_ns,
	max(d.ts_ns) AS to_ns,
	count(DISTINCT d.id) AS packets,
	f.vlan AS v_vlan
FROM packet_drop d
JOIN frame f ON f.packet_id = d.packet_id AND f.vlan IS NOT NULL AND f.direction = 'in'
LEFT JOIN flow w ON w.id = f.flow_id
WHERE (d.reason IN ('OTHERHOST', 'UNHANDLED_PROTO') OR (d.reason IS NULL AND d.function IN ('ip_rcv_core', 'ip_rcv', 'ip6_rcv_core', 'ipv6_rcv', '__netif_receive_skb_core')))
	AND NOT EXISTS (SELECT 1 FROM netdev p JOIN netdev v ON v.netns_id = p.netns_id AND v.link_ifindex = p.ifindex AND v.kind = 'vlan'
		WHERE p.netns = f.netns AND p.name = f.dev AND (v.name LIKE '%.' || f.vlan OR v.name = 'vlan' || f.vlan))
GROUP BY d.netns, f.netns, f.dev, d.reason, f.vlan
HAVING count(DISTINCT d.id) >= 5
ORDER BY count(DISTINCT d.id) DESC, f.dev, f.vlan;

-- evidence: {result} dropped packets were captured with the tag {v_vlan} on {dev}.
SELECT count(DISTINCT d.id) FROM packet_drop d JOIN frame f ON f.packet_id = d.packet_id WHERE f.vlan = {v_vlan} AND f.dev = {dev} AND d.reason IS {reason};
-- evidence: VLAN devices on {dev}: {result}.
SELECT coalesce(group_concat(v.name, ', '), 'none') FROM netdev p JOIN netdev v ON v.netns_id = p.netns_id AND v.link_ifindex = p.ifindex AND v.kind = 'vlan' WHERE p.name = {dev} AND p.netns IS {netns};
-- packets:
SELECT d.packet_id FROM packet_drop d JOIN frame f ON f.packet_id = d.packet_id WHERE f.vlan = {v_vlan} AND f.dev = {dev} ORDER BY d.id LIMIT 20;
-- advice: Add the VLAN here, or make the switch port or sender untagged.
-- command: {ns}ip link add link {dev} name {dev}.{v_vlan} type vlan id {v_vlan}
-- undo: {ns}ip link del {dev}.{v_vlan}
-- ruled-out: Not a wrong MAC address: the kernel marks a tag without interface in the same way.

-- SPDX-License-Identifier: MIT
-- cause: vlan-mismatch
-- severity: warning
-- tested: live
-- uses: events, config
-- how: At least 5 drops in vlan_do_receive() (net/8021q/vlan_core.c): the tag has an interface here, but it is not up. The interface is named where the
--   namespace has just one VLAN on that device that is down.
-- title: VLAN interface[[ {v_vlan}]] on {v_at} is down while its frames arrive
-- summary: {packets} tagged frames[[ to {flow_dst} port {flow_dport}]] were dropped at {v_at}[[ in {netns}]]: the interface of their VLAN[[, {v_vlan},]] is not up.
WITH hit AS (
	SELECT t.*, row_number() OVER (PARTITION BY t.netns, t.dev ORDER BY t.drops DESC, t.id) AS nth,
		sum(t.drops) OVER (PARTITION BY t.netns, t.dev) AS all_drops, sum(t.flows) OVER (PARTITION BY t.netns, t.dev) AS all_flows
	FROM _drop_target t
	WHERE t.function = 'vlan_do_receive'
), down AS (
	SELECT p.netns, p.name AS dev, min(v.name) AS vlan, count(*) AS n
	FROM netdev p JOIN netdev v ON v.netns_id = p.netns_id AND v.link_ifindex = p.ifindex AND v.kind = 'vlan'
	WHERE v.flags & 1 = 0
	GROUP BY p.netns_id, p.name
)
SELECT
	CASE WHEN h.all_drops >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN d.n IS NOT NULL THEN 0.9 ELSE 0.7 END AS confidence,
	h.netns,
	h.dev,
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
	h.all_drops AS packets,
	nullif(h.all_flows, 0) AS flows,
	coalesce(h.dev, 'a device') AS v_at,
	CASE WHEN d.n = 1 THEN d.vlan END AS v_vlan,
	d.n AS v_down
FROM hit h
LEFT JOIN down d ON d.netns = h.netns AND d.dev = h.dev
WHERE h.nth = 1 AND h.all_drops >= 5
ORDER BY h.all_drops DESC, h.id;

-- evidence: {result} packets were freed in vlan_do_receive: the only thing that it refuses is an interface that is not up.
SELECT sum(drops) FROM _drop_target WHERE function = 'vlan_do_receive' AND netns IS {netns} AND dev IS {dev};
-- evidence?: VLAN interfaces on {at} that are down: {result}.
SELECT group_concat(v.name, ', '), p.name AS at FROM netdev p JOIN netdev v ON v.netns_id = p.netns_id AND v.link_ifindex = p.ifindex AND v.kind = 'vlan' WHERE p.name = {dev} AND p.netns IS {netns} AND v.flags & 1 = 0;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = 'vlan_do_receive' AND netns IS {netns} AND dev IS {dev} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Set the interface up, or stop sending that VLAN here.
-- command: {ns}ip link set dev {v_vlan} up
-- undo: {ns}ip link set dev {v_vlan} down
-- when: SELECT {v_vlan} IS NOT NULL
-- advice: See which VLAN interfaces are down.
-- command: {ns}ip -d link show type vlan
-- when: SELECT {v_vlan} IS NULL
-- ruled-out: Not a tag without interface: such frames are dropped by the layer above, as those for another host.

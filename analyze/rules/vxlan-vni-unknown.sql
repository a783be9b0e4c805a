-- SPDX-License-Identifier: MIT
-- cause: vxlan-vni-unknown
-- severity: warning
-- tested: live
-- uses: events, frames
-- how: At least 5 drops with reason VXLAN_VNI_NOT_FOUND; the VXLAN devices of the namespace are shown. Kernels before 6.12 give no reason for it.
-- title: VXLAN packets for a network identifier that is not configured here
-- summary: {packets} VXLAN packets[[ (most of the inner flow to {flow_dst} port {flow_dport})]] were dropped[[ in {netns}]] because no device here has their
--   network identifier (VNI).
SELECT
	CASE WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN t.netns_by IS NULL AND t.netns IS NOT NULL THEN 0.95 ELSE 0.85 END AS confidence,
	t.netns,
	t.dev,
	t.function,
	t.reason,
	max(CASE WHEN t.nth = 1 THEN t.flow_id END) AS flow_id,
	max(CASE WHEN t.nth = 1 THEN t.proto END) AS flow_proto,
	max(CASE WHEN t.nth = 1 THEN t.src END) AS flow_src,
	max(CASE WHEN t.nth = 1 THEN t.dst END) AS flow_dst,
	max(CASE WHEN t.nth = 1 THEN t.dport END) AS flow_dport,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	sum(t.drops) AS packets
FROM (
	SELECT *, row_number() OVER (PARTITION BY netns, dev, function ORDER BY drops DESC, id) AS nth -- 1: the inner flow that lost most
	FROM _drop_target WHERE reason = 'VXLAN_VNI_NOT_FOUND'
) t
GROUP BY t.netns, t.dev, t.function
HAVING sum(t.drops) >= 5
ORDER BY sum(t.drops) DESC, t.netns, t.dev;

-- evidence: {result} packets were freed[[ in {function}]] with reason VXLAN_VNI_NOT_FOUND.
SELECT sum(drops) FROM _drop_target WHERE reason = 'VXLAN_VNI_NOT_FOUND' AND netns IS {netns} AND dev IS {dev};
-- evidence?: VXLAN devices there: {result}.
SELECT group_concat(name, ', ') FROM (SELECT name FROM netdev WHERE kind = 'vxlan' AND netns IS {netns} ORDER BY name);
-- packets:
SELECT packet_id FROM packet_drop WHERE reason = 'VXLAN_VNI_NOT_FOUND' AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Compare the VNI of both tunnel ends.
-- command: {ns}ip -d link show type vxlan

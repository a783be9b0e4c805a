-- SPDX-License-Identifier: MIT
-- cause: wrong-dest-mac
-- severity: warning
-- tested: live
-- uses: events, frames, config
-- partial: yes
-- how: Drops with reason OTHERHOST of at least 5 untagged packets whose IP destination is an address of the very namespace that
--   dropped them: the sender means this host but uses another MAC address. Everything else under OTHERHOST is flooding or
--   promiscuous listening and no fault. Without frames: at least 5 at one end of a veth pair, while a neighbour entry at its other end, on this host too,
--   has another MAC address for an address of that device.
-- title: Frames for {flow_dst} carry the wrong destination MAC address
-- summary: {packets}[[ of {v_seen}]] packets to {flow_dst}[[ port {flow_dport}]], an address of {netns}, were dropped[[ at {dev}]] because their
--   frames are addressed to another MAC address: the sender's neighbour entry for {flow_dst} is stale or wrong.
SELECT
	CASE WHEN sum(t.drops) >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN t.netns_by IS NULL AND t.why_by IS NULL THEN 0.95 ELSE 0.8 END AS confidence,
	t.netns,
	t.dev,
	t.function,
	t.reason,
	CASE WHEN count(*) = 1 THEN t.flow_id END AS flow_id,
	CASE WHEN min(t.proto) = max(t.proto) THEN min(t.proto) END AS flow_proto,
	CASE WHEN min(t.src) = max(t.src) THEN min(t.src) END AS flow_src,
	CASE WHEN count(*) = 1 THEN t.sport END AS flow_sport,
	t.dst AS flow_dst,
	CASE WHEN min(t.dport) = max(t.dport) THEN min(t.dport) END AS flow_dport,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	sum(t.drops) AS packets,
	sum(t.flows) AS flows,
	sum(t.seen) AS v_seen,
	(SELECT mac FROM netdev d WHERE d.netns = t.netns AND d.name = t.dev) AS v_mac,
	t.dst AS v_dst
FROM _drop_target t
JOIN _local_addr a ON a.netns = t.netns AND a.address = t.dst
WHERE t.why = 'OTHERHOST' AND t.dst IS NOT NULL
	AND NOT EXISTS (SELECT 1 FROM flow w JOIN _frame f ON f.flow_id = w.id WHERE w.dst = t.dst AND w.proto = t.proto AND w.dport IS t.dport AND f.vlan IS NOT NULL)
GROUP BY t.netns, t.dev, t.dst
HAVING sum(t.drops) >= 5
UNION ALL
SELECT CASE WHEN t.drops >= 20 THEN 'critical' ELSE 'warning' END, 0.75, t.netns, t.dev, t.function, t.reason, NULL, NULL, NULL, NULL, a.address, NULL,
	t.from_ns, t.to_ns, t.drops, NULL, NULL, d.mac, NULL
FROM (SELECT netns, dev, function, reason, min(from_ns) AS from_ns, max(to_ns) AS to_ns, sum(drops) AS drops FROM _drop_target
	WHERE reason = 'OTHERHOST' AND dst IS NULL AND flows = 0 AND netns_by IS NULL GROUP BY netns, dev, function HAVING sum(drops) >= 5) t
JOIN netdev d ON d.netns = t.netns AND d.name = t.dev JOIN netdev p ON p.id = d.peer_id
JOIN addr a ON a.netns = t.netns AND a.dev = t.dev
JOIN neigh n ON n.netns = p.netns AND n.dev = p.name AND n.address = a.address AND n.mac IS NOT NULL AND n.mac <> d.mac AND n.state NOT IN ('FAILED', 'INCOMPLETE')
WHERE NOT EXISTS (SELECT 1 FROM _frame)
GROUP BY t.netns, t.dev, t.function, a.address
ORDER BY 15 DESC, 3, 11;

-- evidence?: {result} packets[[ to {v_dst}]] were freed[[ in {function}]] with reason OTHERHOST.
SELECT sum(drops) FROM _drop_target WHERE reason = 'OTHERHOST' AND netns IS {netns} AND dev IS {dev} AND (dst = {flow_dst} OR ({v_dst} IS NULL AND dst IS NULL));
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.why_by IS NOT NULL AND t.netns IS {netns} AND t.why = 'OTHERHOST' AND t.dst = {flow_dst};
-- evidence: {flow_dst} is an address of {result} in the same namespace.
SELECT dev FROM addr WHERE netns IS {netns} AND address = {flow_dst} ORDER BY dev;
-- evidence?: {result} captured frames of these flows are marked by the kernel as addressed to another host.
SELECT count(*) FROM _frame f JOIN flow w ON w.id = f.flow_id WHERE f.dst_kind = 4 AND w.dst = {flow_dst};
-- evidence?: The neighbour entry of {flow_dst} at the other end of {dev} ({netns_of} {dev_of}) has the MAC address {result}.
SELECT n.mac, n.netns AS netns_of, n.dev AS dev_of FROM netdev d JOIN netdev p ON p.id = d.peer_id JOIN neigh n ON n.netns = p.netns AND n.dev = p.name WHERE d.netns = {netns} AND d.name = {dev} AND n.address = {flow_dst} AND n.mac <> d.mac ORDER BY n.snap_ns DESC, n.mac;
-- evidence?: The device's own MAC address is {result}.
SELECT {v_mac};
-- evidence?: rx_otherhost_dropped of {dev} grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name = 'rx_otherhost_dropped' AND netns IS {netns} AND dev = {dev};
-- packets:
SELECT d.packet_id FROM packet_drop d JOIN flow f ON f.id = d.flow_id WHERE (d.reason = 'OTHERHOST' OR (d.function = {function} AND d.reason IS {reason})) AND f.dst = {flow_dst} ORDER BY d.id LIMIT 20;
-- advice: Take the neighbour entry of the sender, which is on this host, away, so that it asks anew.
-- command: {netns_of:ns}ip neigh del {flow_dst} dev {dev_of}
-- undo: {netns_of:ns}ip neigh replace {flow_dst} lladdr {mac} nud {nud} dev {dev_of}
-- when: SELECT n.mac, n.netns AS netns_of, n.dev AS dev_of, lower(n.state) AS nud FROM netdev d JOIN netdev p ON p.id = d.peer_id JOIN neigh n ON n.netns = p.netns AND n.dev = p.name WHERE d.netns = {netns} AND d.name = {dev} AND n.address = {flow_dst} AND n.mac <> d.mac AND n.state IN ('PERMANENT', 'REACHABLE', 'STALE', 'DELAY', 'PROBE') ORDER BY n.snap_ns DESC, n.mac
-- advice: At the sender, look at the neighbour entry of {flow_dst} (ip neigh show) and delete it, so that it asks anew.
-- when: SELECT NOT EXISTS (SELECT 1 FROM netdev d JOIN netdev p ON p.id = d.peer_id JOIN neigh n ON n.netns = p.netns AND n.dev = p.name WHERE d.netns = {netns} AND d.name = {dev} AND n.address = {flow_dst} AND n.mac <> d.mac)
-- advice: Announce the address again from here.
-- command: {ns}arping -c 2 -U -I {dev} {flow_dst}
-- when: SELECT {dev} IS NOT NULL AND {flow_dst} NOT LIKE '%:%'
-- ruled-out: Not flooding for somebody else: the IP destination belongs to this host.
-- when: SELECT {flow_id} IS NOT NULL

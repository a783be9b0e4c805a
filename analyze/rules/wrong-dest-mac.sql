-- SPDX-License-Identifier: MIT
-- cause: wrong-dest-mac
-- severity: warning
-- tested: live
-- uses: events, frames, config
-- how: Drops with reason OTHERHOST of at least 5 untagged packets whose IP destination is an address of the very namespace that
--   dropped them: the sender means this host but uses another MAC address. Everything else under OTHERHOST is flooding or
--   promiscuous listening and no fault.
-- title: Frames for {flow_dst} carry the wrong destination MAC address
-- summary: {packets}[[ of {v_seen}]] packets to {flow_dst}[[ port {flow_dport}]], an address of {netns}, were dropped[[ at {dev}]] because their
--   frames are addressed to another MAC address: the sender's neighbour entry for {flow_dst} is stale or wrong.
SELECT
	CASE WHEN sum(t.drops) >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN t.netns_by IS NULL THEN 0.95 ELSE 0.8 END AS confidence,
	t.netns,
	t.dev,
	t.function,
	t.reason,
	max(t.flow_id) AS flow_id,
	t.proto AS flow_proto,
	t.src AS flow_src,
	t.sport AS flow_sport,
	t.dst AS flow_dst,
	CASE WHEN min(t.dport) = max(t.dport) THEN min(t.dport) END AS flow_dport,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	sum(t.drops) AS packets,
	sum(t.flows) AS flows,
	sum(t.seen) AS v_seen,
	(SELECT mac FROM netdev d WHERE d.netns = t.netns AND d.name = t.dev) AS v_mac
FROM _drop_target t
JOIN _local_addr a ON a.netns = t.netns AND a.address = t.dst
WHERE t.reason = 'OTHERHOST' AND t.dst IS NOT NULL
	AND NOT EXISTS (SELECT 1 FROM flow w JOIN _frame f ON f.flow_id = w.id WHERE w.dst = t.dst AND w.proto = t.proto AND w.dport IS t.dport AND f.vlan IS NOT NULL)
GROUP BY t.netns, t.dev, t.dst
HAVING sum(t.drops) >= 5
ORDER BY sum(t.drops) DESC, t.netns, t.dst;

-- evidence: {result} packets to {flow_dst} were freed in {function} with reason OTHERHOST.
SELECT sum(drops) FROM _drop_target WHERE reason = 'OTHERHOST' AND netns IS {netns} AND dev IS {dev} AND dst = {flow_dst};
-- evidence: {flow_dst} is an address of {result} in the same namespace.
SELECT dev FROM addr WHERE netns IS {netns} AND address = {flow_dst} ORDER BY dev;
-- evidence?: {result} captured frames of these flows are marked by the kernel as addressed to another host.
SELECT count(*) FROM _frame f JOIN flow w ON w.id = f.flow_id WHERE f.dst_kind = 4 AND w.dst = {flow_dst};
-- evidence?: The device's own MAC address is {result}.
SELECT {v_mac};
-- evidence?: rx_otherhost_dropped of {dev} grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name = 'rx_otherhost_dropped' AND netns IS {netns} AND dev = {dev};
-- packets:
SELECT d.packet_id FROM packet_drop d JOIN flow f ON f.id = d.flow_id WHERE d.reason = 'OTHERHOST' AND f.dst = {flow_dst} ORDER BY d.id LIMIT 20;
-- advice: At the sender, look at the neighbour entry and renew it.
-- command: ip neigh show {flow_dst}; ip neigh flush to {flow_dst}
-- advice: Announce the address again from here.
-- command: {ns}arping -c 2 -U -I {dev} {flow_dst}
-- when: SELECT {dev} IS NOT NULL
-- ruled-out: Not flooding for somebody else: the IP destination belongs to this host.

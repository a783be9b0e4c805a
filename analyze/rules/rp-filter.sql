-- SPDX-License-Identifier: MIT
-- cause: rp-filter
-- severity: warning
-- tested: live
-- uses: events, frames, counters, config
-- how: Drops with reason IP_RPFILTER, or (kernels without reasons, no events) the counter TcpExt.IPReversePathFilter, at least 5 in
--   a namespace; the setting of the device and of 'all' (the greater one counts) and the route back to the source are shown.
-- title: Reverse path filter drops packets[[ from {flow_src}]][[ at {dev}]]
-- summary: {packets}[[ of {v_seen}]] packets[[ from {flow_src} to {flow_dst}]] that arrived[[ on {dev}]][[ in {netns}]] were dropped by the reverse
--   path filter[[ (rp_filter = {v_filter})]]: the route back to their source does not use the interface they came in on.
WITH ev AS (
	SELECT
		t.*,
		row_number() OVER (PARTITION BY t.netns, t.dev ORDER BY t.drops DESC, t.id) AS nth,
		sum(t.drops) OVER (PARTITION BY t.netns, t.dev) AS all_drops,
		sum(t.seen) OVER (PARTITION BY t.netns, t.dev) AS all_seen,
		sum(t.flows) OVER (PARTITION BY t.netns, t.dev) AS all_flows
	FROM _drop_target t
	WHERE t.reason = 'IP_RPFILTER'
		OR (t.reason IS NULL AND t.function IN ('ip_rcv_finish_core', 'ip_rcv_finish')
			AND EXISTS (SELECT 1 FROM _moved m WHERE m.name = 'TcpExt.IPReversePathFilter' AND m.delta > 0 AND (m.netns = t.netns OR t.netns IS NULL)))
), place AS (
	SELECT netns, netns_by, dev, function, reason, flow_id, proto, src, sport, dst, dport, from_ns, to_ns, all_drops AS drops, all_seen AS seen, all_flows AS flows
	FROM ev WHERE nth = 1
	UNION ALL
	SELECT m.netns, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, sum(m.delta), NULL, 0
	FROM _moved m
	WHERE m.name = 'TcpExt.IPReversePathFilter' AND m.delta > 0
		AND NOT EXISTS (SELECT 1 FROM ev e WHERE e.netns IS m.netns OR e.netns IS NULL)
	GROUP BY m.netns
)
SELECT
	CASE WHEN p.drops >= 20 AND p.drops * 20 >= coalesce(p.seen, p.drops) THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN p.reason IS NOT NULL AND p.netns_by IS NULL THEN 0.98 WHEN p.reason IS NOT NULL THEN 0.9 ELSE 0.8 END AS confidence,
	p.netns,
	p.dev,
	p.function,
	p.reason,
	p.flow_id,
	p.proto AS flow_proto,
	p.src AS flow_src,
	p.sport AS flow_sport,
	p.dst AS flow_dst,
	p.dport AS flow_dport,
	p.from_ns,
	p.to_ns,
	p.drops AS packets,
	nullif(p.flows, 0) AS flows,
	p.seen AS v_seen,
	p.netns_by AS v_placed,
	(SELECT max(CAST(value AS INTEGER)) FROM sysctl WHERE netns IS p.netns
		AND name IN ('net.ipv4.conf.all.rp_filter', 'net.ipv4.conf.' || replace(p.dev, '.', '/') || '.rp_filter')) AS v_filter,
	(SELECT value FROM sysctl WHERE netns IS p.netns AND name = 'net.ipv4.conf.all.rp_filter') AS v_all,
	(SELECT value FROM sysctl WHERE netns IS p.netns AND name = 'net.ipv4.conf.' || replace(p.dev, '.', '/') || '.rp_filter') AS v_dev
FROM place p
WHERE p.drops >= 5
ORDER BY p.drops DESC, p.netns, p.dev;

-- evidence?: {result} packets were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND dev IS {dev} AND function = {function} AND reason IS {reason};
-- evidence?: TcpExt.IPReversePathFilter grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.IPReversePathFilter' AND netns IS {netns} AND delta > 0;
-- evidence?: The drop events name no namespace; they belong to {netns}, because this counter grew nowhere else.
SELECT {v_placed} = 'counter';
-- evidence?: rp_filter in force on {dev} is {result} (1 strict, 2 loose): the greater one of all ({v_all}) and {dev} ({v_dev}).
SELECT {v_filter};
-- evidence?: Routes of {netns} through gateways or to networks on other devices than {dev}: {result}.
SELECT group_concat(dst || ' dev ' || dev, ', ') FROM (SELECT dst, dev FROM route WHERE netns IS {netns} AND family = 2 AND type = 'unicast' AND dev IS NOT {dev} ORDER BY dst, dev LIMIT 6);
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND packet_id IS NOT NULL ORDER BY flow_id = {flow_id} DESC, id LIMIT 20;
-- advice: See which way the kernel would send an answer; if it is wrong, correct the route.
-- command: {ns}ip route get {flow_src}
-- when: SELECT {flow_src} IS NOT NULL
-- advice: If the two directions are meant to differ, use the loose mode on that device (the source must be reachable by some route).
-- command: {ns}sysctl -w net/ipv4/conf/{dev}/rp_filter=2
-- undo: {ns}sysctl -w net/ipv4/conf/{dev}/rp_filter={v_dev}
-- when: SELECT {v_dev} IS NOT NULL
-- ruled-out: Not a firewall rule: netfilter dropped nothing in this namespace.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _drop_group WHERE reason = 'NETFILTER_DROP' AND (netns IS {netns} OR netns IS NULL))
-- ruled-out: Not an impossible source address: those are dropped with reasons of their own.
-- when: SELECT {reason} = 'IP_RPFILTER'

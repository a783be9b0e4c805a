-- SPDX-License-Identifier: MIT
-- cause: unknown-ip-protocol
-- severity: warning
-- tested: live
-- uses: events, frames
-- how: At least 5 drops with reason IP_NOPROTO, or at the places where tunnels take their packets (net/ipv4/tunnel4.c, net/ipv6/tunnel6.c, gre_rcv()):
--   the protocol has a handler there, but no tunnel of it is meant.
-- title: Packets of an IP protocol that nobody handles
-- summary: {packets} packets[[ from {flow_src}]][[ to {flow_dst}]] were dropped[[ in {netns}]] because this host has no {v_what}[[ (IP protocol {v_proto})]].
SELECT
	CASE WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN t.netns IS NULL OR max(t.why_by) IS NOT NULL THEN 0.85 ELSE 0.95 END AS confidence,
	t.netns,
	CASE WHEN min(t.dev) = max(t.dev) THEN min(t.dev) END AS dev,
	max(t.function) AS function,
	max(t.reason) AS reason,
	max(t.flow_id) AS flow_id,
	CASE WHEN min(t.proto) = max(t.proto) THEN min(t.proto) END AS flow_proto,
	CASE WHEN min(t.src) = max(t.src) THEN min(t.src) END AS flow_src,
	CASE WHEN min(t.dst) = max(t.dst) THEN min(t.dst) END AS flow_dst,
	CASE WHEN min(t.dport) = max(t.dport) THEN min(t.dport) END AS flow_dport,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	sum(t.drops) AS packets,
	nullif(sum(t.flows), 0) AS flows,
	CASE WHEN t.why IS 'IP_NOPROTO' THEN 'handler for them' ELSE 'tunnel for them' END AS v_what,
	-- a tunnel's packets are known by what is in them
	CASE WHEN t.why IS 'IP_NOPROTO' AND min(t.proto) = max(t.proto) THEN min(t.proto) END AS v_proto
FROM _drop_target t
WHERE t.why = 'IP_NOPROTO' OR t.function IN ('tunnel4_rcv', 'tunnel64_rcv', 'tunnelmpls4_rcv', 'tunnel6_rcv', 'tunnel46_rcv', 'tunnelmpls6_rcv', 'gre_rcv')
GROUP BY t.netns, t.why IS 'IP_NOPROTO'
HAVING sum(t.drops) >= 5
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence?: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND t.reason = 'IP_NOPROTO';
-- evidence?: {result} packets were freed[[ in {functions}]]: no tunnel takes packets of their protocol, sender and key.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND {v_what} = 'tunnel for them' AND t.function IN ('tunnel4_rcv', 'tunnel64_rcv', 'tunnelmpls4_rcv', 'tunnel6_rcv', 'tunnel46_rcv', 'tunnelmpls6_rcv', 'gre_rcv');
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.netns IS {netns} AND t.why_by IS NOT NULL AND (t.why = 'IP_NOPROTO');
-- evidence?: Ip.InUnknownProtos grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('Ip.InUnknownProtos') AND netns IS {netns} AND delta > 0;
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason = 'IP_NOPROTO' OR (t.function = {function} AND t.reason IS {reason})) AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Load the protocol's module or set up the tunnel that should take it, or stop the sender.
-- command: {ns}ip -d tunnel show

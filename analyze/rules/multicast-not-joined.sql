-- SPDX-License-Identifier: MIT
-- cause: multicast-not-joined
-- severity: warning
-- tested: live
-- uses: events, frames, sockets
-- how: At least 10 drops in the input route lookup (ip_rcv_finish_core or ip_rcv_finish, no reason given; no counter tells of them) of
--   packets to an IPv4 multicast group and a UDP port that a socket of that namespace is bound to: the receiver is there, but no one
--   joined the group on that device. Multicast that nobody here waits for is ordinary and left out.
-- title: No one joined {flow_dst}[[ on {dev}]]
-- summary: {packets} datagrams to the multicast group {flow_dst} port {flow_dport} were dropped[[ at {dev}]][[ in {netns}]]: a socket waits on that
--   port, but the group is not joined on this device (joined on another one, or not at all).
SELECT
	CASE WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN t.netns_by IS NULL THEN 0.9 ELSE 0.8 END AS confidence,
	t.netns,
	t.dev,
	t.function,
	t.reason,
	max(t.flow_id) AS flow_id,
	'udp' AS flow_proto,
	CASE WHEN min(t.src) = max(t.src) THEN min(t.src) END AS flow_src,
	t.dst AS flow_dst,
	t.dport AS flow_dport,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	sum(t.drops) AS packets
FROM _drop_target t
WHERE t.function IN ('ip_rcv_finish_core', 'ip_rcv_finish') AND (t.reason = 'NOT_SPECIFIED' OR t.reason IS NULL)
	AND t.proto = 'udp' AND CAST(substr(t.dst, 1, instr(t.dst, '.') - 1) AS INTEGER) BETWEEN 224 AND 239
	AND EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = 'udp' AND s.netns = t.netns AND s.sport = t.dport AND s.src IN (t.dst, '0.0.0.0', '::', '*'))
GROUP BY t.netns, t.dev, t.function, t.reason, t.dst, t.dport
HAVING sum(t.drops) >= 10
ORDER BY sum(t.drops) DESC, t.netns, t.dst;

-- evidence: {result} datagrams were freed[[ in {function}]], in the route lookup of input.
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason IS {reason} AND netns IS {netns} AND dev IS {dev} AND dst = {flow_dst} AND dport = {flow_dport};
-- evidence: {result:n socket} of that namespace held the port.
SELECT count(*) FROM _socket_span WHERE proto = 'udp' AND netns IS {netns} AND sport = {flow_dport};
-- packets:
SELECT d.packet_id FROM packet_drop d JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND f.dst = {flow_dst} AND f.dport = {flow_dport} ORDER BY d.id LIMIT 20;
-- advice: See which groups are joined where; the application must join on the device that the group arrives on.
-- command: {ns}ip maddr show
-- ruled-out: Not a missing receiver: a socket holds the port.
-- ruled-out: Not the reverse path filter: its counter did not move.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _moved WHERE name = 'TcpExt.IPReversePathFilter' AND netns IS {netns} AND delta > 0)

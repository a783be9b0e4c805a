-- SPDX-License-Identifier: MIT
-- cause: multicast-not-joined
-- severity: warning
-- tested: live
-- uses: events, frames, sockets
-- how: At least 10 drops in the input route lookup (ip_rcv_finish_core or ip_rcv_finish, IPv6: ip6_mc_input; no reason given; no counter tells of
--   them) of packets to a multicast group and a UDP port that a socket of that namespace is bound to: the receiver is there, but no one
--   joined the group on that device. Multicast that nobody here waits for is ordinary, and a bridge floods it to all its ports; only a stream of at
--   least 100 datagrams, 10 each second, to a group wider than the link (not 224.0.0.0/24, ff02::/16), for whose port no socket of this host is there,
--   is told too, as an info.
-- title: No one joined {flow_dst}[[ on {dev}]]
-- summary: {packets} datagrams to the multicast group {flow_dst} port {flow_dport} were dropped[[ at {dev}]][[ in {netns}]]: {v_who}.
WITH hit AS (
	SELECT t.*, EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = 'udp' AND s.netns = t.netns AND s.sport = t.dport AND s.src IN (t.dst, '0.0.0.0', '::', '*')) AS waits
	FROM _drop_target t
	WHERE (t.reason = 'NOT_SPECIFIED' OR t.reason IS NULL) AND t.proto = 'udp'
		AND ((t.function IN ('ip_rcv_finish_core', 'ip_rcv_finish') AND CAST(substr(t.dst, 1, instr(t.dst, '.') - 1) AS INTEGER) BETWEEN 224 AND 239)
			OR (t.function IN ('ip6_mc_input', 'ipv6_mc_input') AND t.dst LIKE 'ff%:%'))
)
SELECT
	CASE WHEN NOT t.waits THEN 'info' WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN NOT t.waits THEN 0.6 WHEN t.netns_by IS NULL THEN 0.9 ELSE 0.8 END AS confidence,
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
	sum(t.drops) AS packets,
	CASE WHEN t.waits THEN 'a socket waits on that port, but the group is not joined on this device (joined on another one, or not at all)'
		ELSE 'no socket of this host has that port, and no one joined the group on this device' END AS v_who,
	t.waits AS v_waits
FROM hit t
GROUP BY t.netns, t.dev, t.function, t.reason, t.dst, t.dport
HAVING sum(t.drops) >= 10
	AND (t.waits OR (sum(t.drops) >= 100 AND sum(t.drops) * 1e9 >= 10.0 * (max(t.to_ns) - min(t.from_ns))
		AND t.dst NOT LIKE '224.0.0.%' AND t.dst NOT LIKE 'ff02:%' AND t.dst <> '239.255.255.250'
		AND NOT EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = 'udp' AND s.sport = t.dport)))
ORDER BY sum(t.drops) DESC, t.netns, t.dst;

-- evidence: {result} datagrams were freed[[ in {function}]], where what is for no member ends.
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason IS {reason} AND netns IS {netns} AND dev IS {dev} AND dst = {flow_dst} AND dport = {flow_dport};
-- evidence?: {result:n socket} of that namespace held the port.
SELECT count(*) FROM _socket_span WHERE proto = 'udp' AND netns IS {netns} AND sport = {flow_dport};
-- packets:
SELECT d.packet_id FROM packet_drop d JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND f.dst = {flow_dst} AND f.dport = {flow_dport} ORDER BY d.id LIMIT 20;
-- advice: See which groups are joined where; the application must join on the device that the group arrives on.
-- command: {ns}ip maddr show
-- advice: If nobody here should get it, let the sender be, or let the switch or bridge learn who listens (IGMP and MLD snooping need a querier).
-- when: SELECT NOT {v_waits}
-- ruled-out: Not a missing receiver: a socket holds the port.
-- when: SELECT {v_waits}
-- ruled-out: Not the reverse path filter: its counter did not move.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _moved WHERE name = 'TcpExt.IPReversePathFilter' AND netns IS {netns} AND delta > 0)

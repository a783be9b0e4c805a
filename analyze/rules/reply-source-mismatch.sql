-- SPDX-License-Identifier: MIT
-- cause: reply-source-mismatch
-- severity: warning
-- tested: live
-- uses: frames, events, config
-- how: Captured datagrams of a client to one address were never answered from there, but as many as 3
--   datagrams left from the same port for the same client and port with another source address, both seen in the namespace of the service, which has both addresses, or, where the service is elsewhere, in the client's; and the client did not want
--   them: they were dropped (no socket, firewall), or ICMP errors for them came back. A client that takes answers
--   from anywhere is not hurt, and nothing is said.
-- title: Answers to {v_client} leave from {v_other} instead of {flow_dst}
-- summary: {v_asked} datagrams of {v_client} to {flow_dst} port {flow_dport}[[ in {netns}]] were answered from
--   {v_other}; {packets} of {v_answered} such answers are seen to have been refused.
WITH odd AS (
	SELECT q.id AS ask_id, a.id AS answer_id, q.netns, q.netns_id, q.src, q.sport, q.dst, q.dport, q.frames AS asked, a.src AS other, a.frames AS answered,
		q.first_ns, q.last_ns
	FROM flow q
	JOIN flow a ON a.netns_id = q.netns_id AND a.proto = 'udp' AND a.dst = q.src AND a.dport = q.sport AND a.sport = q.dport AND a.src <> q.dst
	WHERE q.proto = 'udp' AND q.frames >= 3 AND a.frames >= 3 AND q.dport IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM flow r WHERE r.id = q.reverse_id AND r.frames > 0)
		AND NOT EXISTS (SELECT 1 FROM flow r WHERE r.id = a.reverse_id AND r.frames > 0)
), place AS (
	-- 1: at the service, whose namespace has both addresses; 0: at the client, where the service is not on this host
	SELECT o.*, EXISTS (SELECT 1 FROM addr x WHERE x.netns_id = o.netns_id AND x.address = o.dst)
		AND EXISTS (SELECT 1 FROM addr x WHERE x.netns_id = o.netns_id AND x.address = o.other) AS at_service,
		EXISTS (SELECT 1 FROM addr x WHERE x.netns_id = o.netns_id AND x.address = o.src) AS at_client
	FROM odd o
), hurt AS (
	SELECT o.*,
		(SELECT coalesce(sum(g.drops), 0) FROM _drop_group g WHERE g.proto = 'udp' AND g.src = o.other AND g.sport = o.dport AND g.dst = o.src AND g.dport = o.sport
			AND (g.reason IN ('NO_SOCKET', 'NETFILTER_DROP') OR (g.reason IS NULL AND g.function IN ('__udp4_lib_rcv', '__udp6_lib_rcv', 'nf_hook_slow', 'nft_do_chain')))) AS dropped,
		(SELECT count(*) FROM flow i JOIN _frame f ON f.flow_id = i.id WHERE o.at_service AND i.netns_id = o.netns_id AND i.proto IN ('icmp', 'icmpv6')
			AND i.src = o.src AND i.dst = o.other AND f.direction = 0 AND ((f.icmp_type = 3 AND i.proto = 'icmp') OR (f.icmp_type = 1 AND i.proto = 'icmpv6'))) AS errors
	FROM place o
	WHERE (o.at_service AND NOT o.at_client)
		OR (o.at_client AND NOT o.at_service AND NOT EXISTS (SELECT 1 FROM _local_addr x WHERE x.address IN (o.dst, o.other)))
)
SELECT
	CASE WHEN sum(max(h.dropped, h.errors)) >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN NOT h.at_service THEN 0.8 WHEN max(h.dropped) > 0 THEN 0.95 ELSE 0.9 END AS confidence,
	h.netns,
	max(h.ask_id) AS flow_id,
	'udp' AS flow_proto,
	CASE WHEN min(h.src) = max(h.src) THEN min(h.src) END AS flow_src,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	min(h.first_ns) AS from_ns,
	max(h.last_ns) AS to_ns,
	sum(max(h.dropped, h.errors)) AS packets,
	count(*) AS flows,
	h.other AS v_other,
	CASE WHEN min(h.src) = max(h.src) THEN min(h.src) ELSE count(DISTINCT h.src) || ' clients' END AS v_client,
	h.at_service AS v_service,
	sum(h.asked) AS v_asked,
	sum(h.answered) AS v_answered,
	sum(h.dropped) AS v_dropped,
	sum(h.errors) AS v_errors,
	min(h.answer_id) AS v_answer_id
FROM hurt h
WHERE max(h.dropped, h.errors) >= 3
GROUP BY h.netns, h.at_service, h.dst, h.dport, h.other
ORDER BY packets DESC, h.netns, h.dst, h.dport, h.other;

-- evidence: {result} datagrams to {flow_dst} port {flow_dport} were captured, and none that leaves from there for that client and port.
SELECT frames FROM flow WHERE id = {flow_id};
-- evidence: {result} datagrams left for it from {src} port {sport} instead.
SELECT frames, src, sport FROM flow WHERE id = {v_answer_id};
-- evidence?: {result} of these answers were seen to be dropped (no socket of the client takes them, or a firewall does not know them).
SELECT {v_dropped};
-- evidence?: {result} ICMP errors for them came back.
SELECT {v_errors};
-- evidence?: {flow_dst} and {v_other} are both addresses there, on {result}.
SELECT group_concat(DISTINCT dev) FROM addr WHERE netns IS {netns} AND address IN ({flow_dst}, {v_other});
-- advice: Let the service bind a socket to each address it serves, or answer from the address it was asked at (IP_PKTINFO, IPV6_RECVPKTINFO).
-- command: {ns}ss -lunp sport = :{flow_dport}
-- when: SELECT {v_service}
-- advice: See which source the routes choose; a route with "src" changes it for all.
-- command: {ns}ip route get {flow_src}
-- when: SELECT {v_service} AND {flow_src} IS NOT NULL
-- ruled-out: Not a service that is down: it did answer.
-- ruled-out: Not NAT: both addresses belong to this namespace.
-- when: SELECT {v_service}

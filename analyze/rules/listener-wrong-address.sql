-- SPDX-License-Identifier: MIT
-- cause: listener-wrong-address
-- severity: warning
-- tested: live
-- uses: events, frames, sockets
-- how: At least 5 datagrams or connection attempts refused with NO_SOCKET at an address where a socket does hold that port,
--   but bound to other addresses only (loopback most of all; 0.0.0.0 takes no IPv6). Where as many were served on that port at an address of the
--   other family, their clients try one and then the other (RFC 8305), and it is info.
-- title: A service listens on {v_bound} only, its clients use {flow_dst} port {flow_dport}
-- summary: {packets} {v_kind} to {flow_dst} port {flow_dport} were refused although a socket has that port: it is bound
--   to {v_bound}.
WITH hit AS (
	SELECT
		t.netns,
		max(t.dev) AS dev,
		max(t.function) AS function,
		max(t.reason) AS reason,
		t.proto,
		t.dst,
		t.dport,
		CASE WHEN min(t.src) = max(t.src) THEN min(t.src) END AS src,
		max(t.flow_id) AS flow_id,
		sum(t.flows) AS flows,
		sum(t.drops) AS drops,
		min(t.from_ns) AS from_ns,
		max(t.to_ns) AS to_ns
	FROM _drop_target t
	WHERE t.why = 'NO_SOCKET' AND t.proto IN ('udp', 'tcp') AND t.dport IS NOT NULL AND (t.proto = 'udp' OR t.syns > 0)
		AND t.function IN ('?', '__udp4_lib_rcv', '__udp6_lib_rcv', 'tcp_v4_rcv', 'tcp_v6_rcv')
	GROUP BY t.netns, t.proto, t.dst, t.dport
)
SELECT
	CASE WHEN h.flows > (SELECT count(*) FROM flow w WHERE w.proto = h.proto AND w.netns = h.netns AND w.dport = h.dport AND (w.dst LIKE '%:%') <> (h.dst LIKE '%:%')
		AND EXISTS (SELECT 1 FROM _frame r WHERE r.flow_id = w.reverse_id AND r.direction = 1 AND (h.proto = 'udp' OR r.tcp_flags & 18 = 18)))
		THEN 'warning' ELSE 'info' END AS severity,
	CASE h.function WHEN '?' THEN 0.8 ELSE 0.9 END AS confidence,
	h.netns,
	h.dev,
	h.function,
	h.reason,
	h.flow_id,
	h.proto AS flow_proto,
	h.src AS flow_src,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	h.from_ns,
	h.to_ns,
	h.drops AS packets,
	nullif(h.flows, 0) AS flows,
	(SELECT group_concat(src, ', ') FROM (SELECT DISTINCT s.src FROM _socket_span s WHERE s.proto = h.proto AND s.netns = h.netns
		AND s.sport = h.dport AND (h.proto = 'udp' OR s.state = 'LISTEN') ORDER BY s.src LIMIT 4)) AS v_bound,
	CASE h.proto WHEN 'tcp' THEN 'connection attempts' ELSE 'datagrams' END AS v_kind
FROM hit h
WHERE h.drops >= 5
	AND EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = h.proto AND s.netns = h.netns AND s.sport = h.dport
		AND (CASE h.proto WHEN 'tcp' THEN s.state = 'LISTEN' ELSE coalesce(s.dport, 0) = 0 END) AND s.src NOT IN (h.dst, '::', '*', CASE WHEN h.dst NOT LIKE '%:%' THEN '0.0.0.0' ELSE '' END))
	AND NOT EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = h.proto AND s.netns = h.netns AND s.sport = h.dport
		AND s.src IN (h.dst, '::', '*', CASE WHEN h.dst NOT LIKE '%:%' THEN '0.0.0.0' ELSE '' END))
ORDER BY h.drops DESC, h.netns, h.dst, h.dport;

-- evidence?: {result} packets to {flow_dst} port {flow_dport} were freed[[ in {function}]] with reason NO_SOCKET.
SELECT sum(drops) FROM _drop_target WHERE reason = 'NO_SOCKET' AND netns IS {netns} AND proto = {flow_proto} AND dst = {flow_dst} AND dport = {flow_dport};
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.why_by IS NOT NULL AND t.netns IS {netns} AND t.why = 'NO_SOCKET' AND t.proto = {flow_proto} AND t.dst = {flow_dst} AND t.dport = {flow_dport};
-- evidence: The sockets on that port are bound to {v_bound} ({result} of them).
SELECT count(*) FROM _socket_span WHERE proto = {flow_proto} AND netns IS {netns} AND sport = {flow_dport} AND coalesce(dport, 0) = 0 AND (proto = 'udp' OR state = 'LISTEN');
-- advice: Bind the service to the address that clients use, or to all addresses; see what it is bound to now.
-- command: {ns}ss -lnp sport = :{flow_dport}
-- ruled-out: Not a service that is down: its socket is there.

-- SPDX-License-Identifier: MIT
-- cause: tcp-no-listener
-- severity: warning
-- tested: live
-- uses: events, frames, sockets
-- symptom-of: listener-wrong-address/flow, duplicate-address
-- how: Drops with reason NO_SOCKET in tcp_v4_rcv or tcp_v6_rcv of flows that begin with a SYN, at least 5 connection attempts
--   to the same address and port, and no listener for it in the last snapshot. Scans (one SYN for each of many ports) and
--   segments that arrive after a close are left out.
-- title: No listener on TCP {flow_dst} port {flow_dport}
-- summary: {packets} connection attempts to {flow_dst} port {flow_dport} were refused with a reset: nothing listens there[[; {v_gone}]].
WITH hit AS (
	SELECT
		t.netns,
		max(t.netns_by) AS placed,
		max(t.dev) AS dev,
		max(t.function) AS function,
		max(t.reason) AS reason,
		t.dst,
		t.dport,
		CASE WHEN min(t.src) = max(t.src) AND count(t.src) = count(*) THEN min(t.src) END AS src,
		max(t.flow_id) AS flow_id,
		sum(t.flows) AS flows,
		min(sum(t.drops), sum(t.syns)) AS drops,
		min(t.from_ns) AS from_ns,
		max(t.to_ns) AS to_ns
	FROM _drop_target t
	WHERE (t.function IN ('tcp_v4_rcv', 'tcp_v6_rcv') OR (t.function = '?' AND t.reason = 'NO_SOCKET')) AND t.dport IS NOT NULL AND t.proto = 'tcp' AND t.syns > 0
		AND (t.reason = 'NO_SOCKET' OR t.reason IS NULL)
	GROUP BY t.netns, t.dst, t.dport
)
SELECT
	CASE WHEN EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = 'tcp' AND s.netns IS h.netns AND s.state = 'LISTEN' AND s.sport = h.dport
			AND s.src IN (h.dst, '0.0.0.0', '::', '*'))
		THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN h.placed IS NOT NULL OR h.function = '?' THEN 0.85 WHEN h.reason IS NULL THEN 0.7 ELSE 0.95 END AS confidence,
	h.netns,
	h.dev,
	h.function,
	h.reason,
	h.flow_id,
	'tcp' AS flow_proto,
	h.src AS flow_src,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	h.from_ns,
	h.to_ns,
	h.drops AS packets,
	nullif(h.flows, 0) AS flows,
	CASE WHEN EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = 'tcp' AND s.netns IS h.netns AND s.state = 'LISTEN' AND s.sport = h.dport
			AND s.src IN (h.dst, '0.0.0.0', '::', '*'))
		THEN 'a listener was there earlier in the recording and went away' END AS v_gone
FROM hit h
WHERE h.drops >= 5
	AND NOT EXISTS (SELECT 1 FROM _socket_span s WHERE s.proto = 'tcp' AND s.netns IS h.netns AND s.state = 'LISTEN'
		AND s.sport = h.dport AND s.at_end AND s.src IN (h.dst, '0.0.0.0', '::', '*'))
ORDER BY h.drops DESC, h.netns, h.dst, h.dport;

-- evidence: {result} segments to this port were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND function = {function} AND reason IS {reason} AND dst = {flow_dst} AND dport = {flow_dport};
-- evidence?: {result} connection attempts (SYN) to it were captured.
SELECT sum(syns) FROM _drop_target WHERE netns IS {netns} AND function = {function} AND dst = {flow_dst} AND dport = {flow_dport};
-- evidence: Listeners on port {flow_dport} in this namespace in the last snapshot: {result}.
SELECT count(*) FROM _socket_span WHERE proto = 'tcp' AND netns IS {netns} AND state = 'LISTEN' AND sport = {flow_dport} AND at_end;
-- evidence?: TCP in {netns} sent {result} resets.
SELECT sum(delta) FROM _moved WHERE name = 'Tcp.OutRsts' AND netns IS {netns} AND delta > 0;
-- packets:
SELECT d.packet_id FROM packet_drop d JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND d.reason IS {reason} AND f.dst = {flow_dst} AND f.dport = {flow_dport} ORDER BY d.id LIMIT 20;
-- advice: Start the service, or correct the port at its clients; see what listens.
-- command: {ns}ss -ltnp
-- ruled-out: Not a full accept queue: that needs a listener, and its SYNs are not answered with a reset by default.
-- ruled-out: Not the firewall: the segments reached TCP's socket lookup.

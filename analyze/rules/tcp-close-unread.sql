-- SPDX-License-Identifier: MIT
-- cause: tcp-close-unread
-- severity: warning
-- tested: live
-- uses: frames, counters
-- needs: frames
-- how: Of the connections to one port at least 10, and at least half, were reset by this host's own side after it had received data, and
--   TCPAbortOnClose of that namespace (close() with unread data, RFC 1122 4.2.2.13) grew at least as often as half of them. A few such
--   resets are the habit of health checks and browsers.
-- title: The service on {flow_dst} port {flow_dport} closes connections without reading their data
-- summary: {packets} of {v_conns:n connection} to {flow_dst} port {flow_dport} ended with a reset from {netns}: the application closed them with data unread, so the
--   peer sees "connection reset" and may lose an answer that was already on its way.
WITH conn AS (
	SELECT w.netns, w.netns_id, w.dst, w.dport, w.id AS flow_id, w.reverse_id, w.src, w.first_ns, w.last_ns,
		EXISTS (SELECT 1 FROM _frame d WHERE d.flow_id = w.id AND d.direction = 0 AND d.payload_bytes > 0) AS asked,
		EXISTS (SELECT 1 FROM _frame r WHERE r.flow_id = w.reverse_id AND r.direction = 1 AND r.tcp_flags & 4) AS reset
	FROM flow w
	WHERE w.proto = 'tcp' AND w.reverse_id IS NOT NULL
		AND EXISTS (SELECT 1 FROM _moved m WHERE m.name = 'TcpExt.TCPAbortOnClose' AND m.netns = w.netns AND m.delta >= 5)
		AND EXISTS (SELECT 1 FROM _frame s WHERE s.flow_id = w.reverse_id AND s.direction = 1 AND s.tcp_flags & 18 = 18)
)
SELECT
	0.9 AS confidence,
	c.netns,
	max(CASE WHEN c.reset AND c.asked THEN c.flow_id END) AS flow_id,
	'tcp' AS flow_proto,
	c.dst AS flow_dst,
	c.dport AS flow_dport,
	min(c.first_ns) AS from_ns,
	max(c.last_ns) AS to_ns,
	sum(c.reset AND c.asked) AS packets,
	sum(c.reset AND c.asked) AS flows,
	count(*) AS v_conns
FROM conn c
GROUP BY c.netns, c.dst, c.dport
HAVING sum(c.reset AND c.asked) >= 10 AND sum(c.reset AND c.asked) * 2 >= count(*)
	AND (SELECT sum(m.delta) FROM _moved m WHERE m.name = 'TcpExt.TCPAbortOnClose' AND m.netns = c.netns) * 2 >= sum(c.reset AND c.asked)
ORDER BY packets DESC, c.netns, c.dst, c.dport;

-- evidence: {packets} of {result} captured connections to that port were reset by the side that serves it, after it had received data.
SELECT {v_conns};
-- evidence: TcpExt.TCPAbortOnClose grew by {result} in {netns}: close() found data unread.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.TCPAbortOnClose' AND netns IS {netns} AND delta > 0;
-- packets:
SELECT f.packet_id FROM _frame f JOIN flow w ON w.id = f.flow_id WHERE w.netns IS {netns} AND w.proto = 'tcp' AND w.src = {flow_dst} AND w.sport = {flow_dport} AND f.tcp_flags & 4 AND f.packet_id IS NOT NULL ORDER BY f.ts_ns LIMIT 20;
-- advice: Let the application read what was sent before it closes: shutdown(SHUT_WR), read to the end, close.
-- command: {ns}ss -tlnp sport = {flow_dport}
-- ruled-out: Not a missing listener: the connections were established.
-- ruled-out: Not a firewall: the socket itself sent the resets.

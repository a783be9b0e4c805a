-- SPDX-License-Identifier: MIT
-- cause: ephemeral-ports-time-wait
-- severity: critical
-- tested: live
-- uses: events, sockets, config
-- needs: event inet_sock_set_state
-- how: At least 3 sockets went CLOSE, SYN_SENT, CLOSE with source port 0 to one destination and port: the route was found, but
--   no local port was (tcp_v4_connect() sets SYN_SENT before it asks for the port; EADDRNOTAVAIL to the application), and
--   the sockets of the snapshots to that destination are mostly in TIME_WAIT: short connections wear the ports out. Each such
--   connect() is a failure that the application sees; no packet, drop or counter tells of it.
-- title: TIME_WAIT holds all local ports for connections to {flow_dst} port {flow_dport}
-- summary: {packets:n connection attempt} from {flow_src} to {flow_dst} port {flow_dport} failed at once with EADDRNOTAVAIL: all local ports[[ of
--   the range {v_range}]] to this destination are taken, most of them[[ ({v_held})]] by closed connections in TIME_WAIT, which last 60 s.
WITH fail AS (
	SELECT json_extract(e.fields, '$.family') = 'AF_INET6' AS six,
		CASE WHEN json_extract(e.fields, '$.family') = 'AF_INET6' THEN json_extract(e.fields, '$.saddr_v6') ELSE json_extract(e.fields, '$.saddr') END AS src,
		CASE WHEN json_extract(e.fields, '$.family') = 'AF_INET6' THEN json_extract(e.fields, '$.daddr_v6') ELSE json_extract(e.fields, '$.daddr') END AS dst,
		json_extract(e.fields, '$.dport') AS dport, e.ts_ns, e.pid
	FROM event e
	WHERE e.name = 'inet_sock_set_state' AND json_extract(e.fields, '$.sport') = 0
		AND json_extract(e.fields, '$.oldstate') IN ('TCP_SYN_SENT', 2) AND json_extract(e.fields, '$.newstate') IN ('TCP_CLOSE', 7)
), target AS (
	SELECT src, dst, dport, count(*) AS fails, min(ts_ns) AS from_ns, max(ts_ns) AS to_ns, max(pid) AS pid, min(pid) = max(pid) AS one
	FROM fail
	GROUP BY src, dst, dport
	HAVING count(*) >= 3
), held AS (
	-- the state of each port at the last snapshot before the last failure, or up to the next one behind it (they are a second apart)
	SELECT t.src, t.dst, t.dport, s.sport, s.netns, s.state, max(CASE WHEN s.snap_ns <= t.to_ns THEN s.snap_ns ELSE -s.snap_ns END)
	FROM target t JOIN socket s ON s.proto = 'tcp' AND s.dst = t.dst AND s.dport = t.dport AND s.src = t.src AND s.snap_ns <= t.to_ns + 1100000000
	GROUP BY t.src, t.dst, t.dport, s.sport
), state AS (
	SELECT src, dst, dport, max(netns) AS netns, sum(state <> 'TIME_WAIT') AS open, sum(state = 'TIME_WAIT') AS waiting
	FROM held
	GROUP BY src, dst, dport
)
SELECT
	0.95 AS confidence,
	coalesce(s.netns, (SELECT min(netns) FROM addr a WHERE a.address = t.src)) AS netns,
	'tcp' AS flow_proto,
	t.src AS flow_src,
	t.dst AS flow_dst,
	t.dport AS flow_dport,
	CASE WHEN t.one THEN (SELECT comm FROM task k WHERE k.pid = t.pid) END AS process,
	CASE WHEN t.one THEN t.pid END AS pid,
	t.from_ns,
	t.to_ns,
	t.fails AS packets,
	s.waiting AS v_held,
	(SELECT replace(coalesce(value_end, value), char(9), ' ') FROM sysctl c WHERE c.name = 'net.ipv4.ip_local_port_range'
		AND c.netns = coalesce(s.netns, (SELECT min(netns) FROM addr a WHERE a.address = t.src))) AS v_range,
	(SELECT coalesce(value_end, value) FROM sysctl c WHERE c.name = 'net.ipv4.tcp_tw_reuse' AND c.netns = s.netns) AS v_reuse
FROM target t JOIN state s USING (src, dst, dport)
WHERE s.waiting > s.open
ORDER BY t.fails DESC, t.src, t.dst, t.dport;

-- evidence: {result:n socket} went from SYN_SENT back to CLOSE without ever having a source port.
SELECT count(*) FROM event WHERE name = 'inet_sock_set_state' AND json_extract(fields, '$.sport') = 0 AND json_extract(fields, '$.dport') = {flow_dport} AND json_extract(fields, '$.oldstate') IN ('TCP_SYN_SENT', 2) AND json_extract(fields, '$.newstate') IN ('TCP_CLOSE', 7) AND {flow_dst} IN (json_extract(fields, '$.daddr'), json_extract(fields, '$.daddr_v6'));
-- evidence: The snapshots show {result:n local port} in TIME_WAIT to this destination.
SELECT count(DISTINCT sport) FROM socket WHERE proto = 'tcp' AND dst = {flow_dst} AND dport = {flow_dport} AND src = {flow_src} AND state = 'TIME_WAIT' AND snap_ns <= {to_ns} + 1100000000;
-- evidence?: net.ipv4.ip_local_port_range is {result}.
SELECT {v_range};
-- advice: Keep connections open and use them again (keep-alive, a pool): each short connection costs a port for 60 s.
-- advice: Let new connections take the place of old ones in TIME_WAIT (needs TCP timestamps at both ends).
-- command: {ns}sysctl -w net.ipv4.tcp_tw_reuse=1
-- undo: {ns}sysctl -w net.ipv4.tcp_tw_reuse={v_reuse}
-- when: SELECT {v_reuse} <> '1'
-- advice: Widen the range of local ports; keep the ports of services out of it (net.ipv4.ip_local_reserved_ports).
-- command: {ns}sysctl -w net.ipv4.ip_local_port_range='1024 65535'
-- undo: {ns}sysctl -w net.ipv4.ip_local_port_range={v_range}
-- when: SELECT {v_range} IS NOT NULL AND {v_range} <> '1024 65535'
-- ruled-out: Not a missing route: the sockets had a source address, so the route was found.
-- ruled-out: Not the network and not the server: no packet of these attempts was made.
-- ruled-out: Not connections that are held open: most of the ports are in TIME_WAIT.
-- when: SELECT {v_held} > 0

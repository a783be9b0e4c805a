-- SPDX-License-Identifier: MIT
-- cause: ephemeral-ports-exhausted
-- severity: critical
-- tested: live
-- uses: events, sockets, config
-- needs: event inet_sock_set_state
-- partial: yes
-- how: At least 3 sockets went CLOSE, SYN_SENT, CLOSE with source port 0 to one destination and port: the route was found, but
--   no local port was (tcp_v4_connect() sets SYN_SENT before it asks for the port; EADDRNOTAVAIL to the application), and
--   the sockets of the snapshots to that destination are mostly not in TIME_WAIT: connections are held open. Each such
--   connect() is a failure that the application sees; no packet, drop or counter tells of it.
-- title: No local port left for connections to {flow_dst} port {flow_dport}
-- summary: {packets:n connection attempt} from {flow_src} to {flow_dst} port {flow_dport} failed at once with EADDRNOTAVAIL: all local ports[[ of
--   the range {v_range}]] to this destination are taken[[ by {v_held:n connection} that are held open]].
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
	CASE WHEN s.open IS NULL THEN 0.6 ELSE 0.97 END AS confidence,
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
	s.open AS v_held,
	(SELECT replace(coalesce(value_end, value), char(9), ' ') FROM sysctl c WHERE c.name = 'net.ipv4.ip_local_port_range'
		AND c.netns = coalesce(s.netns, (SELECT min(netns) FROM addr a WHERE a.address = t.src))) AS v_range
FROM target t LEFT JOIN state s USING (src, dst, dport)
WHERE coalesce(s.waiting, 0) <= coalesce(s.open, 0)
ORDER BY t.fails DESC, t.src, t.dst, t.dport;

-- evidence: {result:n socket} went from SYN_SENT back to CLOSE without ever having a source port.
SELECT count(*) FROM event WHERE name = 'inet_sock_set_state' AND json_extract(fields, '$.sport') = 0 AND json_extract(fields, '$.dport') = {flow_dport} AND json_extract(fields, '$.oldstate') IN ('TCP_SYN_SENT', 2) AND json_extract(fields, '$.newstate') IN ('TCP_CLOSE', 7) AND {flow_dst} IN (json_extract(fields, '$.daddr'), json_extract(fields, '$.daddr_v6'));
-- evidence?: The snapshots show {result:n local port} in use to this destination.
SELECT count(DISTINCT sport) FROM socket WHERE proto = 'tcp' AND dst = {flow_dst} AND dport = {flow_dport} AND src = {flow_src} AND snap_ns <= {to_ns} + 1100000000;
-- evidence?: net.ipv4.ip_local_port_range is {result}.
SELECT {v_range};
-- advice: Find out why so many connections to one address and port are open: a pool without limit, or a leak.
-- command: {ns}ss -tnp dst \[{flow_dst}\] dport = {flow_dport}
-- advice: Widen the range of local ports; keep the ports of services out of it (net.ipv4.ip_local_reserved_ports).
-- command: {ns}sysctl -w net.ipv4.ip_local_port_range='1024 65535'
-- undo: {ns}sysctl -w net.ipv4.ip_local_port_range={v_range}
-- when: SELECT {v_range} IS NOT NULL AND {v_range} <> '1024 65535'
-- ruled-out: Not a missing route: the sockets had a source address, so the route was found.
-- ruled-out: Not the network and not the server: no packet of these attempts was made.
-- ruled-out: Not TIME_WAIT of short connections: most of the ports belong to connections that are open.
-- when: SELECT {v_held} > 0

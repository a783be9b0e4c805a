-- SPDX-License-Identifier: MIT
-- cause: tcp-syn-queue-overflow
-- severity: warning
-- tested: live
-- uses: counters, sockets, config
-- partial: path
-- how: TcpExt.TCPReqQFullDrop grew by at least 3 in a namespace: SYNs were dropped because the SYN queue was full and SYN
--   cookies are off; or TcpExt.ListenDrops grew by at least 3 more than full accept queues and missing routes explain,
--   cookies are off, and a snapshot shows at least 3 of 4 of tcp_max_syn_backlog half-open connections (beyond that the kernel
--   refuses, tcp_conn_request()). With cookies (TCPReqQFullDoCookies) connections still come about, which is info.
-- title: SYN queue full[[ at {flow_dst} port {flow_dport}]]
-- summary: {packets} SYNs were {v_what}[[ in {netns}]] because a listener's SYN queue was full: a flood of SYNs, or SYN-ACKs that are not answered.
WITH half AS (
	SELECT netns, max(n) AS n
	FROM (SELECT netns, snap_id, count(*) AS n FROM socket WHERE proto = 'tcp' AND state = 'SYN_RECV' GROUP BY netns, snap_id)
	GROUP BY netns
), setting AS (
	SELECT netns,
		max(CASE name WHEN 'net.ipv4.tcp_syncookies' THEN coalesce(value_end, value) END) AS cookies,
		max(CASE name WHEN 'net.ipv4.tcp_max_syn_backlog' THEN CAST(coalesce(value_end, value) AS INTEGER) END) AS backlog
	FROM sysctl
	WHERE name IN ('net.ipv4.tcp_syncookies', 'net.ipv4.tcp_max_syn_backlog')
	GROUP BY netns
), refused AS (
	SELECT netns, name AS counter, sum(delta) AS n
	FROM _moved
	WHERE name IN ('TcpExt.TCPReqQFullDrop', 'TcpExt.TCPReqQFullDoCookies') AND delta > 0
	GROUP BY netns, name
	UNION ALL
	SELECT m.netns, 'TcpExt.ListenDrops', CAST(total(CASE m.name WHEN 'TcpExt.ListenDrops' THEN m.delta ELSE -m.delta END) AS INTEGER)
	FROM _moved m
	JOIN setting s ON s.netns = m.netns AND s.cookies = '0'
	JOIN half h ON h.netns = m.netns AND h.n * 4 >= s.backlog * 3
	WHERE m.name IN ('TcpExt.ListenDrops', 'TcpExt.ListenOverflows', 'TcpExt.TCPReqQFullDrop', 'Ip.OutNoRoutes')
	GROUP BY m.netns
)
SELECT
	CASE WHEN r.counter = 'TcpExt.TCPReqQFullDoCookies' THEN 'info' WHEN r.n >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN r.counter = 'TcpExt.ListenDrops' THEN 0.9 ELSE 0.95 END AS confidence,
	r.netns,
	coalesce(l.flow_dst, y.dst) AS flow_dst,
	coalesce(l.flow_dport, y.dport) AS flow_dport,
	CASE WHEN coalesce(l.flow_dport, y.dport) IS NOT NULL THEN 'tcp' END AS flow_proto,
	(SELECT comm FROM _flow_task t WHERE t.proto = 'tcp' AND t.dport = coalesce(l.flow_dport, y.dport) AND t.dst = coalesce(l.flow_dst, y.dst) ORDER BY t.times DESC, t.pid LIMIT 1) AS process,
	(SELECT pid FROM _flow_task t WHERE t.proto = 'tcp' AND t.dport = coalesce(l.flow_dport, y.dport) AND t.dst = coalesce(l.flow_dst, y.dst) ORDER BY t.times DESC, t.pid LIMIT 1) AS pid,
	r.n AS packets,
	r.counter AS v_counter,
	CASE WHEN r.counter = 'TcpExt.TCPReqQFullDoCookies' THEN 'answered with a cookie' ELSE 'dropped' END AS v_what,
	s.cookies AS v_cookies,
	s.backlog AS v_backlog
FROM refused r
LEFT JOIN setting s ON s.netns = r.netns
LEFT JOIN (
	-- the local end of the half-open connections
	SELECT netns, src AS flow_dst, sport AS flow_dport, row_number() OVER (PARTITION BY netns ORDER BY count(*) DESC, src, sport) AS nth
	FROM socket WHERE proto = 'tcp' AND state = 'SYN_RECV' GROUP BY netns, src, sport
) l ON l.netns = r.netns AND l.nth = 1
LEFT JOIN (
	-- else a listener that got three times as many SYNs as any other, and enough of them
	SELECT netns, dst, dport, syns, row_number() OVER (PARTITION BY netns ORDER BY syns DESC, dst, dport) AS nth,
		lead(syns, 1, 0) OVER (PARTITION BY netns ORDER BY syns DESC, dst, dport) AS next
	FROM (SELECT netns, dst, dport, sum(syns) AS syns FROM (SELECT k.netns, f.dst, f.dport, max(s.syns) AS syns FROM flow f JOIN _flow_seen s ON s.flow_id = f.id
		JOIN (SELECT DISTINCT netns, src, sport FROM socket WHERE proto = 'tcp' AND state = 'LISTEN') k ON k.sport = f.dport AND k.src IN (f.dst, '0.0.0.0', '::', '*')
		WHERE f.proto = 'tcp' AND s.syns > 0 AND (f.dst LIKE '127.%' OR f.dst = '::1' OR EXISTS (SELECT 1 FROM addr a WHERE a.netns = k.netns AND a.address = f.dst))
		GROUP BY k.netns, f.dst, f.dport, f.src, f.sport) GROUP BY netns, dst, dport)
) y ON y.netns = r.netns AND y.nth = 1 AND y.syns >= 3 * y.next AND y.syns >= r.n
WHERE r.n >= 3
ORDER BY r.counter = 'TcpExt.TCPReqQFullDoCookies', r.n DESC, r.netns;

-- evidence: {v_counter} grew by {result}.
SELECT sum(delta) FROM _moved WHERE name = {v_counter} AND netns IS {netns} AND delta > 0;
-- evidence?: {result} SYNs to {flow_dst} port {flow_dport} were captured, of {flows:n flow}.
SELECT sum(syns), count(*) AS flows FROM (SELECT max(s.syns) AS syns FROM flow f JOIN _flow_seen s ON s.flow_id = f.id WHERE f.proto = 'tcp' AND f.dst = {flow_dst} AND f.dport = {flow_dport} AND s.syns > 0 GROUP BY f.src, f.sport) HAVING sum(syns) > 0;
-- evidence?: {result} connections were half open (SYN_RECV) in one snapshot.
SELECT max(n) FROM (SELECT count(*) AS n FROM socket WHERE netns IS {netns} AND state = 'SYN_RECV' GROUP BY snap_id);
-- evidence?: net.ipv4.tcp_max_syn_backlog is {result}, net.ipv4.tcp_syncookies {v_cookies}.
SELECT {v_backlog};
-- advice: Switch SYN cookies on: then a full queue refuses nobody.
-- command: {ns}sysctl -w net.ipv4.tcp_syncookies=1
-- undo: {ns}sysctl -w net.ipv4.tcp_syncookies=0
-- when: SELECT {v_cookies} = '0'
-- ruled-out: Not the accept queue: TcpExt.ListenOverflows did not move.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _moved WHERE name = 'TcpExt.ListenOverflows' AND netns IS {netns} AND delta > 0)

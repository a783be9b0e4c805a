-- SPDX-License-Identifier: MIT
-- cause: tcp-syn-queue-overflow
-- severity: warning
-- tested: replay
-- uses: counters, config
-- how: TcpExt.TCPReqQFullDrop grew by at least 3 in a namespace: SYNs were dropped because the SYN queue was full and SYN
--   cookies are off. With cookies (TCPReqQFullDoCookies) connections still come about, which is info.
-- title: SYN queue full
-- summary: {packets} SYNs were {v_what}[[ in {netns}]] because a listener's SYN queue was full: a flood of SYNs, or SYN-ACKs that are not answered.
SELECT
	CASE WHEN m.name = 'TcpExt.TCPReqQFullDoCookies' THEN 'info' WHEN sum(m.delta) >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	m.netns,
	sum(m.delta) AS packets,
	m.name AS v_counter,
	CASE WHEN m.name = 'TcpExt.TCPReqQFullDoCookies' THEN 'answered with a cookie' ELSE 'dropped' END AS v_what,
	(SELECT value FROM sysctl WHERE name = 'net.ipv4.tcp_syncookies' AND netns IS m.netns) AS v_cookies,
	(SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.ipv4.tcp_max_syn_backlog' AND netns IS m.netns) AS v_backlog
FROM _moved m
WHERE m.name IN ('TcpExt.TCPReqQFullDrop', 'TcpExt.TCPReqQFullDoCookies') AND m.delta > 0
GROUP BY m.netns, m.name
HAVING sum(m.delta) >= 3
ORDER BY m.name DESC, sum(m.delta) DESC, m.netns;

-- evidence: {v_counter} grew by {result}.
SELECT sum(delta) FROM _moved WHERE name = {v_counter} AND netns IS {netns} AND delta > 0;
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

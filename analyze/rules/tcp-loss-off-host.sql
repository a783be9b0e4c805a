-- SPDX-License-Identifier: MIT
-- cause: tcp-loss-off-host
-- severity: warning
-- tested: live
-- uses: events, frames, counters
-- needs: event tcp_retransmit_skb, frames
-- how: At least 20 retransmissions (tcp_retransmit_skb) to an address that is not of this host (or that is reached through a tun device, whose process
--   carries the packets outside of the stack), which are 2 % or more of the SYNs and segments with
--   data that were captured on their way out to it, and no drop of these flows anywhere on this host; or SYNs of at least 5 connections that were sent again and
--   never answered, each of which waits a second or more. Where the peer answered half of them or more as
--   received twice (DSACK), nothing was lost. Below 1 to 2 % TCP hardly
--   slows down (RFC 5681, Mathis et al. 1997); segments lost on this host have causes of their own.
-- title: [[Segments to {v_lossy} are lost on the path]][[Connections to {v_silent} are not answered]]
-- summary: [[{packets:n retransmission} to {v_lossy} ({v_share:pct} of {v_sent:n segment} with data or SYN)]][[{v_mute:n connection} to {v_silent} sent their SYN again ({packets:n time}) and
--   got no answer]]: the segments left this host, nothing here dropped any, so they or
--   their acknowledgements are lost beyond it[[, or {v_host} is down, or a firewall there drops them]].
WITH again AS (
	SELECT CASE WHEN json_extract(e.fields, '$.daddr') = '0.0.0.0' OR json_extract(e.fields, '$.family') = 'AF_INET6' THEN json_extract(e.fields, '$.daddr_v6')
			ELSE json_extract(e.fields, '$.daddr') END AS dst,
		json_extract(e.fields, '$.dport') AS dport, json_extract(e.fields, '$.sport') AS sport, e.ts_ns
	FROM event e
	WHERE e.name = 'tcp_retransmit_skb'
), peer AS (
	SELECT dst, count(*) AS n, min(ts_ns) AS from_ns, max(ts_ns) AS to_ns, count(DISTINCT sport || ' ' || dport) AS flows,
		CASE WHEN min(dport) = max(dport) THEN min(dport) END AS dport
	FROM again
	GROUP BY dst
	HAVING count(*) >= 5
), mute AS (
	-- connections whose SYN was sent more than once and was never answered
	SELECT w.dst, count(*) AS n
	FROM peer p JOIN flow w ON w.dst = p.dst AND w.proto = 'tcp' AND w.reverse_id IS NULL JOIN _flow_seen s ON s.flow_id = w.id AND s.syns >= 2
	WHERE EXISTS (SELECT 1 FROM _frame f WHERE f.flow_id = w.id AND f.direction = 1)
	GROUP BY w.dst
), sent AS (
	-- at the device and namespace where most were seen
	SELECT dst, max(n) AS n, netns, dev, dst IN (SELECT address FROM _local_addr) AS local FROM (
		SELECT w.dst, s.name AS netns, d.text AS dev, count(*) AS n
		FROM peer p JOIN flow w ON w.dst = p.dst AND w.proto = 'tcp' JOIN _frame f ON f.flow_id = w.id AND f.direction = 1 AND (f.payload_bytes > 0 OR f.tcp_flags & 2)
		JOIN netns s ON s.id = f.netns_id JOIN _name d ON d.id = f.dev_id
		GROUP BY w.dst, s.name, d.text)
	GROUP BY dst
), way AS (
	SELECT s.*, EXISTS (SELECT 1 FROM netdev d WHERE d.netns = s.netns AND d.name = s.dev AND d.kind = 'tun') AS tun FROM sent s
)
SELECT
	-- a silent peer may as well be switched off
	CASE WHEN p.n * 10 >= s.n AND 2 * coalesce(m.n, 0) < p.flows THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN 2 * coalesce(m.n, 0) < p.flows THEN 0.85 ELSE 0.7 END AS confidence,
	s.netns,
	s.dev,
	'tcp' AS flow_proto,
	p.dst AS flow_dst,
	p.dport AS flow_dport,
	p.from_ns,
	p.to_ns,
	p.n AS packets,
	p.flows,
	s.n AS v_sent,
	CAST(p.n AS REAL) / s.n AS v_share,
	CASE WHEN 2 * coalesce(m.n, 0) < p.flows THEN p.dst END AS v_lossy,
	CASE WHEN 2 * m.n >= p.flows THEN p.dst END AS v_silent,
	CASE WHEN 2 * m.n >= p.flows THEN m.n END AS v_mute,
	CASE WHEN 2 * m.n >= p.flows AND NOT s.tun THEN p.dst END AS v_host,
	s.tun AS v_tun
FROM peer p JOIN way s USING (dst) LEFT JOIN mute m USING (dst)
WHERE (p.n >= 20 OR m.n >= 5) AND p.n * 50 >= s.n
	AND (s.tun OR NOT s.local)
	AND NOT EXISTS (SELECT 1 FROM _moved r JOIN _moved d ON d.netns = r.netns AND d.name = 'TcpExt.TCPDSACKRecv'
		WHERE r.netns = s.netns AND r.name = 'Tcp.RetransSegs'
		AND 2 * coalesce((SELECT x.delta FROM _moved x WHERE x.netns = r.netns AND x.name = 'TcpExt.TCPDSACKRecvSegs'), d.delta) >= r.delta)
	AND NOT EXISTS (SELECT 1 FROM _drop_group g WHERE g.proto = 'tcp' AND g.class IN ('loss', 'policy', 'error') AND (g.dst = p.dst OR g.src = p.dst))
ORDER BY p.n DESC, p.dst;

-- evidence: {result:n retransmission} of segments to {flow_dst} (tcp_retransmit_skb).
SELECT count(*) FROM event WHERE name = 'tcp_retransmit_skb' AND {flow_dst} IN (json_extract(fields, '$.daddr'), json_extract(fields, '$.daddr_v6'));
-- evidence: {result:n segment} with data or SYN to it were captured leaving on {dev}.
SELECT count(*) FROM _frame f JOIN flow w ON w.id = f.flow_id WHERE w.proto = 'tcp' AND w.dst = {flow_dst} AND f.direction = 1 AND (f.payload_bytes > 0 OR f.tcp_flags & 2) AND f.dev_id = (SELECT id FROM _name WHERE text = {dev});
-- evidence?: Tcp.RetransSegs grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name = 'Tcp.RetransSegs' AND netns IS {netns} AND delta > 0;
-- evidence?: Retransmission timeouts (TcpExt.TCPTimeouts): {result}; each costs at least 200 ms.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.TCPTimeouts' AND netns IS {netns} AND delta > 0;
-- packets:
SELECT p.id FROM _packet p JOIN flow w ON w.id = p.flow_id WHERE w.dst = {flow_dst} AND w.proto = 'tcp' AND p.link = 7 ORDER BY p.id LIMIT 20;
-- advice: Look at the process behind {dev}: it carries these packets and loses them, or what lies behind it does.
-- command: {ns}ip -d link show {dev}
-- when: SELECT {v_tun}
-- advice: Ask whether {v_host} is up and lets these connections in: a firewall that drops in silence looks like loss.
-- command: {ns}ping -c 3 {v_host}
-- when: SELECT {v_host} IS NOT NULL
-- advice: Look for the loss on the path: counters of the switches and routers, a recording at the other end at the same time.
-- command: {ns}ss -tin dst \[{flow_dst}\]
-- ruled-out: Not this host: no drop of these connections was recorded here.
-- ruled-out: Not the NIC of this host: no error counter of {dev} moved.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _moved WHERE dev = {dev} AND netns IS {netns} AND delta > 0 AND (name LIKE '%error%' OR name LIKE '%drop%' OR name LIKE '%fifo%'))

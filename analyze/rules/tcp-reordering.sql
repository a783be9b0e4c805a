-- SPDX-License-Identifier: MIT
-- cause: tcp-reordering
-- severity: warning
-- tested: live
-- uses: counters, events
-- symptom-of: tcp-loss-off-host/netns
-- how: In one namespace the sender noticed reordering at least 10 times (TCPSACKReorder, TCPTSReorder, TCPRenoReorder) and the peers
--   answered at least 10 segments as received twice (TCPDSACKRecv): it retransmitted what was only late, and slowed down for it. And
--   no packet of TCP was dropped on this host. Reordering that costs no retransmission harms no one; below 1 % of the segments sent
--   (as any bulk transfer between CPUs shows) it is worth knowing, but no trouble: then it is 'info'.
-- title: TCP segments sent by {netns} arrive out of order
-- summary: TCP in {netns} found its segments reordered {packets:n time} and retransmitted {v_twice:n segment} that were only late.
SELECT
	CASE WHEN (SELECT sum(r.delta) FROM _moved r WHERE r.name = 'Tcp.RetransSegs' AND r.netns IS m.netns) * 100
			>= (SELECT sum(o.delta) FROM _moved o WHERE o.name = 'Tcp.OutSegs' AND o.netns IS m.netns)
		THEN 'warning' ELSE 'info' END AS severity,
	0.8 AS confidence,
	m.netns,
	'tcp' AS flow_proto,
	sum(CASE WHEN m.name LIKE '%Reorder' THEN m.delta END) AS packets,
	-- a block of a DSACK can tell of several segments; kernels before 5.10 count blocks only
	coalesce(sum(CASE WHEN m.name = 'TcpExt.TCPDSACKRecvSegs' THEN m.delta END),
		sum(CASE WHEN m.name = 'TcpExt.TCPDSACKRecv' THEN m.delta END)) AS v_twice
FROM _moved m
WHERE m.name IN ('TcpExt.TCPSACKReorder', 'TcpExt.TCPTSReorder', 'TcpExt.TCPRenoReorder', 'TcpExt.TCPDSACKRecv', 'TcpExt.TCPDSACKRecvSegs')
	AND m.delta > 0
	AND NOT EXISTS (SELECT 1 FROM _drop_group g WHERE g.proto = 'tcp' AND g.class IN ('loss', 'policy'))
GROUP BY m.netns
HAVING sum(CASE WHEN m.name LIKE '%Reorder' THEN m.delta END) >= 10 AND sum(CASE WHEN m.name = 'TcpExt.TCPDSACKRecv' THEN m.delta END) >= 10
ORDER BY packets DESC, m.netns;

-- evidence: {name} grew by {result} in {netns}.
SELECT sum(delta), name FROM _moved WHERE name IN ('TcpExt.TCPSACKReorder', 'TcpExt.TCPTSReorder', 'TcpExt.TCPRenoReorder') AND delta > 0 AND netns IS {netns} GROUP BY name ORDER BY sum(delta) DESC, name;
-- evidence: {name} grew by {result}: the peers had received something twice.
SELECT sum(delta), name FROM _moved WHERE name IN ('TcpExt.TCPDSACKRecv', 'TcpExt.TCPDSACKRecvSegs') AND netns IS {netns} AND delta > 0 GROUP BY name ORDER BY name DESC;
-- evidence?: {result} of {sent} segments were retransmissions (Tcp.RetransSegs, Tcp.OutSegs).
SELECT sum(CASE name WHEN 'Tcp.RetransSegs' THEN delta END), sum(CASE name WHEN 'Tcp.OutSegs' THEN delta END) AS sent FROM _moved WHERE name IN ('Tcp.RetransSegs', 'Tcp.OutSegs') AND netns IS {netns} AND delta > 0;
-- advice: Look for what sends one connection over several ways: per-packet balancing (bond mode balance-rr, ECMP by packet), or packets of one flow
--   steered to several queues and CPUs.
-- command: {ns}ss -tin
-- ruled-out: Not a loss on this host: no TCP packet was dropped here.

-- SPDX-License-Identifier: MIT
-- cause: tcp-reordering
-- severity: warning
-- tested: replay
-- uses: counters, events
-- symptom-of: tcp-loss-off-host/netns
-- how: In one namespace the sender noticed reordering at least 10 times (TCPSACKReorder, TCPTSReorder, TCPRenoReorder) and the peers
--   answered at least 10 segments as received twice (TCPDSACKRecv): it retransmitted what was only late, and slowed down for it. And
--   no packet of TCP was dropped on this host. Reordering that costs no retransmission harms no one.
-- title: TCP segments sent by {netns} arrive out of order
-- summary: TCP in {netns} found its segments reordered {packets:n time} and retransmitted {v_twice:n segment} that were only late.
SELECT
	0.8 AS confidence,
	m.netns,
	'tcp' AS flow_proto,
	sum(CASE WHEN m.name <> 'TcpExt.TCPDSACKRecv' THEN m.delta END) AS packets,
	sum(CASE WHEN m.name = 'TcpExt.TCPDSACKRecv' THEN m.delta END) AS v_twice
FROM _moved m
WHERE m.name IN ('TcpExt.TCPSACKReorder', 'TcpExt.TCPTSReorder', 'TcpExt.TCPRenoReorder', 'TcpExt.TCPDSACKRecv') AND m.delta > 0
	AND NOT EXISTS (SELECT 1 FROM _drop_group g WHERE g.proto = 'tcp' AND g.class IN ('loss', 'policy'))
GROUP BY m.netns
HAVING sum(CASE WHEN m.name <> 'TcpExt.TCPDSACKRecv' THEN m.delta END) >= 10 AND sum(CASE WHEN m.name = 'TcpExt.TCPDSACKRecv' THEN m.delta END) >= 10
ORDER BY packets DESC, m.netns;

-- evidence: {name} grew by {result} in {netns}.
SELECT sum(delta), name FROM _moved WHERE name IN ('TcpExt.TCPSACKReorder', 'TcpExt.TCPTSReorder', 'TcpExt.TCPRenoReorder') AND delta > 0 AND netns IS {netns} GROUP BY name ORDER BY sum(delta) DESC, name;
-- evidence: TcpExt.TCPDSACKRecv grew by {result}: so many segments arrived twice.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.TCPDSACKRecv' AND netns IS {netns} AND delta > 0;
-- evidence?: {result} segments were retransmitted in all (Tcp.RetransSegs).
SELECT sum(delta) FROM _moved WHERE name = 'Tcp.RetransSegs' AND netns IS {netns} AND delta > 0;
-- advice: Look for what sends one connection over several ways: per-packet balancing (bond mode balance-rr, ECMP by packet), or packets of one flow
--   steered to several queues and CPUs.
-- command: {ns}ss -tin
-- ruled-out: Not a loss on this host: no TCP packet was dropped here.

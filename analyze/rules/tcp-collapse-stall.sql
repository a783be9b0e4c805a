-- SPDX-License-Identifier: MIT
-- cause: tcp-collapse-stall
-- severity: warning
-- tested: replay
-- uses: events, counters, sockets
-- needs: event softirq_entry
-- how: TCPRcvCollapsed grew by 1000 or more in a namespace: a full receive queue was copied together to save memory (tcp_collapse(), called with the
--   socket's lock held), and at least twice the next thing that NET_RX did on its CPU after a TCP packet of that namespace came 5 ms or more later, within the same run. Nothing
--   else can be received on that CPU in that time. Collapsing small queues takes microseconds.
-- title: Collapsing a huge TCP receive queue stops CPU {cpu} for up to {delay_ns:time}
-- summary: {packets:n time} a segment[[ from {flow_src}]] to {flow_dst} port {flow_dport} kept NET_RX on CPU {cpu} for 5 ms or more, up to {delay_ns:time}: the kernel collapsed the
--   receive queue of that socket ({v_collapsed} segments in {netns}), because many small segments fill its large buffer and it is not read. Every other packet of that CPU waited meanwhile.
WITH grown AS (
	SELECT netns, sum(delta) AS n FROM _moved WHERE name = 'TcpExt.TCPRcvCollapsed' AND delta > 0 GROUP BY netns HAVING sum(delta) >= 1000
), long AS (
	SELECT cpu, start_ns, end_ns FROM softirq WHERE vec = 3 AND end_ns - start_ns >= 5000000
), seen AS (
	SELECT l.cpu, l.start_ns, l.end_ns, h.packet_id, h.ts_ns, h.stage, lead(h.ts_ns, 1, l.end_ns) OVER (PARTITION BY l.cpu, l.start_ns ORDER BY h.ts_ns, h.packet_id, h.seq) - h.ts_ns AS ns
	FROM long l JOIN _hop h ON h.cpu = l.cpu AND h.ts_ns BETWEEN l.start_ns AND l.end_ns
), stall AS (
	SELECT s.cpu, s.ts_ns, s.ns, s.packet_id, f.id AS flow_id, f.src, f.sport, f.dst, f.dport
	FROM seen s JOIN _packet p ON p.id = s.packet_id JOIN flow f ON f.id = p.flow_id AND f.proto = 'tcp'
	WHERE s.ns >= 5000000 AND s.stage IN (SELECT id FROM _stage WHERE name IN ('netif_receive_skb', 'sk_data_ready'))
)
SELECT
	CASE WHEN max(s.ns) >= 50000000 THEN 'critical' ELSE 'warning' END AS severity,
	0.85 AS confidence,
	g.netns,
	max(s.flow_id) AS flow_id,
	'tcp' AS flow_proto,
	CASE WHEN min(s.src) = max(s.src) THEN min(s.src) END AS flow_src,
	CASE WHEN min(s.sport) = max(s.sport) THEN min(s.sport) END AS flow_sport,
	s.dst AS flow_dst,
	s.dport AS flow_dport,
	s.cpu,
	min(s.ts_ns) AS from_ns,
	max(s.ts_ns) AS to_ns,
	count(*) AS packets,
	sum(s.ns) / 1e8 AS harm,
	max(s.ns) AS delay_ns,
	g.n AS v_collapsed
FROM stall s JOIN grown g ON EXISTS (SELECT 1 FROM addr a WHERE a.netns = g.netns AND a.address = s.dst) OR s.dst LIKE '127.%' OR s.dst = '::1'
GROUP BY g.netns, s.cpu, s.dst, s.dport
HAVING count(*) >= 2
ORDER BY sum(s.ns) DESC, g.netns, s.cpu, s.dst, s.dport;

-- evidence: TcpExt.TCPRcvCollapsed grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.TCPRcvCollapsed' AND netns IS {netns} AND delta > 0;
-- evidence: A run of NET_RX on CPU {cpu} took up to {result:time}.
SELECT max(end_ns - start_ns) FROM softirq WHERE vec = 3 AND cpu = {cpu};
-- evidence?: The socket's receive buffer is {rcvbuf_bytes:size}, of which {result:size} were in use.
SELECT rmem_max, rcvbuf_bytes FROM _socket_span WHERE proto = 'tcp' AND netns IS {netns} AND src = {flow_dst} AND sport = {flow_dport} AND rcvbuf_bytes > 0 AND rmem_max > 0 ORDER BY rmem_max DESC;
-- packets:
SELECT id FROM _packet WHERE flow_id = {flow_id} ORDER BY last_ns - first_ns DESC, id LIMIT 20;
-- advice: Make the receive buffers smaller (third value of tcp_rmem, or SO_RCVBUF): a queue of a few megabytes collapses in a moment.
-- command: {ns}sysctl net.ipv4.tcp_rmem
-- advice: Find out why the application does not read, and why its peer sends so small segments.
-- command: {ns}ss -tmip sport = :{flow_dport}
-- ruled-out: Not other work that held the CPU: the time went by inside NET_RX itself.

-- SPDX-License-Identifier: MIT
-- cause: tcp-nagle-delayed-ack
-- severity: warning
-- tested: live
-- uses: frames, counters
-- needs: frames
-- how: At a sender: a small segment (less than a full one of 536 bytes) is out, nothing else leaves, after 30 to 250 ms comes an acknowledgement
--   without data, and within 2 ms of it leaves the next small segment. It was written before, for an acknowledgement wakes no
--   application: Nagle's algorithm (RFC 896) held it back, and the peer delayed the acknowledgement (40 to 200 ms). At least 5 times on a
--   connection, and at least in a third of its pauses that long; once or twice may be chance.
-- title: Small writes to {flow_dst} port {flow_dport} wait {delay_ns:time} for a delayed acknowledgement
-- summary: {packets:n time} a small segment from {flow_src} to {flow_dst} port {flow_dport} waited, typically {v_typical:time}, until the peer acknowledged the one before
--   it: Nagle's algorithm holds it back while the peer delays its acknowledgement. Together {v_total:time}; nothing is lost or slow.
WITH f AS (
	-- at the loopback device each frame is captured twice; the outgoing one counts
	SELECT x.flow_id, x.netns_id, x.dev_id, x.ts_ns, x.direction, x.payload_bytes AS len, x.tcp_seq AS seq,
		lead(x.ts_ns) OVER c AS ts1, lead(x.flow_id) OVER c AS flow1, lead(x.payload_bytes) OVER c AS len1, lead(x.tcp_ack) OVER c AS ack1,
		lead(x.ts_ns, 2) OVER c AS ts2, lead(x.flow_id, 2) OVER c AS flow2, lead(x.payload_bytes, 2) OVER c AS len2, lead(x.tcp_seq, 2) OVER c AS seq2
	FROM _frame x JOIN flow w ON w.id = x.flow_id
	WHERE w.proto = 'tcp' AND x.direction IS NOT NULL AND x.tcp_flags & 7 = 0
		AND NOT (x.direction = 0 AND x.dev_id = coalesce((SELECT id FROM _name WHERE text = 'lo'), -1))
	WINDOW c AS (PARTITION BY x.netns_id, x.dev_id, min(x.flow_id, coalesce(w.reverse_id, x.flow_id)) ORDER BY x.ts_ns, x.no)
), pause AS (
	SELECT flow_id, netns_id, dev_id, ts_ns, ts1 - ts_ns AS wait,
		len BETWEEN 1 AND 535 AND flow1 <> flow_id AND len1 = 0 AND flow2 = flow_id AND len2 BETWEEN 1 AND 1459 AND ts2 - ts1 <= 2000000
			AND ack1 = (seq + len) & 4294967295 AND seq2 = ack1 AND ts1 - ts_ns <= 250000000 AS held
	FROM f
	WHERE direction = 1 AND len > 0 AND ts1 - ts_ns >= 30000000
), conn AS (
	SELECT flow_id, netns_id, dev_id, sum(held) AS times, count(*) AS pauses, sum(CASE WHEN held THEN wait END) AS total,
		max(CASE WHEN held THEN wait END) AS longest, min(CASE WHEN held THEN ts_ns END) AS from_ns, max(CASE WHEN held THEN ts_ns END) AS to_ns
	FROM pause
	GROUP BY flow_id, netns_id, dev_id
	HAVING sum(held) >= 5 AND sum(held) * 3 >= count(*)
), target AS (
	SELECT n.name AS netns, d.text AS dev, w.src, w.dst, w.dport, max(c.flow_id) AS flow_id, count(*) AS flows, CASE WHEN count(*) = 1 THEN max(w.sport) END AS sport,
		sum(c.times) AS times, sum(c.total) AS total, max(c.longest) AS longest, min(c.from_ns) AS from_ns, max(c.to_ns) AS to_ns, sum(c.pauses) AS pauses
	FROM conn c JOIN flow w ON w.id = c.flow_id JOIN netns n ON n.id = c.netns_id JOIN _name d ON d.id = c.dev_id
	GROUP BY n.name, d.text, w.src, w.dst, w.dport
)
SELECT
	0.95 AS confidence,
	t.netns,
	t.dev,
	t.flow_id,
	'tcp' AS flow_proto,
	t.src AS flow_src,
	t.sport AS flow_sport,
	t.dst AS flow_dst,
	t.dport AS flow_dport,
	k.comm AS process,
	k.pid,
	t.from_ns,
	t.to_ns,
	t.times AS packets,
	t.flows,
	t.longest AS delay_ns,
	t.total / 1e8 AS harm,
	t.total / t.times AS v_typical,
	t.total AS v_total,
	t.pauses AS v_pauses
FROM target t
-- whoever reads the answers
LEFT JOIN (
	SELECT src, dst, sport, pid, comm, who, row_number() OVER (PARTITION BY src, sport, dst ORDER BY sum(times) DESC, pid) AS nth
	FROM _flow_task
	WHERE proto = 'tcp'
	GROUP BY src, sport, dst, pid
) k ON k.nth = 1 AND k.src = t.dst AND k.sport = t.dport AND k.dst = t.src
ORDER BY t.total DESC, t.netns, t.dev, t.flow_id;

-- evidence: In {result} of {v_pauses:n pause} of 30 ms or more, a small segment left right behind the acknowledgement that ended the pause.
SELECT {packets};
-- evidence?: TcpExt.DelayedACKs grew by {result} in {netns}, where {flow_dst} lives.
SELECT m.delta, m.netns FROM _moved m JOIN addr a ON a.netns = m.netns WHERE m.name = 'TcpExt.DelayedACKs' AND a.address = {flow_dst} AND m.delta > 0;
-- evidence?: The round trip itself took {result:time} at least.
SELECT min(CAST(json_extract(tcp_info, '$.min_rtt') AS INTEGER)) * 1000 FROM socket WHERE proto = 'tcp' AND src = {flow_src} AND dst = {flow_dst} AND dport = {flow_dport} AND json_extract(tcp_info, '$.min_rtt') > 0;
-- packets:
SELECT packet_id FROM _frame WHERE flow_id = {flow_id} AND direction = 1 AND payload_bytes > 0 AND packet_id IS NOT NULL ORDER BY ts_ns LIMIT 20;
-- advice: The sending application writes a request at once (one writev(2), or TCP_CORK around the parts), or sets TCP_NODELAY.
-- command: {ns}ss -tinp dst \[{flow_dst}\] dport = {flow_dport}
-- ruled-out: Not a loss: the segment was acknowledged without being sent again.
-- ruled-out: Not a slow server: the peer waited for the rest of what it was sent.

-- SPDX-License-Identifier: MIT
-- cause: udp-rcvbuf-overflow
-- severity: warning
-- tested: live
-- uses: events, frames, counters, sockets, config
-- partial: yes
-- symptom-of: reader-starved/flow, reader-blocked/flow
-- how: Drops with reason SOCKET_RCVBUFF in UDP's receive functions (on kernels without reasons: drops there while
--   RcvbufErrors grows), per destination address and port; without events, the growth of RcvbufErrors alone. Where the tape names no
--   functions the reason alone tells it, with less confidence where no flow says that they were UDP's: raw sockets use it too. The
--   socket table gives the buffer and the socket's own drop counter; the task that the data wakes, or that is seen copying it, is the reading process.
--   At least 3 datagrams: one or two may be lost at the start or end of a service.
-- title: UDP receive buffer full[[ of {process}]][[ at {flow_dst} port {flow_dport}]]
-- summary: {packets}[[ of {v_seen}]] datagrams[[ to {flow_dst} port {flow_dport}]] were dropped because the socket's
--   receive buffer[[ ({v_rcvbuf:size})]] was full: they had crossed the whole stack, but the reader[[, {v_reader},]]
--   takes them out more slowly than they come, or the buffer is too small for the bursts.
WITH hit AS (
	SELECT
		t.netns,
		max(t.netns_by) AS placed,
		max(t.dev) AS dev,
		max(t.function) AS function,
		max(t.reason) AS reason,
		max(t.proto) AS proto,
		t.dst,
		t.dport,
		CASE WHEN min(t.src) = max(t.src) AND count(t.src) = count(*) THEN min(t.src) END AS src,
		CASE WHEN min(t.sport) = max(t.sport) AND count(t.sport) = count(*) THEN min(t.sport) END AS sport,
		max(t.flow_id) AS flow_id,
		sum(t.flows) AS flows,
		sum(t.drops) AS drops,
		sum(t.bytes) AS bytes,
		sum(t.seen) AS seen,
		min(t.from_ns) AS from_ns,
		max(t.to_ns) AS to_ns
	FROM _drop_target t
	WHERE (t.function = '?' AND t.reason = 'SOCKET_RCVBUFF' AND coalesce(t.proto, 'udp') = 'udp')
		OR t.function IN ('udp_queue_rcv_one_skb', 'udp_queue_rcv_skb', '__udp_queue_rcv_skb', 'udp_unicast_rcv_skb',
			'__udp_enqueue_schedule_skb', 'udpv6_queue_rcv_one_skb', 'udpv6_queue_rcv_skb', 'udp6_unicast_rcv_skb')
		AND (t.reason = 'SOCKET_RCVBUFF' OR (t.reason IS NULL AND EXISTS (
			SELECT 1 FROM _moved m WHERE m.name IN ('Udp.RcvbufErrors', 'Udp6RcvbufErrors') AND m.delta > 0
				AND (m.netns = t.netns OR t.netns IS NULL))))
	GROUP BY t.netns, t.dst, t.dport
), counted AS (
	SELECT netns, sum(delta) AS delta
	FROM _moved
	WHERE name IN ('Udp.RcvbufErrors', 'Udp6RcvbufErrors') AND delta > 0
	GROUP BY netns
), place AS (
	SELECT * FROM hit
	UNION ALL
	SELECT c.netns, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, c.delta, NULL, NULL, NULL, NULL
	FROM counted c
	WHERE NOT EXISTS (SELECT 1 FROM hit h WHERE h.netns IS c.netns OR h.netns IS NULL)
), sock AS (
	SELECT p.netns AS p_netns, p.dst AS p_dst, p.dport AS p_dport, s.*,
		row_number() OVER (PARTITION BY p.netns, p.dst, p.dport
			ORDER BY s.drops_delta DESC, s.src = p.dst DESC, s.cookie) AS nth,
		sum(s.drops_delta > 0) OVER (PARTITION BY p.netns, p.dst, p.dport) AS dropping
	FROM place p
	JOIN _socket_span s ON s.proto = 'udp' AND s.netns IS p.netns
	WHERE (p.dport IS NULL AND s.drops_delta > 0) OR (s.sport = p.dport AND (s.src = p.dst OR s.src IN ('0.0.0.0', '::', '*')))
), reader AS (
	SELECT dst, dport, pid, comm, who,
		row_number() OVER (PARTITION BY dst, dport ORDER BY sum(times) DESC, pid) AS nth
	FROM _flow_task
	WHERE proto = 'udp'
	GROUP BY dst, dport, pid, comm, who
)
SELECT
	CASE WHEN p.drops >= 20 AND p.drops * 20 >= coalesce(p.seen, p.drops) THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN p.function IS NULL THEN 0.75
		WHEN p.function = '?' AND p.proto IS NULL AND c.delta IS NULL THEN 0.5
		WHEN p.placed IS NOT NULL THEN 0.85
		WHEN c.delta IS NULL OR p.function = '?' THEN 0.85
		ELSE 0.98 END AS confidence,
	p.netns,
	p.dev,
	p.function,
	p.reason,
	p.flow_id,
	'udp' AS flow_proto,
	p.src AS flow_src,
	p.sport AS flow_sport,
	coalesce(p.dst, CASE WHEN s.dropping = 1 THEN s.src END) AS flow_dst,
	coalesce(p.dport, CASE WHEN s.dropping = 1 THEN s.sport END) AS flow_dport,
	r.comm AS process,
	r.pid,
	r.who AS v_reader,
	p.from_ns,
	p.to_ns,
	p.drops AS packets,
	nullif(p.bytes, 0) AS bytes,
	nullif(p.flows, 0) AS flows,
	p.seen AS v_seen,
	p.placed AS v_placed,
	p.dst AS v_dst,
	p.dport AS v_dport,
	s.rcvbuf_bytes AS v_rcvbuf,
	s.cookie AS v_cookie,
	coalesce((SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.core.rmem_max' AND netns IS p.netns), (SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.core.rmem_max' ORDER BY netns_id LIMIT 1)) AS v_rmem_max,
	coalesce((SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.core.rmem_default' AND netns IS p.netns), (SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.core.rmem_default' ORDER BY netns_id LIMIT 1)) AS v_rmem_default,
	max(8388608, 4 * coalesce((SELECT max(CAST(value AS INTEGER)) FROM sysctl WHERE name = 'net.core.rmem_max'), 0)) AS v_rmem_new
FROM place p
LEFT JOIN counted c ON c.netns IS p.netns
LEFT JOIN sock s ON s.p_netns IS p.netns AND s.p_dst IS p.dst AND s.p_dport IS p.dport AND s.nth = 1
LEFT JOIN reader r ON r.nth = 1 AND r.dst = p.dst AND r.dport = p.dport
WHERE p.drops >= 3
ORDER BY p.drops DESC, p.netns, p.dst, p.dport;

-- evidence?: {result} datagrams were freed[[ in {function}]][[ with reason {reason}]], after the firewall and the socket lookup.
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND function = {function} AND reason IS {reason} AND dst IS {v_dst} AND dport IS {v_dport};
-- evidence?: The tape names no kernel functions, so the reason alone tells it[[; {v_unsure}]].
SELECT 1, CASE WHEN NOT EXISTS (SELECT 1 FROM _drop_target WHERE function = '?' AND reason = 'SOCKET_RCVBUFF' AND netns IS {netns} AND dst IS {v_dst} AND proto = 'udp') THEN 'no flow says that it was UDP, and raw sockets use it too' END AS v_unsure WHERE {function} = '?';
-- evidence?: The counter RcvbufErrors of UDP grew by {result} in the namespace {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('Udp.RcvbufErrors', 'Udp6RcvbufErrors') AND netns IS {netns} AND delta > 0;
-- evidence?: The drop events name no namespace; they belong to {netns}, because RcvbufErrors grew nowhere else.
SELECT {v_placed} = 'counter';
-- evidence?: The socket's own drop counter grew by {result}; its queue held up to {rmem_max:size} of {rcvbuf_bytes:size}.
SELECT drops_delta, rmem_max, rcvbuf_bytes FROM _socket_span WHERE proto = 'udp' AND netns IS {netns} AND cookie = {v_cookie};
-- evidence?: Data for this port woke {v_reader} {result:n time}: it is the reader.
SELECT sum(n) FROM (SELECT (SELECT count(*) FROM _woken w JOIN _packet p ON p.id = w.packet_id WHERE p.flow_id = f.id AND w.pid = {pid}) AS n FROM flow f WHERE f.proto = 'udp' AND f.dst = {v_dst} AND f.dport = {v_dport});
-- evidence?: At least {result:n datagram} to this port were seen being copied to user space by {v_reader}, which lives, but is too slow.
SELECT nullif(sum(reads), 0) FROM _reader WHERE proto = 'udp' AND dst = {v_dst} AND dport = {v_dport} AND pid = {pid} HAVING sum(reads) >= 3;
-- evidence?: A datagram that this task was seen reading had waited up to {result:time} in the socket.
SELECT max(c.ts_ns - b.ts_ns) FROM _hop c JOIN _hop b ON b.packet_id = c.packet_id AND b.seq = c.seq - 1 WHERE c.stage = (SELECT id FROM _stage WHERE name = 'skb_copy_datagram_iovec') AND c.pid = {pid} AND c.packet_id IN (SELECT id FROM _packet WHERE flow_id = {flow_id}) HAVING count(*) >= 3;
-- evidence?: net.core.rmem_default is {result} and net.core.rmem_max {v_rmem_max} bytes; the kernel doubles what SO_RCVBUF asks for.
SELECT CAST(value AS INTEGER) FROM sysctl WHERE name = 'net.core.rmem_default' ORDER BY netns IS {netns} DESC, netns_id;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND (netns IS {netns} OR netns IS NULL) AND packet_id IS NOT NULL ORDER BY flow_id = {flow_id} DESC, id LIMIT 20;
-- advice: Find out why the reader is late: does it block on something else between reads, does it lack CPU? Reading more at a
--   time (recvmmsg(2)), more readers (SO_REUSEPORT) or less work per datagram help against a constant overload; a buffer does not.
-- advice: Against bursts, allow and ask for a larger buffer: the application sets SO_RCVBUF up to net.core.rmem_max.
-- command: sysctl -w net.core.rmem_max={v_rmem_new}
-- undo: sysctl -w net.core.rmem_max={v_rmem_max}
-- when: SELECT {v_rmem_max} IS NOT NULL AND {v_rmem_max} < {v_rmem_new}
-- advice: The socket's buffer is the default: an application that cannot be changed gets more at its next start by the default.
-- command: sysctl -w net.core.rmem_default={v_rmem_new}
-- undo: sysctl -w net.core.rmem_default={v_rmem_default}
-- when: SELECT {v_rcvbuf} = {v_rmem_default}
-- ruled-out: Not the machine's limit for UDP memory (net.ipv4.udp_mem): no datagram was dropped with reason PROTO_MEM.
-- when: SELECT {reason} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM _drop_group WHERE reason = 'PROTO_MEM' AND function LIKE '%udp%')
-- ruled-out: Not a loss before the socket (NIC, backlog, firewall): the drops are at the socket's own queue.
-- when: SELECT {function} IS NOT NULL
-- ruled-out: Not a missing listener: the datagrams found their socket.

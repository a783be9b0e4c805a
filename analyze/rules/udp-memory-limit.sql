-- SPDX-License-Identifier: MIT
-- cause: udp-memory-limit
-- severity: critical
-- tested: live
-- uses: events, counters, config
-- how: Drops with reason PROTO_MEM in UDP's receive functions. The counters MemErrors and InErrors may stay at 0 on
--   recent kernels, so the events decide; UDP memory in sockstat and net.ipv4.udp_mem are shown beside them.
-- title: UDP memory of the machine is at its limit
-- summary: {packets} datagrams were dropped because the memory of all UDP sockets together reached the limit
--   (net.ipv4.udp_mem[[ = {v_udp_mem} pages]]), whatever the receivers' own buffers.
SELECT
	CASE WHEN sum(t.drops) >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE max(t.function) WHEN '?' THEN 0.75 ELSE 0.9 END AS confidence,
	t.netns,
	max(t.function) AS function,
	t.reason,
	CASE WHEN count(DISTINCT t.dport) = 1 THEN 'udp' END AS flow_proto,
	CASE WHEN count(DISTINCT t.dst) = 1 THEN min(t.dst) END AS flow_dst,
	CASE WHEN count(DISTINCT t.dport) = 1 THEN min(t.dport) END AS flow_dport,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	sum(t.drops) AS packets,
	sum(t.flows) AS flows,
	coalesce((SELECT coalesce(value_end, value) FROM sysctl WHERE name = 'net.ipv4.udp_mem' AND netns IS t.netns), (SELECT coalesce(value_end, value) FROM sysctl WHERE name = 'net.ipv4.udp_mem' ORDER BY netns_id LIMIT 1)) AS v_udp_mem
FROM _drop_target t
WHERE t.why = 'PROTO_MEM' AND (t.function LIKE '%udp%' OR (t.function = '?' AND t.proto = 'udp'))
GROUP BY t.netns, t.reason
HAVING sum(t.drops) >= 3
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence?: {result} datagrams were freed with reason PROTO_MEM[[ in {function}]].
SELECT sum(drops) FROM _drop_target WHERE reason = 'PROTO_MEM' AND (function LIKE '%udp%' OR (function = '?' AND proto = 'udp')) AND netns IS {netns};
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.why_by IS NOT NULL AND t.netns IS {netns} AND t.why = 'PROTO_MEM' AND t.function LIKE '%udp%';
-- evidence?: UDP sockets held up to {result} pages (sockstat, UDP.mem).
SELECT max(value) FROM counter WHERE source = 'sockstat' AND name = 'UDP.mem';
-- evidence?: net.ipv4.udp_mem is {result} (pages: low, pressure, high).
SELECT coalesce(value_end, value) FROM sysctl WHERE name = 'net.ipv4.udp_mem' ORDER BY netns IS {netns} DESC, netns_id;
-- advice: Find the sockets that hold the memory: many queues, or a few large ones whose readers do not read.
-- command: {ns}ss -uamn
-- ruled-out: Not one socket's receive buffer alone: that would be reason SOCKET_RCVBUFF.
-- when: SELECT {reason} = 'PROTO_MEM'

-- SPDX-License-Identifier: MIT
-- cause: tcp-memory-limit
-- severity: warning
-- tested: live
-- uses: events, frames
-- how: At least 3 drops with reason PROTO_MEM in TCP's functions, while sockstat's TCP memory was at 9 of 10 of the third value of net.ipv4.tcp_mem,
--   or the kernel log says so. PROTO_MEM alone may be one socket's limit and is not enough.
-- title: TCP memory of the machine is at its limit
-- summary: {packets} TCP segments were dropped[[ in {netns}]] because the memory of all TCP sockets together reached its limit (net.ipv4.tcp_mem), or memory could
--   not be charged.
SELECT
	CASE WHEN sum(t.drops) >= 20 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN t.netns IS NULL OR max(t.function) = '?' THEN 0.85 ELSE 0.95 END AS confidence,
	t.netns,
	CASE WHEN min(t.dev) = max(t.dev) THEN min(t.dev) END AS dev,
	max(t.function) AS function,
	max(t.reason) AS reason,
	max(t.flow_id) AS flow_id,
	CASE WHEN min(t.proto) = max(t.proto) THEN min(t.proto) END AS flow_proto,
	CASE WHEN min(t.src) = max(t.src) THEN min(t.src) END AS flow_src,
	CASE WHEN min(t.dst) = max(t.dst) THEN min(t.dst) END AS flow_dst,
	CASE WHEN min(t.dport) = max(t.dport) THEN min(t.dport) END AS flow_dport,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	sum(t.drops) AS packets,
	nullif(sum(t.flows), 0) AS flows
FROM _drop_target t
WHERE t.reason = 'PROTO_MEM' AND (t.function LIKE 'tcp%' OR (t.function = '?' AND t.proto = 'tcp'))
	AND (EXISTS (SELECT 1 FROM kmsg WHERE kmsg.text LIKE '%TCP: out of memory%')
		OR (SELECT max(value) FROM counter WHERE source = 'sockstat' AND name = 'TCP.mem') * 10
			>= 9 * (SELECT min(CAST(substr(rtrim(v), length(rtrim(v, '0123456789')) + 1) AS INTEGER))
				FROM (SELECT value AS v FROM sysctl WHERE name = 'net.ipv4.tcp_mem' UNION ALL SELECT value_end FROM sysctl WHERE name = 'net.ipv4.tcp_mem' AND value_end IS NOT NULL)))
GROUP BY t.netns
HAVING sum(t.drops) >= 3
ORDER BY sum(t.drops) DESC, t.netns;

-- evidence: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND (t.reason = 'PROTO_MEM' AND (t.function LIKE 'tcp%' OR (t.function = '?' AND t.proto = 'tcp')));
-- evidence?: TCPRcvQDrop and TCPMemoryPressures grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name IN ('TcpExt.TCPRcvQDrop', 'TcpExt.TCPMemoryPressures') AND netns IS {netns} AND delta > 0;
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason = 'PROTO_MEM' AND (t.function LIKE 'tcp%' OR (t.function = '?' AND (SELECT f.proto FROM flow f WHERE f.id = t.flow_id) = 'tcp'))) AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Find the sockets that hold the memory (readers that do not read, too large buffers), then think about tcp_mem.
-- command: {ns}ss -tm

-- SPDX-License-Identifier: MIT
-- cause: martian-source
-- severity: warning
-- tested: live
-- uses: events, frames
-- symptom-of: routing-loop/flow
-- how: At least 5 drops with reason IP_LOCAL_SOURCE or IP_INVALID_SOURCE, or IP_LOCALNET where the captured packet itself has a
--   loopback source (IP_LOCALNET also stands for a DNAT to loopback: then the captured source is an ordinary one and nothing is
--   said). Kernels before 6.18 give no reason for these: there the source
--   itself and the counter in_martian_src of the routing cache tell.
-- title: Packets with an impossible source address[[ {flow_src}]]
-- summary: {packets} packets[[ from {flow_src} to {flow_dst}]] were dropped[[ at {dev}]][[ in {netns}]] because their source address cannot come from
--   outside: {v_why}.
SELECT
	CASE WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN t.netns_by IS NULL AND t.why_by IS NULL THEN 0.93 ELSE 0.85 END AS confidence,
	t.netns,
	t.dev,
	t.function,
	t.reason,
	max(t.flow_id) AS flow_id,
	max(t.proto) AS flow_proto,
	CASE WHEN min(t.src) = max(t.src) THEN min(t.src) END AS flow_src,
	CASE WHEN min(t.dst) = max(t.dst) THEN min(t.dst) END AS flow_dst,
	CASE WHEN min(t.dport) = max(t.dport) THEN min(t.dport) END AS flow_dport,
	min(t.from_ns) AS from_ns,
	max(t.to_ns) AS to_ns,
	sum(t.drops) AS packets,
	sum(t.flows) AS flows,
	CASE t.why WHEN 'IP_LOCAL_SOURCE' THEN 'it is an address of this host (a loop, a duplicate address, or spoofing)'
		WHEN 'IP_LOCALNET' THEN 'it is a loopback address' ELSE 'it is a multicast, broadcast or zero address' END AS v_why,
	t.why AS v_which,
	(SELECT coalesce(value_end, value) FROM sysctl s WHERE s.netns = t.netns AND s.name = 'net.ipv4.conf.all.log_martians') AS v_log
FROM _drop_target t
WHERE t.why IN ('IP_LOCAL_SOURCE', 'IP_INVALID_SOURCE') OR (t.why = 'IP_LOCALNET' AND t.src LIKE '127.%')
GROUP BY t.netns, t.dev, t.function, t.reason, t.why
HAVING sum(t.drops) >= 5
ORDER BY sum(t.drops) DESC, t.netns, t.dev, t.why;

-- evidence?: {result} packets were freed[[ in {function}]] with reason {reason}.
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason = {reason} AND why_by IS NULL AND netns IS {netns} AND dev IS {dev};
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.why_by IS NOT NULL AND t.netns IS {netns} AND t.function = {function} AND t.dev IS {dev} AND t.why = {v_which};
-- evidence?: {flow_src} is an address of {result} in the same namespace.
SELECT dev FROM addr WHERE netns IS {netns} AND address = {flow_src} ORDER BY dev;
-- evidence?: The kernel log has {result:n line} about martians: "{text}".
SELECT count(*), min(text) AS text FROM kmsg WHERE text LIKE '%martian source%';
-- packets:
SELECT packet_id FROM packet_drop WHERE reason IS {reason} AND function = {function} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Find the sender by its MAC address (log the next ones), and correct its address or route.
-- command: {ns}sysctl -w net.ipv4.conf.all.log_martians=1
-- undo: {ns}sysctl -w net.ipv4.conf.all.log_martians={v_log}
-- when: SELECT {v_log} = '0'
-- ruled-out: Not the reverse path filter: that has a reason of its own.
-- when: SELECT {reason} = {v_which}

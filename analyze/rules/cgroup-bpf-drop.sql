-- SPDX-License-Identifier: MIT
-- cause: cgroup-bpf-drop
-- severity: warning
-- tested: live
-- uses: events, frames, config
-- how: At least 10 drops with reason BPF_CGROUP_EGRESS. On ingress the kernel gives the reason of a socket's own filter, SOCKET_FILTER, at the
--   TCP and UDP receive functions (sk_filter_trim_cap(), net/core/filter.c, asks the control group first): it is a control group's where a
--   program is attached to one of them on ingress and a task in it, or below it, is in the namespace of the drops, and nobody outside of it was seen to
--   read these flows. What UDP sends and the program refuses fails with EPERM; TCP tries again.
-- title: A cgroup's BPF program drops packets[[ to {flow_dst}]][[ port {flow_dport}]]
-- summary: {packets} packets[[ to {flow_dst} port {flow_dport}]] were dropped[[ in {netns}]] by a BPF program for the {v_by} of a control group[[ ({v_group})]].
WITH inward AS ( -- where a task is in a group with a program for what it receives
	SELECT n.name AS netns, min(g.path) AS path, min(g.ingress) AS ids
	FROM cgroup_program g JOIN task t ON t.cgroup = g.path OR g.path = '/' AND t.cgroup IS NOT NULL OR substr(t.cgroup, 1, length(g.path) + 1) = g.path || '/'
	JOIN netns n ON n.id = t.netns_id
	WHERE g.ingress IS NOT NULL
	GROUP BY n.name
), sender AS ( -- the tasks in whose calls packets were refused
	SELECT d.netns, t.comm, t.cgroup, max(d.pid) AS pid, count(*) AS n
	FROM packet_drop d JOIN task t ON t.pid = d.pid
	WHERE d.reason = 'BPF_CGROUP_EGRESS' AND d.context = 'task' AND d.pid > 0
	GROUP BY 1, 2, 3
)
SELECT
	CASE WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN t.netns IS NULL OR max(t.why_by) IS NOT NULL THEN 0.85 ELSE 0.95 END AS confidence,
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
	nullif(sum(t.flows), 0) AS flows,
	(SELECT s.comm FROM sender s WHERE s.netns IS t.netns OR s.netns IS NULL ORDER BY s.n DESC, s.comm LIMIT 1) AS process,
	(SELECT s.pid FROM sender s WHERE s.netns IS t.netns OR s.netns IS NULL ORDER BY s.n DESC, s.comm LIMIT 1) AS pid,
	(SELECT min(path) FROM cgroup_program WHERE egress IS NOT NULL HAVING count(*) = 1) AS v_group,
	(SELECT min(egress) FROM cgroup_program WHERE egress IS NOT NULL HAVING count(*) = 1) AS v_ids,
	'egress' AS v_by
FROM _drop_target t
WHERE t.why = 'BPF_CGROUP_EGRESS'
GROUP BY t.netns
HAVING sum(t.drops) >= 10
UNION ALL
SELECT
	CASE WHEN sum(t.drops) >= 50 THEN 'critical' ELSE 'warning' END,
	CASE WHEN max(t.why_by) IS NOT NULL THEN 0.8 ELSE 0.9 END,
	t.netns,
	CASE WHEN min(t.dev) = max(t.dev) THEN min(t.dev) END,
	max(t.function),
	max(t.reason),
	max(t.flow_id),
	CASE WHEN min(t.proto) = max(t.proto) THEN min(t.proto) END,
	CASE WHEN min(t.src) = max(t.src) THEN min(t.src) END,
	CASE WHEN min(t.dst) = max(t.dst) THEN min(t.dst) END,
	CASE WHEN min(t.dport) = max(t.dport) THEN min(t.dport) END,
	min(t.from_ns),
	max(t.to_ns),
	sum(t.drops),
	nullif(sum(t.flows), 0),
	NULL,
	NULL,
	i.path,
	i.ids,
	'ingress'
FROM _drop_target t JOIN inward i ON i.netns = t.netns
WHERE t.why = 'SOCKET_FILTER' AND (t.function LIKE '%udp%' OR t.function LIKE 'tcp%' OR (t.function = '?' AND t.proto IN ('udp', 'tcp')))
	AND NOT EXISTS (SELECT 1 FROM _flow_task k WHERE k.proto = t.proto AND k.dst = t.dst AND k.dport = t.dport AND k.nth = 1 AND i.path <> '/'
		AND k.cgroup <> i.path AND substr(k.cgroup, 1, length(i.path) + 1) <> i.path || '/')
GROUP BY t.netns
HAVING sum(t.drops) >= 10
ORDER BY 14 DESC, 3, 20;

-- evidence?: {result} packets were freed with reason {reasons}[[ in {functions}]].
SELECT sum(t.drops), group_concat(DISTINCT t.reason) AS reasons, group_concat(DISTINCT t.function) AS functions FROM _drop_target t WHERE t.netns IS {netns} AND t.reason = CASE {v_by} WHEN 'egress' THEN 'BPF_CGROUP_EGRESS' ELSE 'SOCKET_FILTER' END AND ({v_by} = 'egress' OR t.function LIKE '%udp%' OR t.function LIKE 'tcp%');
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.netns IS {netns} AND t.why_by IS NOT NULL AND (t.why = 'BPF_CGROUP_EGRESS');
-- evidence?: Programs attached there for {v_by}: ids {result}.
SELECT {v_ids};
-- evidence?: The drop events name no namespace; they belong to {netns}, because nowhere else the kernel counted as many packets to send that it then did not send.
SELECT 1 FROM _drop_target WHERE why = 'BPF_CGROUP_EGRESS' AND netns IS {netns} AND netns_by = 'counter' AND {v_by} = 'egress' LIMIT 1;
-- evidence?: {result} of them were refused in the calls of {comm}[[ (control group {cgroup})]].
SELECT count(*), t.comm, max(t.cgroup) AS cgroup FROM packet_drop d JOIN task t ON t.pid = d.pid WHERE d.reason = 'BPF_CGROUP_EGRESS' AND d.context = 'task' AND d.pid > 0 AND {v_by} = 'egress' AND (d.netns IS {netns} OR d.netns IS NULL) GROUP BY t.comm ORDER BY count(*) DESC, t.comm;
-- packets:
SELECT packet_id FROM packet_drop t WHERE packet_id IS NOT NULL AND (t.reason = {reason} OR (t.function = {function} AND t.reason IS {reason})) AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Find the program and who attached it (systemd's IPAddressDeny=, container policies).
-- command: bpftool cgroup tree
-- advice: See what that program is, and since when it is there.
-- command: bpftool cgroup show /sys/fs/cgroup{v_group} effective; bpftool prog
-- when: SELECT {v_group} IS NOT NULL
-- ruled-out: Not a netfilter rule: that has a reason of its own.
-- ruled-out: Not a filter of a socket itself, as far as can be told: the kernel gives both the same reason, and asks the control group first.
-- when: SELECT {v_by} = 'ingress'

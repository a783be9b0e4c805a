-- SPDX-License-Identifier: MIT
-- Views: the named tables over the compact ones, with text values.

CREATE VIEW event AS -- an event without a table of its own; fields is a JSON object
SELECT
	e.id,
	e.ts_ns,
	e.cpu,
	e.pid,
	e.flags,
	t.system,
	t.name,
	e.fields
FROM _event e JOIN event_type t ON t.id = e.type_id;

CREATE VIEW frame AS -- a captured frame
SELECT
	f.no,
	f.ts_ns,
	n.name AS netns,
	d.text AS dev,
	CASE f.direction WHEN 0 THEN 'in' WHEN 1 THEN 'out' END AS direction,
	f.len_bytes,
	f.flow_id,
	f.packet_id,
	CASE f.tie WHEN 1 THEN 'unique' WHEN 2 THEN 'ordered' WHEN 3 THEN 'ambiguous' END AS tie,
	f.ifindex, f.cap_bytes, f.l3_offset, f.ethertype, f.vlan, f.ip_proto, f.outer_flow_id, f.payload_bytes,
	f.tcp_flags, f.tcp_seq, f.tcp_ack, f.tcp_window, f.ttl, f.ip_id, f.frag, f.icmp_type, f.icmp_code,
	f.dst_kind, f.problem, f.member, f.offset,
	(SELECT w.name FROM _tie_why w WHERE w.id = f.untied) AS untied -- why it is tied to no packet: see tie_gap
FROM _frame f JOIN netns n ON n.id = f.netns_id JOIN _name d ON d.id = f.dev_id;

CREATE VIEW tie_gap AS -- frames without a packet, and times that a packet passed a capture but gave no frame, by reason
SELECT
	n.name AS netns, -- NULL: events do not tell
	d.text AS dev,
	CASE g.direction WHEN 0 THEN 'in' WHEN 1 THEN 'out' END AS direction,
	CASE g.what WHEN 0 THEN 'frame' WHEN 1 THEN 'event' END AS what,
	-- frame: events-lost, before-events, after-events, clock (no readings tie it), device-silent (no event of the device in that
	-- direction), upper-device (nor of those below), no-length (network header unknown), no-event (none of that length at that time),
	-- contested (others have what it could be)
	-- event: capture-filter, not-captured (no frame of that device and direction), frames-lost (the ring overran),
	-- xdp (generic, and it may have dropped it), before-frames, after-frames, contested, unknown (a device of that name in a
	-- namespace that was not captured, ...)
	w.name AS reason,
	g.count
FROM _tie_gap g JOIN _name d ON d.id = g.dev_id JOIN _tie_why w ON w.id = g.reason LEFT JOIN netns n ON n.id = g.netns_id;

CREATE VIEW packet AS -- one skb's life
SELECT
	p.id,
	p.first_ns,
	p.last_ns,
	CASE p.kind WHEN 1 THEN 'rx' WHEN 2 THEN 'tx' WHEN 3 THEN 'forward' WHEN 4 THEN 'local' END AS kind,
	i.text AS dev_in,
	o.text AS dev_out,
	p.len_bytes,
	p.flow_id,
	CASE p.outcome WHEN 1 THEN 'delivered' WHEN 2 THEN 'transmitted' WHEN 3 THEN 'forwarded' WHEN 4 THEN 'dropped'
		WHEN 5 THEN 'consumed' WHEN 6 THEN 'merged' ELSE 'unknown' END AS outcome,
	p.drop_id,
	p.cpu_hops,
	p.parent_id,
	CASE p.link WHEN 1 THEN 'gso' WHEN 2 THEN 'gro' WHEN 3 THEN 'clone' WHEN 4 THEN 'copy' WHEN 5 THEN 'fragment'
		WHEN 6 THEN 'reassembly' WHEN 7 THEN 'retransmit' END AS link,
	CASE p.confidence WHEN 1 THEN 'certain' WHEN 2 THEN 'high' WHEN 3 THEN 'medium' ELSE 'low' END AS confidence,
	ni.name AS netns_in,
	no.name AS netns_out,
	p.protocol,
	p.flags
FROM _packet p
LEFT JOIN _name i ON i.id = p.dev_in_id
LEFT JOIN _name o ON o.id = p.dev_out_id
LEFT JOIN netns ni ON ni.id = p.netns_in_id
LEFT JOIN netns no ON no.id = p.netns_out_id;

CREATE VIEW hop AS -- one stage of one packet
SELECT
	h.packet_id,
	h.seq,
	h.ts_ns,
	s.name AS stage,
	h.cpu,
	d.text AS dev,
	CASE h.context WHEN 1 THEN 'task' WHEN 2 THEN 'softirq' ELSE 'hardirq' END AS context,
	h.pid,
	CASE h.confidence WHEN 1 THEN 'certain' WHEN 2 THEN 'high' WHEN 3 THEN 'medium' ELSE 'low' END AS confidence
FROM _hop h JOIN _stage s ON s.id = h.stage LEFT JOIN _name d ON d.id = h.dev_id;

CREATE VIEW packet_drop AS -- a kfree_skb that belongs to a network packet or to nobody
SELECT
	x.id,
	x.packet_id,
	x.ts_ns,
	x.cpu,
	coalesce(r.name, CAST(x.reason AS TEXT)) AS reason,
	s.location,
	s.function,
	x.layer,
	x.class,
	n.name AS netns,
	d.text AS dev,
	x.flow_id,
	x.pid,
	CASE x.context WHEN 1 THEN 'task' WHEN 2 THEN 'softirq' ELSE 'hardirq' END AS context,
	x.protocol,
	x.has_socket
FROM _drop x
JOIN symbol s ON s.id = x.symbol_id
LEFT JOIN _drop_reason r ON r.value = x.reason
LEFT JOIN netns n ON n.id = x.netns_id
LEFT JOIN _name d ON d.id = x.dev_id
WHERE x.layer NOT IN ('unix', 'netlink', 'vsock', 'bluetooth');

CREATE VIEW counter AS -- a counter at a time; rows only where it is new, changed, or last seen
SELECT
	c.snap_ns,
	n.name AS netns,
	s.text AS source,
	m.text AS name,
	d.text AS dev,
	c.cpu,
	c.value
FROM _counter c
JOIN _name s ON s.id = c.source_id
JOIN _name m ON m.id = c.name_id
LEFT JOIN netns n ON n.id = c.netns_id
LEFT JOIN _name d ON d.id = c.dev_id;

CREATE VIEW counter_delta AS -- how much each counter grew during the recording
SELECT
	n.name AS netns,
	s.text AS source,
	m.text AS name,
	d.text AS dev,
	c.cpu,
	c.first_value,
	c.last_value,
	c.last_value - c.first_value AS delta
FROM _counter_delta c
JOIN _name s ON s.id = c.source_id
JOIN _name m ON m.id = c.name_id
LEFT JOIN netns n ON n.id = c.netns_id
LEFT JOIN _name d ON d.id = c.dev_id;

CREATE VIEW v_cpu_hop AS -- a change of CPU of one packet
SELECT
	c.packet_id,
	b.ts_ns,
	a.cpu AS from_cpu,
	b.cpu AS to_cpu,
	CASE c.kind WHEN 1 THEN 'rps' WHEN 2 THEN 'rfs' WHEN 3 THEN 'qdisc' WHEN 4 THEN 'completion' WHEN 5 THEN 'wakeup'
		WHEN 6 THEN 'migration' ELSE 'other' END AS kind,
	b.ts_ns - a.ts_ns AS delay_ns, -- between the two stages
	c.seq
FROM _cpu_hop c
JOIN _hop a ON a.packet_id = c.packet_id AND a.seq = c.from_seq
JOIN _hop b ON b.packet_id = c.packet_id AND b.seq = c.seq;

CREATE VIEW softirq_delay AS -- a softirq that ran 100 us or more after it was raised, and what its CPU did meanwhile
SELECT
	d.start_ns,
	d.latency_ns,
	d.cpu,
	d.vec,
	d.irq_ns,
	d.softirq_ns,
	d.softirq_vec,
	d.task_ns,
	d.pid,
	d.pid_ns,
	d.idle_ns,
	d.unknown_ns,
	coalesce(t.comm LIKE 'ksoftirqd/%', 0) AS by_ksoftirqd, -- 1: it was left to that thread, whose wait is in it
	d.run_pid
FROM _softirq_delay d LEFT JOIN task t ON t.pid = d.run_pid;

CREATE VIEW irq_cpu AS -- interrupt handlers by CPU
SELECT
	cpu,
	irq,
	name,
	count(*) AS count,
	sum(end_ns - start_ns) AS total_ns,
	max(end_ns - start_ns) AS max_ns
FROM irq
GROUP BY cpu, irq, name;

CREATE VIEW _poller AS -- what polls of a task are called, by their context; pid NULL: a task that is not known
SELECT
	t.pid,
	c.column1 AS context,
	CASE
		WHEN c.column1 = 2 AND t.comm LIKE 'ksoftirqd/%' THEN 'ksoftirqd'
		WHEN c.column1 = 2 THEN 'softirq'
		WHEN t.comm LIKE 'napi/%' OR t.comm LIKE 'backlog_napi/%' THEN 'thread'
		ELSE 'task'
	END AS who
FROM (SELECT pid, comm FROM task UNION ALL SELECT NULL, NULL) t CROSS JOIN (VALUES (1), (2), (3)) c;

CREATE VIEW napi_share AS -- who polled: the softirq of an interrupted task, ksoftirqd, a NAPI thread, a reader that polls itself
SELECT
	p.cpu,
	w.who AS context,
	sum(p.polls) AS polls,
	sum(p.work) AS work
FROM (
	SELECT cpu, context, pid, count(*) AS polls, sum(work) AS work
	FROM napi_poll
	GROUP BY cpu, context, pid
) p JOIN _poller w ON w.context = p.context AND w.pid IS (SELECT pid FROM task WHERE pid = p.pid)
GROUP BY 1, 2;

CREATE VIEW net_thread AS -- how long the kernel's network threads waited for a CPU when they were woken
SELECT
	w.pid,
	t.comm,
	count(*) AS wakeups,
	sum(w.latency_ns) / count(w.latency_ns) AS mean_ns,
	max(w.latency_ns) AS max_ns,
	sum(w.latency_ns > 1000000) AS over_1ms
FROM wakeup w JOIN task t ON t.pid = w.pid
WHERE t.comm LIKE 'ksoftirqd/%' OR t.comm LIKE 'napi/%' OR t.comm LIKE 'backlog_napi/%'
GROUP BY w.pid;

CREATE VIEW _csd AS -- calls of functions on other CPUs, and their begin there (csd events: 6.4 and later, profile full)
SELECT
	e.id,
	e.ts_ns,
	t.name = 'csd_queue_cpu' AS queued,
	e.cpu AS from_cpu,
	-- without JSON functions: these are not run from a schema that is not trusted
	CASE t.name WHEN 'csd_queue_cpu' THEN CAST(substr(e.fields, instr(e.fields, '"cpu":') + 6) AS INTEGER) ELSE e.cpu END AS to_cpu,
	replace(substr(e.fields, instr(e.fields, '"func":"') + 8,
		min(instr(substr(e.fields, instr(e.fields, '"func":"') + 8) || '+', '+'), instr(substr(e.fields, instr(e.fields, '"func":"') + 8) || '"', '"')) - 1),
		'__pfx_', '') AS function
FROM event_type t JOIN _event e ON e.type_id = t.id
WHERE t.system = 'csd' AND t.name IN ('csd_queue_cpu', 'csd_function_entry');

CREATE VIEW ipi_delay AS -- from the call of a function on another CPU to its begin there; rps_trigger_softirq is in the wait of the first packet of an rps hop. Only calls that no other call of it overlapped
WITH pair AS (
	SELECT
		from_cpu,
		to_cpu,
		function,
		queued,
		lead(queued) OVER w AS next,
		lag(queued) OVER w AS before,
		lead(ts_ns) OVER w - ts_ns AS ns
	FROM _csd
	WINDOW w AS (PARTITION BY to_cpu, function ORDER BY ts_ns, id)
), ranked AS (
	SELECT
		from_cpu,
		to_cpu,
		function,
		ns,
		row_number() OVER (PARTITION BY from_cpu, to_cpu, function ORDER BY ns) AS k,
		count(*) OVER (PARTITION BY from_cpu, to_cpu, function) AS n
	FROM pair
	WHERE queued = 1 AND next = 0 AND coalesce(before, 0) = 0 AND from_cpu <> to_cpu
)
SELECT
	from_cpu,
	to_cpu,
	function,
	n AS count,
	max(CASE WHEN k = (n * 50 + 99) / 100 THEN ns END) AS p50_ns,
	max(CASE WHEN k = (n * 99 + 99) / 100 THEN ns END) AS p99_ns,
	max(ns) AS max_ns
FROM ranked
GROUP BY from_cpu, to_cpu, function;

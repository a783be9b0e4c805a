-- SPDX-License-Identifier: MIT
-- Views for people: names instead of numbers, times since the start, the flow as one text. Their columns stay as they are from
-- release to release (skbtape-db(7)); the tables behind them may change.

CREATE VIEW v_flow AS -- a flow, one direction
SELECT
	f.id AS flow_id,
	f.proto || ' ' || CASE
		WHEN f.sport IS NULL THEN f.src || ' > ' || f.dst
		WHEN instr(f.src, ':') THEN '[' || f.src || ']:' || f.sport || ' > [' || f.dst || ']:' || f.dport
		ELSE f.src || ':' || f.sport || ' > ' || f.dst || ':' || f.dport
	END AS flow, -- as `skbtape why` reads it
	f.netns,
	f.proto,
	f.src,
	f.sport,
	f.dst,
	f.dport,
	f.frames,
	f.bytes,
	(f.first_ns - (SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'start_ns')) / 1000 AS first_us, -- since the start
	(f.last_ns - f.first_ns) / 1000 AS lasted_us,
	f.reverse_id -- the other direction, NULL: never seen
FROM flow f;

CREATE VIEW v_packet AS -- a packet, with its flow and why it was dropped
SELECT
	p.id AS packet_id,
	(p.first_ns - (SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'start_ns')) / 1000 AS at_us, -- since the start
	(p.last_ns - p.first_ns) / 1000.0 AS took_us,
	p.kind,
	p.netns_in,
	p.dev_in,
	p.netns_out,
	p.dev_out,
	p.len_bytes,
	v.flow,
	p.flow_id,
	p.outcome,
	d.reason,
	d.function,
	p.cpu_hops,
	p.link,
	p.parent_id,
	p.confidence
FROM packet p
LEFT JOIN v_flow v ON v.flow_id = p.flow_id
LEFT JOIN packet_drop d ON d.id = p.drop_id;

CREATE VIEW v_stage AS -- a stage of a packet, and the time since the stage before
SELECT
	h.packet_id,
	h.seq,
	h.stage,
	h.dev,
	h.cpu,
	h.context,
	h.pid,
	t.comm,
	(h.ts_ns - (SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'start_ns')) / 1000 AS at_us, -- since the start
	(h.ts_ns - b.ts_ns) / 1000.0 AS after_us, -- since the stage before, NULL: the first one
	h.confidence
FROM hop h
LEFT JOIN _hop b ON b.packet_id = h.packet_id AND b.seq = h.seq - 1
LEFT JOIN task t ON t.pid = h.pid;

CREATE VIEW v_drop AS -- a drop, with its flow and what the reason means
SELECT
	d.id AS drop_id,
	d.packet_id,
	(d.ts_ns - (SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'start_ns')) / 1000 AS at_us, -- since the start
	d.class, -- loss, policy, error, protocol, noise, teardown
	d.layer,
	d.reason,
	d.function,
	d.location,
	d.netns,
	d.dev,
	v.flow,
	d.flow_id,
	d.cpu,
	d.context,
	d.pid,
	t.comm,
	r.meaning,
	r.check_text AS look_at
FROM packet_drop d
LEFT JOIN v_flow v ON v.flow_id = d.flow_id
LEFT JOIN _drop_reason r ON r.name = d.reason
LEFT JOIN task t ON t.pid = d.pid;

CREATE VIEW v_latency AS -- delays between stages: of successive ones (way is NULL) and of whole ways
SELECT
	NULL AS way,
	stage_from,
	stage_to,
	count,
	p50_ns,
	p90_ns,
	p99_ns,
	max_ns
FROM latency
UNION ALL
SELECT
	way,
	stage_from,
	stage_to,
	count,
	p50_ns,
	p90_ns,
	p99_ns,
	max_ns
FROM latency_total;

CREATE VIEW v_finding AS -- a finding in one line
SELECT
	f.id AS finding_id,
	f.severity,
	f.cause,
	f.title,
	f.summary,
	f.confidence,
	f.netns,
	f.dev,
	f.packets,
	f.delay_ns,
	(SELECT a.command FROM finding_advice a WHERE a.finding_id = f.id AND a.command IS NOT NULL ORDER BY a.seq LIMIT 1) AS command
FROM finding f;

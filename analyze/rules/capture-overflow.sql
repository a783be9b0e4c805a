-- SPDX-License-Identifier: MIT
-- cause: capture-overflow
-- severity: info
-- confidence: 0.98
-- tested: live
-- uses: events, counters
-- how: Rows of quality that say that this recording lost events or frames; and drops with reason PACKET_SOCK_ERROR (or the drop
--   counter of a packet socket in the snapshots), which are the losses of any capture on this host. Fewer events than losses
--   are normal: a captured packet is shared, and only its last holder's free is an event. The network lost nothing by it.
-- title: {v_title}
-- summary: {v_text}. The network and the services lost nothing by this; but what is missing from a capture may have happened all the same.
WITH own AS (
	SELECT
		max((SELECT CAST(total(count) AS INTEGER) FROM quality WHERE kind = 'events-lost'),
			coalesce((SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'events_lost'), 0)) AS events,
		max((SELECT CAST(total(count) AS INTEGER) FROM quality WHERE kind = 'frames-lost'),
			coalesce((SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'frames_lost'), 0)) AS frames,
		(SELECT count(*) FROM quality WHERE kind IN ('events-lost', 'frames-lost') AND count IS NULL) AS unknown
), other AS (
	SELECT
		(SELECT coalesce(sum(drops), 0) FROM _drop_target WHERE why = 'PACKET_SOCK_ERROR') AS seen,
		(SELECT coalesce(sum(drops_delta), 0) FROM _socket_span WHERE proto = 'packet') AS counted,
		(SELECT t.id FROM _drop_target t WHERE t.why = 'PACKET_SOCK_ERROR' ORDER BY t.drops DESC, t.id LIMIT 1) AS target
), tap AS (
	-- the packet socket that lost most, and the device it is bound to
	SELECT s.netns, s.cookie, s.drops_delta,
		(SELECT d.name FROM netdev d JOIN socket k ON k.ifindex = d.ifindex AND k.netns_id = d.netns_id
			WHERE k.proto = 'packet' AND k.cookie = s.cookie AND k.netns IS s.netns LIMIT 1) AS dev
	FROM _socket_span s
	WHERE s.proto = 'packet' AND s.drops_delta > 0
	ORDER BY s.drops_delta DESC, s.netns, s.cookie
	LIMIT 1
), said AS (
	SELECT 1 AS which, 'This recording lost events or frames' AS title,
		'The recording itself lost ' || own.events || ' events and ' || own.frames || ' frames'
			|| CASE WHEN own.unknown > 0 THEN ' (and more, of unknown number)' ELSE '' END AS text,
		nullif(own.frames, 0) AS n -- an event is no packet
	FROM own
	WHERE own.events + own.frames + own.unknown > 0
	UNION ALL
	SELECT 2, 'A packet capture on this host loses frames',
		'A packet capture on this host (a packet socket) could not keep up: '
			|| max(other.seen, other.counted) || ' or more frames did not reach it',
		max(other.seen, other.counted)
	FROM own, other
	WHERE max(other.seen, other.counted) > own.frames
)
SELECT
	s.title AS v_title,
	s.text AS v_text,
	coalesce(t.netns, k.netns) AS netns,
	coalesce(t.dev, k.dev) AS dev,
	t.function,
	t.reason,
	t.flow_id,
	t.proto AS flow_proto,
	t.src AS flow_src,
	t.dst AS flow_dst,
	t.dport AS flow_dport,
	t.from_ns,
	t.to_ns,
	s.n AS packets,
	1e12 AS harm,
	s.which AS v_which
FROM said s
LEFT JOIN other o ON s.which = 2
LEFT JOIN _drop_target t ON t.id = o.target
LEFT JOIN tap k ON s.which = 2
ORDER BY s.which;

-- evidence?: {result:n row} of quality about lost events or frames: {losses} lost.
SELECT count(*), CAST(total(count) AS INTEGER) AS losses FROM quality WHERE kind IN ('events-lost', 'frames-lost') AND {v_which} = 1;
-- evidence?: {result} packets were freed with reason PACKET_SOCK_ERROR[[, in {functions}]].
SELECT sum(drops), group_concat(DISTINCT function) AS functions FROM _drop_target WHERE reason = 'PACKET_SOCK_ERROR' AND {v_which} = 2;
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.why_by IS NOT NULL AND t.why = 'PACKET_SOCK_ERROR' AND {v_which} = 2;
-- evidence?: The drop counters of packet sockets grew by {result}[[, most in {netns}]].
SELECT sum(drops_delta) FROM _socket_span WHERE proto = 'packet' AND {v_which} = 2;
-- advice: Give this recording larger buffers (-b), a narrower filter or a smaller profile (-e drops).
-- when: SELECT {v_which} = 1
-- advice: Give that capture a larger buffer (tcpdump -B) or a filter, or let it write faster.
-- when: SELECT {v_which} = 2
-- ruled-out: Not a loss of the service: the packets themselves went on to their receivers.
-- when: SELECT {v_which} = 2

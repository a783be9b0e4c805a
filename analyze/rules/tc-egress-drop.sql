-- SPDX-License-Identifier: MIT
-- cause: tc-egress-drop
-- severity: warning
-- tested: live
-- uses: events, frames, counters, config
-- how: At least 10 drops with reason TC_EGRESS. They come before any event of the device that they were to leave by (a drop's own device
--   is the one before it), so that is the only clsact qdisc that counted drops, or, of a router, the only other device.
-- title: A tc filter drops on egress[[ of {dev}]]
-- summary: {packets} packets[[ to {flow_dst} port {flow_dport}]] were dropped on egress[[ of {dev}]][[ in {netns}]] by traffic control; send() reported success.
WITH hit AS (
	SELECT t.*, row_number() OVER (PARTITION BY t.netns, t.dev ORDER BY t.drops DESC, t.id) AS nth,
		sum(t.drops) OVER (PARTITION BY t.netns, t.dev) AS all_drops, sum(t.flows) OVER (PARTITION BY t.netns, t.dev) AS all_flows
	FROM _drop_target t
	WHERE t.why = 'TC_EGRESS'
), one AS (
	SELECT max(q.netns) AS netns, max(q.dev) AS dev
	FROM qdisc q WHERE q.kind = 'clsact' AND q.drops_delta > 0 HAVING count(*) = 1
)
SELECT
	CASE WHEN h.all_drops >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN h.why_by IS NULL AND (h.netns IS NOT NULL OR o.dev IS NOT NULL) THEN 0.9 ELSE 0.8 END AS confidence,
	coalesce(h.netns, o.netns) AS netns,
	coalesce(o.dev, (SELECT min(d.name) FROM netdev d WHERE h.dev IS NOT NULL AND d.netns = h.netns AND d.name NOT IN ('lo', h.dev) AND d.flags & 1
		HAVING count(*) = 1)) AS dev,
	h.function,
	h.reason,
	h.flow_id,
	h.proto AS flow_proto,
	h.src AS flow_src,
	h.sport AS flow_sport,
	h.dst AS flow_dst,
	h.dport AS flow_dport,
	h.from_ns,
	h.to_ns,
	h.all_drops AS packets,
	nullif(h.all_flows, 0) AS flows,
	h.netns AS v_netns,
	h.dev AS v_dev
FROM hit h
LEFT JOIN one o ON h.netns IS NULL OR o.netns = h.netns
WHERE h.nth = 1 AND h.all_drops >= 10
ORDER BY h.all_drops DESC, h.id;

-- evidence?: {result} packets were freed[[ in {function}]] with reason TC_EGRESS.
SELECT sum(drops) FROM _drop_target WHERE reason = 'TC_EGRESS' AND netns IS {v_netns} AND dev IS {v_dev};
-- evidence?: {result} packets were freed[[ in {functions}]]. This kernel names no reason for them; that it was {whys} follows from {proof}.
SELECT sum(t.drops), group_concat(DISTINCT t.function) AS functions, group_concat(DISTINCT t.why) AS whys, group_concat(DISTINCT t.why_by) AS proof FROM _drop_target t WHERE t.why_by IS NOT NULL AND t.why = 'TC_EGRESS' AND t.netns IS {v_netns} AND t.dev IS {v_dev};
-- evidence?: The clsact qdisc of {dev} counted {result} drops.
SELECT sum(drops_delta), dev FROM qdisc WHERE kind = 'clsact' AND netns IS {netns} AND dev = {dev};
-- evidence?: Filters on egress of {dev}: {result}.
SELECT group_concat(kind || ' pref ' || coalesce(pref, '?') || coalesce(' ' || actions, ''), '; ') FROM (SELECT kind, pref, actions FROM tc_filter WHERE netns IS {netns} AND dev = {dev} AND parent = 'egress' ORDER BY drops_delta DESC, pref LIMIT 3);
-- packets:
SELECT packet_id FROM packet_drop WHERE (reason = 'TC_EGRESS' OR (function = {function} AND reason IS {reason} AND netns IS {v_netns})) AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Look at the filters (those of BPF programs attached by tcx are shown by bpftool only).
-- command: {ns}tc -s filter show dev {dev} egress; {ns}bpftool net
-- when: SELECT {dev} IS NOT NULL
-- ruled-out: Not a full queueing discipline: tc egress comes before it and has a reason of its own.
-- when: SELECT {reason} = 'TC_EGRESS'

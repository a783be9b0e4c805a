-- SPDX-License-Identifier: MIT
-- cause: tc-ingress-drop
-- severity: warning
-- tested: live
-- uses: events, frames, counters, config
-- how: At least 10 drops with reason TC_INGRESS per device (without reasons: at sch_handle_ingress, or at
--   __netif_receive_skb_core while the ingress or clsact qdisc of a device counts drops); the filter whose actions dropped and the
--   qdisc's own counter are shown.
-- title: A tc filter drops on ingress[[ of {dev}]]
-- summary: {packets}[[ of {v_seen}]] packets[[ to {flow_dst} port {flow_dport}]] were dropped on ingress[[ of {dev}]][[ in {netns}]] by traffic control[[
--   (filter {v_filter})]], before IP and the firewall saw them.
WITH hit AS (
	SELECT t.*, row_number() OVER (PARTITION BY t.netns, t.dev ORDER BY t.drops DESC, t.id) AS nth,
		sum(t.drops) OVER (PARTITION BY t.netns, t.dev) AS all_drops, sum(t.seen) OVER (PARTITION BY t.netns, t.dev) AS all_seen,
		sum(t.flows) OVER (PARTITION BY t.netns, t.dev) AS all_flows
	FROM _drop_target t
	WHERE t.reason = 'TC_INGRESS' OR (t.reason IS NULL AND t.function IN ('sch_handle_ingress', 'tcf_action_exec', '__netif_receive_skb_core')
		AND EXISTS (SELECT 1 FROM qdisc q WHERE q.kind IN ('ingress', 'clsact') AND q.drops_delta > 0 AND (q.netns = t.netns OR t.netns IS NULL)
			AND (q.dev = t.dev OR t.dev IS NULL)))
), one AS (
	SELECT max(q.netns) AS netns, max(q.dev) AS dev
	FROM qdisc q WHERE q.kind IN ('ingress', 'clsact') AND q.drops_delta > 0 HAVING count(*) = 1
)
SELECT
	CASE WHEN h.all_drops >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN h.reason IS NOT NULL AND h.dev IS NOT NULL THEN 0.97 WHEN o.dev IS NOT NULL THEN 0.85 ELSE 0.75 END AS confidence,
	coalesce(h.netns, o.netns) AS netns,
	coalesce(h.dev, o.dev) AS dev,
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
	h.all_seen AS v_seen,
	h.netns AS v_netns,
	h.dev AS v_dev,
	(SELECT f.kind || ' pref ' || f.pref FROM tc_filter f WHERE f.netns IS coalesce(h.netns, o.netns) AND f.dev IS coalesce(h.dev, o.dev) AND f.parent = 'ingress'
		ORDER BY f.drops_delta DESC, f.pref LIMIT 1) AS v_filter
FROM hit h
LEFT JOIN one o ON h.dev IS NULL
WHERE h.nth = 1 AND h.all_drops >= 10
ORDER BY h.all_drops DESC, h.id;

-- evidence: {result} packets were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason IS {reason} AND netns IS {v_netns} AND dev IS {v_dev};
-- evidence?: The {kind} qdisc of {dev} counted {result} drops.
SELECT sum(drops_delta), kind, dev FROM qdisc WHERE kind IN ('ingress', 'clsact') AND netns IS {netns} AND dev = {dev};
-- evidence?: Filters on ingress of {dev}: {result}.
SELECT group_concat(kind || ' pref ' || coalesce(pref, '?') || coalesce(' ' || actions, ''), '; ') FROM (SELECT kind, pref, actions FROM tc_filter WHERE netns IS {netns} AND dev = {dev} AND parent = 'ingress' ORDER BY drops_delta DESC, pref LIMIT 3);
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND dev IS {v_dev} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Look at the filters (those of BPF programs attached by tcx are shown by bpftool only).
-- command: {ns}tc -s filter show dev {dev} ingress; {ns}bpftool net
-- when: SELECT {dev} IS NOT NULL
-- ruled-out: Not a firewall rule: netfilter comes after tc ingress.
-- ruled-out: Not an XDP program: XDP comes before, and its drops have another place.

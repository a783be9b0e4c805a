-- SPDX-License-Identifier: MIT
-- cause: other-drop
-- severity: warning
-- tested: live
-- confidence: 0.5
-- uses: events
-- order: last
-- how: Drops that no other finding lays its hands on (table _claim: in that namespace none of that reason, function or layer), told with what the
--   dictionary of drop reasons and places knows. A warning from 10 drops on whose reason is a loss or an error and which no rule names (table
--   _ruled), or 20 at a place known by its full name where the kernel gives no reason; not in TCP, whose places
--   without a reason free what is no loss, too. An info, from 50 on, for a reason newer than the dictionary, a place that it does not
--   know, one that is known only by the beginning of its name, what a policy that no rule knows refuses, and for a reason that rules do look
--   at but leave open here (20 of one flow: many flows that lose a packet each are somebody's scan). Queueing disciplines are left to their rules, which take the whole layer. This word stands for no single
--   cause, so the confidence is at most 0.5.
-- title: Packets dropped[[ at {dev}]]: {v_word}
-- summary: {packets} packets[[ to {flow_dst}]][[ port {flow_dport}]] were dropped[[ in {netns}]][[, in {function}]][[ with reason {v_reason}]][[: {v_meaning}]]. No rule proves a cause.
WITH told AS (
	SELECT
		t.*,
		nullif(t.reason, 'NOT_SPECIFIED') AS word,
		r.class IS NOT NULL AS reason_known,
		coalesce(l.exact, 0) AS place_exact,
		coalesce(p.meaning, r.meaning, l.meaning) AS meaning,
		coalesce(p.cause, r.cause, l.cause) AS typical,
		coalesce(p.check_text, r.check_text, l.check_text) AS look,
		-- of these, rules look at other evidence than the drops
		coalesce(nullif(t.reason, 'NOT_SPECIFIED') IN ('TCP_ZEROWINDOW', 'TCP_LISTEN_OVERFLOW', 'IP_OUTNOROUTES', 'TCP_ABORT_ON_DATA'), 0)
			OR EXISTS (SELECT 1 FROM _ruled w WHERE w.word = coalesce(nullif(t.reason, 'NOT_SPECIFIED'), t.function)) AS ruled
	FROM _drop_target t
	LEFT JOIN _drop_reason r ON r.name = t.reason AND t.reason <> 'NOT_SPECIFIED'
	LEFT JOIN _drop_location p ON p.function = t.function AND p.reason = t.reason
	LEFT JOIN _drop_location l ON l.function = t.function AND l.reason = '-'
	WHERE t.class IN ('loss', 'error', 'policy')
		-- frames for other hosts, as later kernels say
		AND NOT (t.why = 'OTHERHOST' AND t.why_by IS NOT NULL)
		AND t.layer NOT IN ('qdisc', 'capture', 'unix', 'netlink', 'vsock', 'bluetooth')
		AND NOT EXISTS (
			SELECT 1 FROM _claim c
			WHERE (c.netns IS NULL OR t.netns IS NULL OR c.netns = t.netns)
				AND (c.layer = t.layer OR c.function = t.function OR c.reason = nullif(t.reason, 'NOT_SPECIFIED')))
), judged AS (
	SELECT
		t.*,
		CASE
			WHEN t.ruled AND t.class = 'policy' THEN NULL
			WHEN t.ruled OR t.class = 'policy' THEN 'info'
			WHEN t.word IS NOT NULL THEN CASE WHEN t.reason_known THEN 'warning' ELSE 'info' END
			WHEN t.place_exact AND t.class = 'loss' AND t.layer NOT IN ('transport', 'unknown') THEN 'warning'
			ELSE 'info' END AS grade
	FROM told t
)
SELECT
	j.grade AS severity,
	CASE WHEN j.grade = 'info' THEN 0.3 WHEN j.netns IS NULL OR max(j.netns_by) IS NOT NULL THEN 0.4 ELSE 0.5 END AS confidence,
	max(j.layer) AS layer,
	j.netns,
	CASE WHEN min(j.dev) = max(j.dev) THEN min(j.dev) END AS dev,
	j.function,
	j.reason,
	max(j.flow_id) AS flow_id,
	CASE WHEN min(j.proto) = max(j.proto) THEN min(j.proto) END AS flow_proto,
	CASE WHEN min(j.src) = max(j.src) THEN min(j.src) END AS flow_src,
	CASE WHEN min(j.dst) = max(j.dst) THEN min(j.dst) END AS flow_dst,
	CASE WHEN min(j.dst) = max(j.dst) AND min(j.dport) = max(j.dport) THEN min(j.dport) END AS flow_dport,
	min(j.from_ns) AS from_ns,
	max(j.to_ns) AS to_ns,
	sum(j.drops) AS packets,
	nullif(sum(j.bytes), 0) AS bytes,
	nullif(sum(j.flows), 0) AS flows,
	j.word AS v_reason,
	coalesce(j.word, j.function) AS v_word,
	max(j.meaning) AS v_meaning,
	max(j.typical) AS v_typical,
	max(j.look) AS v_look,
	CASE WHEN j.word IS NOT NULL AND NOT j.reason_known THEN 1 END AS v_newer,
	j.ruled AS v_ruled,
	CASE WHEN max(j.netns_by) IS NOT NULL THEN 1 END AS v_guess
FROM judged j
WHERE j.grade IS NOT NULL
GROUP BY j.netns, j.function, j.reason, j.grade
HAVING sum(j.drops) >= CASE WHEN j.grade = 'info' THEN 50 WHEN j.word IS NULL THEN 20 ELSE 10 END
	AND (NOT j.ruled OR max(j.drops_max) >= 20)
ORDER BY sum(j.drops) DESC, j.netns, j.function, j.reason
LIMIT 6;

-- evidence: {result} packets were freed[[ in {function}]][[ with reason {v_reason}]].
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND function = {function} AND reason IS {reason} AND class IN ('loss', 'error', 'policy');
-- evidence?: The kernel names a reason that the dictionary does not know: it is newer than this program.
SELECT {v_newer};
-- evidence?: Rules look at such drops, but what they ask for besides was not there.
SELECT {v_ruled};
-- evidence?: The namespace was found by the counters or by the task in whose call it happened: the events do not name it.
SELECT {v_guess};
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND packet_id IS NOT NULL AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Typical cause: {v_typical}.
-- when: SELECT {v_typical} IS NOT NULL
-- advice: What to look at: {v_look}.
-- when: SELECT {v_look} IS NOT NULL
-- advice: See which counter of this namespace grows with it.
-- command: {ns}nstat -az
-- advice: See what the device counts.
-- command: {ns}ip -s -s link show dev {dev}
-- when: SELECT {dev} IS NOT NULL
-- ruled-out: Not one of the causes that rules of their own know: they ran before this one, and none of them claims these drops.

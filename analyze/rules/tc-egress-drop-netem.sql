-- SPDX-License-Identifier: MIT
-- cause: tc-egress-drop
-- severity: warning
-- tested: live
-- uses: counters, config, events
-- how: A netem qdisc, which somebody made for a test, is told to lose packets, lost at least 10, and was never seen near its limit (else
--   it is qdisc-overflow). Its drops are the qdisc's own counter; they carry the reason QDISC_DROP as those of a full queue do.
-- title: netem on {dev} drops packets, as it is told to
-- summary: {packets} of {v_given} packets sent through {dev}[[ in {netns}]] were dropped by netem {v_handle}[[, which is told to lose {v_loss} %]]; send() reported success.
WITH q AS (
	SELECT *, drops_delta + coalesce(packets_delta, 0) AS given, json_extract(options, '$.loss') AS loss, json_extract(options, '$.loss_model') AS model
	FROM qdisc
	WHERE class = 0 AND kind = 'netem' AND drops_delta >= 10 AND coalesce(max_backlog_packets, 0) * 2 < coalesce(limit_packets, 1000)
), ev AS (
	SELECT netns, dev, max(function) AS function, max(reason) AS reason, sum(drops) AS drops, min(from_ns) AS from_ns, max(to_ns) AS to_ns
	FROM _drop_target
	WHERE reason = 'QDISC_DROP' OR (reason IS NULL AND function IN ('kfree_skb_list', 'kfree_skb_list_reason', '__dev_queue_xmit', '__dev_xmit_skb'))
	GROUP BY netns, dev
)
SELECT
	CASE WHEN q.drops_delta >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN e.drops > 0 THEN 0.95 ELSE 0.85 END AS confidence,
	'qdisc' AS layer,
	q.netns,
	q.dev,
	e.function,
	e.reason,
	e.from_ns,
	e.to_ns,
	q.drops_delta AS packets,
	q.given AS v_given,
	q.handle AS v_handle,
	CASE WHEN q.loss > 0 THEN round(q.loss * 100, 2) END AS v_loss,
	q.id AS v_qdisc
FROM q
LEFT JOIN ev e ON e.netns IS q.netns AND e.dev IS q.dev
WHERE q.loss > 0 OR q.model
ORDER BY q.drops_delta DESC, q.id;

-- evidence: The drop counter of netem {handle} on {dev} grew by {result}, while {packets_delta} packets passed.
SELECT drops_delta, handle, dev, packets_delta FROM qdisc WHERE id = {v_qdisc};
-- evidence: Its settings: {result}.
SELECT CASE WHEN json_extract(options, '$.loss_model') THEN 'loss by a model' ELSE 'loss ' || round(json_extract(options, '$.loss') * 100, 2) || ' %' END
	|| ', delay ' || coalesce(json_extract(options, '$.delay_ns') / 1000000.0, 0) || ' ms, limit ' || coalesce(limit_packets, '?') || ' packets' FROM qdisc WHERE id = {v_qdisc};
-- evidence?: {result} packets were freed[[ in {function}]][[ with reason {reason}]] when they were to be queued.
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND dev IS {dev} AND function = {function} AND reason IS {reason};
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND netns IS {netns} AND dev IS {dev} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Ask who made it and remove it when the test is over.
-- command: {ns}tc -s -d qdisc show dev {dev}
-- ruled-out: Not a full queue: it was never seen near its limit.
-- ruled-out: Not the path: the packets never left this device.

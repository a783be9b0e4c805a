-- SPDX-License-Identifier: MIT
-- cause: qdisc-overflow
-- severity: warning
-- tested: live
-- uses: events, counters, config
-- partial: yes
-- symptom-of: xps-slow-queue/dev, link-down/dev, qdisc-burst-below-mtu/dev, qdisc-class-overflow/dev
-- how: A queueing discipline's own drop counter grew by at least 5, and more than 1 packet in 100 that it was given (a TCP
--   transfer that fills its link loses less than that by design); drops with reason QDISC_* or FQ_* at the transmit path
--   confirm it. Ingress qdiscs have causes of their own. netem drops by order unless its queue was seen near its limit;
--   AQMs (codel, fq_codel, pie, red, cake) are reported as info below 2 in 100.
-- title: Queueing discipline {v_kind} on {dev} overflows
-- summary: {packets} of {v_given} packets sent through {dev}[[ in {netns}]] were dropped by its queueing discipline {v_kind} {v_handle}[[,
--   limited to {v_rate} bit/s]][[, limit {v_limit_bytes:size}]][[, limit {v_limit_packets} packets]]: more was sent than it lets out.
WITH q AS (
	SELECT
		q.*,
		q.drops_delta + q.packets_delta AS given,
		row_number() OVER (PARTITION BY q.netns, q.dev ORDER BY q.drops_delta DESC, q.parent = 'root' DESC, q.handle) AS nth,
		q.kind IN ('codel', 'fq_codel', 'pie', 'fq_pie', 'red', 'sfb', 'cake', 'dualpi2') AS aqm
	FROM qdisc q
	WHERE q.class = 0 AND q.parent <> 'ingress' AND q.kind NOT IN ('ingress', 'clsact', 'noqueue', 'noop') AND q.drops_delta >= 5
		AND NOT (q.kind = 'netem' AND coalesce(q.max_backlog_packets, 0) * 2 < coalesce(q.limit_packets, 1000))
), ev AS (
	SELECT netns, dev, max(function) AS function, max(reason) AS reason, sum(drops) AS drops, min(from_ns) AS from_ns, max(to_ns) AS to_ns,
		max(flow_id) AS flow_id, count(DISTINCT coalesce(proto, '') || coalesce(dst, '') || coalesce(dport, '')) AS targets,
		max(proto) AS proto, max(src) AS src, max(dst) AS dst, max(dport) AS dport
	FROM _drop_target
	WHERE reason IN ('QDISC_DROP', 'QDISC_OVERLIMIT', 'QDISC_CONGESTED', 'QDISC_BURST_DROP', 'CAKE_FLOOD', 'FQ_BAND_LIMIT', 'FQ_FLOW_LIMIT',
			'FQ_HORIZON_LIMIT', 'DUALPI2_STEP_DROP')
		OR (reason IS NULL AND function IN ('kfree_skb_list', 'kfree_skb_list_reason', '__dev_queue_xmit', '__dev_xmit_skb'))
	GROUP BY netns, dev
), passed AS (
	-- what is dropped here was not captured yet: the flow that makes up nearly all of what passed is the one that suffers
	SELECT netns_id, dev_id, flow_id, n, sum(n) OVER (PARTITION BY netns_id, dev_id) AS all_n
	FROM (SELECT netns_id, dev_id, flow_id, count(*) AS n FROM _frame WHERE direction = 1
		-- another one may have passed when frames were no longer recorded
		AND NOT EXISTS (SELECT 1 FROM quality WHERE kind = 'detail-lowered' AND source IN ('no-pcap', 'drops')) GROUP BY netns_id, dev_id, flow_id)
)
SELECT
	CASE WHEN q.aqm AND q.drops_delta * 50 < q.given THEN 'info'
		WHEN q.drops_delta >= 20 AND q.drops_delta * 20 >= q.given THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN e.drops >= q.drops_delta / 2 AND e.dev IS NOT NULL THEN 0.98 WHEN e.drops > 0 THEN 0.9 ELSE 0.85 END AS confidence,
	q.netns,
	q.dev,
	e.function,
	e.reason,
	coalesce(CASE WHEN e.targets = 1 THEN e.flow_id END, w.id) AS flow_id,
	CASE WHEN e.targets = 1 AND e.flow_id IS NOT NULL THEN e.proto ELSE w.proto END AS flow_proto,
	CASE WHEN e.targets = 1 AND e.flow_id IS NOT NULL THEN e.src ELSE w.src END AS flow_src,
	CASE WHEN e.targets = 1 AND e.flow_id IS NOT NULL THEN e.dst ELSE w.dst END AS flow_dst,
	CASE WHEN e.targets = 1 AND e.flow_id IS NOT NULL THEN e.dport ELSE w.dport END AS flow_dport,
	CASE WHEN e.flow_id IS NULL THEN w.id END AS v_passed,
	e.from_ns,
	e.to_ns,
	q.drops_delta AS packets,
	q.given AS v_given,
	q.kind AS v_kind,
	q.handle AS v_handle,
	q.id AS v_qdisc,
	q.rate_bps AS v_rate,
	q.limit_bytes AS v_limit_bytes,
	q.limit_packets AS v_limit_packets,
	e.netns AS v_ev_netns,
	e.dev AS v_ev_dev
FROM q
LEFT JOIN ev e ON (e.netns IS q.netns AND e.dev IS q.dev) OR (e.dev IS NULL AND (e.netns IS NULL OR e.netns = q.netns)
	AND (SELECT count(*) FROM q o WHERE o.nth = 1) = 1)
LEFT JOIN passed p ON p.netns_id = q.netns_id AND p.dev_id = (SELECT id FROM _name WHERE text = q.dev) AND p.n * 5 >= p.all_n * 4
LEFT JOIN flow w ON w.id = p.flow_id
WHERE q.nth = 1 AND q.drops_delta * 100 >= q.given
GROUP BY q.id
ORDER BY q.drops_delta DESC, q.id;

-- evidence: The drop counter of {kind} {handle} on {dev} grew by {result}, while {packets_delta} packets passed.
SELECT drops_delta, kind, handle, dev, packets_delta FROM qdisc WHERE id = {v_qdisc};
-- evidence?: {result} packets were freed[[ in {function}]][[ with reason {reason}]] when they were to be queued.
SELECT sum(drops) FROM _drop_target WHERE netns IS {v_ev_netns} AND dev IS {v_ev_dev} AND function = {function} AND reason IS {reason};
-- evidence?: Dropped packets were not captured; of those that passed, {result} belong to the flow {src} to {dst} port {dport}, nearly all.
SELECT count(*), w.src, w.dst, w.dport FROM _frame f JOIN flow w ON w.id = f.flow_id WHERE f.direction = 1 AND f.flow_id = {v_passed};
-- evidence?: Up to {result} packets ({max_backlog_bytes} bytes) were seen waiting in it.
SELECT max_backlog_packets, max_backlog_bytes FROM qdisc WHERE id = {v_qdisc};
-- evidence?: Its rate is {result} bit/s[[, its burst {burst_bytes} bytes]].
SELECT rate_bps, burst_bytes FROM qdisc WHERE id = {v_qdisc};
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND dev IS {v_ev_dev} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Decide whether the rate is right. If it is, the senders must slow down: shape nearer to them, or let a fair or active
--   queue (fq_codel, cake) choose what is dropped. If the limit is only too small for bursts, raise it.
-- command: {ns}tc -s -d qdisc show dev {dev}
-- ruled-out: Not the receiver and not the path: the packets never left this device.
-- ruled-out: Not a full socket send buffer: send() succeeded, the drop is below it.
-- when: SELECT {function} IS NOT NULL

-- SPDX-License-Identifier: MIT
-- cause: xdp-drop
-- severity: warning
-- tested: live
-- uses: events, frames, counters
-- how: At least 10 drops with reason XDP, or at the functions that run generic XDP or veth's XDP, per device; or growth of
--   the driver's own XDP drop counters (native XDP drops frames before there is a packet, so no event tells of them).
-- title: An XDP program drops packets[[ at {dev}]]
-- summary: {packets} packets[[ to {flow_dst} port {flow_dport}]] were dropped[[ at {dev}]][[ in {netns}]] by an XDP program, before the stack
--   (and, on receive, any capture) saw them.
WITH hit AS (
	SELECT t.*, row_number() OVER (PARTITION BY t.netns, t.dev ORDER BY t.drops DESC, t.id) AS nth,
		sum(t.drops) OVER (PARTITION BY t.netns, t.dev) AS all_drops, sum(t.flows) OVER (PARTITION BY t.netns, t.dev) AS all_flows
	FROM _drop_target t
	WHERE t.reason = 'XDP' OR (t.function IN ('do_xdp_generic', 'netif_receive_generic_xdp', 'bpf_prog_run_generic_xdp', 'veth_xdp_rcv_skb')
		AND (t.reason = 'NOT_SPECIFIED' OR t.reason IS NULL))
), native AS (
	SELECT netns, dev, max(delta) AS delta, max(name) AS name
	FROM _moved
	WHERE source = 'ethtool' AND lower(name) LIKE '%xdp%drop%' AND delta > 0
	GROUP BY netns, dev
), placed AS ( -- events of native XDP name no device: the only counter that moved as far does
	SELECT h.*, n.netns AS native_netns, n.dev AS native_dev
	FROM hit h
	LEFT JOIN native n ON h.netns IS NULL AND h.dev IS NULL AND (SELECT count(*) FROM native) = 1 AND abs(n.delta - h.all_drops) * 10 <= h.all_drops
)
SELECT
	CASE WHEN h.all_drops >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN h.dev IS NOT NULL THEN 0.95 WHEN h.native_dev IS NOT NULL THEN 0.9 ELSE 0.8 END AS confidence,
	coalesce(h.netns, h.native_netns) AS netns,
	coalesce(h.dev, h.native_dev) AS dev,
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
FROM placed h
WHERE h.nth = 1 AND h.all_drops >= 10
UNION ALL
SELECT 'warning', 0.85, n.netns, n.dev, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, n.delta, NULL, n.netns, n.dev
FROM native n
WHERE n.delta >= 10 AND NOT EXISTS (SELECT 1 FROM placed h WHERE coalesce(h.dev, h.native_dev) IS n.dev)
ORDER BY 15 DESC, 3, 4;

-- evidence?: {result} packets were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason IS {reason} AND netns IS {v_netns} AND dev IS {v_dev};
-- evidence?: The driver's counter {name} of {dev} grew by {result}.
SELECT delta, name FROM _moved WHERE source = 'ethtool' AND lower(name) LIKE '%xdp%drop%' AND dev = {dev} AND netns IS {netns} AND delta > 0 ORDER BY delta DESC;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND dev IS {v_dev} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: See which program is attached and who put it there.
-- command: {ns}ip -d link show dev {dev}; {ns}bpftool net
-- when: SELECT {dev} IS NOT NULL
-- ruled-out: Not a firewall rule: netfilter comes after XDP.

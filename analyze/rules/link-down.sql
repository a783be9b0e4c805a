-- SPDX-License-Identifier: MIT
-- cause: link-down
-- severity: warning
-- tested: live
-- uses: counters, config, events
-- partial: yes
-- how: A device lost its carrier during the recording (carrier_down_count or carrier_changes grew) or the kernel log says that its
--   link went down, or it is up without carrier at the end (but not where that is because the other end of its veth pair was never up:
--   peer-device-down); and packets suffered for it: at least 5 drops of the neighbour or
--   device layer in that namespace, or its tx_dropped or tx_carrier_errors grew. Devices that come and go without harm are none.
--   Neighbour drops of which no event tells the namespace are counted where the busiest sender lost its carrier; those of packets
--   that came in by another device where their destination is a neighbour at that link, or the namespace has no third
--   device. A device that is set down takes its routes along: what then had no route counts where earlier packets of
--   the same flows had left by it.
--   What this host itself then could not send for want of that route (fib_table_lookup) counts as well, where it had sent there by that device.
--   Frames for an address of a device that is down, which a bridge floods to its other ports, for it forgot where the address was, count too.
-- title: Link of {dev} was down
-- summary: {dev}[[ in {netns}]] had no carrier[[: it lost it during the recording ({v_changes:n change})]]; {packets} packets were dropped or refused for it.
WITH down AS (
	SELECT netns, dev, max(delta) AS changes FROM _moved
	WHERE source = 'dev' AND name IN ('carrier_down_count', 'carrier_changes') AND delta > 0
	GROUP BY netns, dev
	UNION
	SELECT d.netns, d.name, NULL FROM netdev d
	WHERE d.flags & 1 = 1 AND d.carrier = 0 AND coalesce(d.kind, '') NOT IN ('dummy', 'bridge', 'tun', 'bond')
		AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.source = 'dev' AND m.name IN ('carrier_down_count', 'carrier_changes') AND m.delta > 0 AND m.netns = d.netns AND m.dev = d.name)
		AND NOT EXISTS (SELECT 1 FROM netdev p WHERE p.id = d.peer_id AND p.flags & 1 = 0)
), hurt AS (
	SELECT w.netns, w.dev, w.changes,
		(SELECT coalesce(sum(t.drops), 0) FROM _drop_target t
			-- IPv6 gives no reason for what waited for a neighbour (ndisc_error_report())
			WHERE (t.why IN ('NEIGH_FAILED', 'NEIGH_QUEUEFULL', 'NEIGH_DEAD', 'DEV_READY') OR (t.function = 'neigh_invalidate' AND t.reason = 'NOT_SPECIFIED'))
				AND ((t.netns = w.netns AND (t.dev = w.dev OR t.dev IS NULL
						OR EXISTS (SELECT 1 FROM neigh n WHERE n.netns = w.netns AND n.dev = w.dev AND n.address = t.dst)
						OR (w.changes IS NOT NULL AND NOT EXISTS (SELECT 1 FROM netdev d WHERE d.netns = w.netns AND d.name NOT IN ('lo', w.dev, t.dev)))))
					OR (t.netns IS NULL AND w.changes IS NOT NULL AND w.nth = 1))) AS drops,
		(SELECT coalesce(sum(t.drops), 0) FROM _drop_target t
			WHERE t.reason = 'IP_INNOROUTES' AND t.netns = w.netns AND w.changes IS NOT NULL
				AND EXISTS (SELECT 1 FROM flow f JOIN frame x ON x.flow_id = f.id
					WHERE f.netns = w.netns AND f.proto = t.proto AND f.dst = t.dst AND f.dport IS t.dport AND x.netns = w.netns AND x.dev = w.dev AND x.direction = 'out')) AS lost,
		(SELECT coalesce(sum(t.drops), 0) FROM addr a JOIN _drop_target t ON t.dst = a.address
			WHERE a.netns = w.netns AND a.dev = w.dev AND a.address NOT LIKE 'fe80:%' AND t.reason IN ('OTHERHOST', 'NO_TX_TARGET') AND NOT (t.netns IS w.netns)
				AND EXISTS (SELECT 1 FROM netdev d WHERE d.netns = w.netns AND d.name = w.dev AND d.flags & 1 = 0 AND d.peer_id IS NOT NULL)) AS flooded,
		(SELECT count(*) FROM event e
			WHERE e.name = 'fib_table_lookup' AND json_extract(e.fields, '$.err') IN (-11, -101) AND json_extract(e.fields, '$.tb_id') IN (253, 254) AND w.changes IS NOT NULL
				AND json_extract(e.fields, '$.dst') IN (SELECT f.dst FROM flow f WHERE f.netns = w.netns
					AND EXISTS (SELECT 1 FROM frame x WHERE x.flow_id = f.id AND x.netns = w.netns AND x.dev = w.dev AND x.direction = 'out'))
				AND EXISTS (SELECT 1 FROM _moved m WHERE m.name = 'Ip.OutNoRoutes' AND m.netns = w.netns AND m.delta > 0)) AS refused,
		(SELECT coalesce(sum(m.delta), 0) FROM _moved m WHERE m.source = 'dev' AND m.name IN ('tx_dropped', 'tx_carrier_errors') AND m.netns = w.netns AND m.dev = w.dev AND m.delta > 0) AS counted
	FROM (
		SELECT d.*, row_number() OVER (
			ORDER BY d.changes IS NULL, (SELECT sum(m.delta) FROM _moved m WHERE m.source = 'dev' AND m.name = 'tx_packets' AND m.netns = d.netns AND m.dev = d.dev) DESC, d.netns, d.dev) AS nth
		FROM down d
	) w
)
SELECT
	CASE WHEN max(h.drops + h.lost + h.flooded + h.refused, h.counted) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN h.changes IS NOT NULL THEN 0.9 ELSE 0.75 END AS confidence,
	h.netns,
	h.dev,
	max(h.drops + h.lost + h.flooded + h.refused, h.counted) AS packets,
	h.changes AS v_changes,
	h.drops AS v_drops,
	h.lost AS v_lost,
	h.flooded AS v_flooded,
	h.refused AS v_refused
FROM hurt h
WHERE max(h.drops + h.lost + h.flooded + h.refused, h.counted) >= 5
ORDER BY packets DESC, h.netns, h.dev;

-- evidence?: carrier_changes of {dev} grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name = 'carrier_changes' AND netns IS {netns} AND dev = {dev};
-- evidence?: In the last snapshot it is {result}, carrier {carrier}.
SELECT operstate, carrier FROM netdev WHERE netns IS {netns} AND name = {dev};
-- evidence?: {result} packets were dropped in that namespace for neighbours that could not be reached or a device that was not ready.
SELECT {v_drops};
-- evidence?: {result} packets had no route any more; earlier packets of the same flows had left by {dev}.
SELECT {v_lost};
-- evidence?: {result} times a packet to where earlier ones had left by {dev} found no route any more: send() failed.
SELECT {v_refused};
-- evidence?: {result} frames for its addresses were flooded by the bridge to others, who threw them away.
SELECT {v_flooded};
-- evidence?: tx_dropped and tx_carrier_errors of {dev} grew by {result}.
SELECT sum(delta) FROM _moved WHERE source = 'dev' AND name IN ('tx_dropped', 'tx_carrier_errors') AND netns IS {netns} AND dev = {dev} AND delta > 0;
-- evidence?: The kernel log: "{result}".
SELECT text FROM kmsg WHERE text LIKE '%' || {dev} || '%' AND (text LIKE '%ink is down%' OR text LIKE '%arrier%' OR text LIKE '%link becomes%') ORDER BY ts_ns;
-- advice: Look at cable, switch port, the peer of a virtual device, and at who changed it.
-- command: {ns}ip -s -d link show dev {dev}

-- SPDX-License-Identifier: MIT
-- cause: forwarding-disabled
-- severity: warning
-- tested: live
-- uses: events, frames, counters, config
-- how: Drops at ip_error with reason IP_INADDRERRORS, which the kernel gives there only where the device does not forward (net/ipv4/route.c; or IP_INNOROUTES, or without reasons while Ip.InAddrErrors grows), at least
--   5 to one destination, in a namespace whose net.ipv4.ip_forward is 0 in the last snapshot; for IPv6 at ip6_forward with reason
--   IP_INADDRERRORS (or none while Ip6InAddrErrors grows) and net.ipv6.conf.all.forwarding. Critical where forwarding was
--   on at the start; info on a host with one leg, which was never meant to be a router. Where the setting is 1 in both snapshots it is the device's own, or it was
--   off for a while: then the reason alone tells it, with less confidence (IPv4 only: ip6_forward() has other causes for it).
-- title: Packets to forward arrive while forwarding is off[[ for {flow_dst}]]
-- summary: {packets}[[ of {v_seen}]] packets[[ to {flow_dst}]] reached[[ {netns}]] to be forwarded and were dropped, because
--   {v_key} was 0 there[[; {v_was}]].
WITH hit AS (
	SELECT t.*, CASE WHEN t.function = 'ip6_forward' OR t.dst LIKE '%:%' THEN 'net.ipv6.conf.all.forwarding' ELSE 'net.ipv4.ip_forward' END AS key,
		sum(t.drops) OVER (PARTITION BY t.netns, t.dst) AS dst_drops, sum(t.seen) OVER (PARTITION BY t.netns, t.dst) AS dst_seen,
		row_number() OVER (PARTITION BY t.netns, t.dst ORDER BY t.drops DESC, t.id) AS nth
	FROM _drop_target t
	WHERE (t.function IN ('ip_error', '?') AND t.reason IN ('IP_INADDRERRORS', 'IP_INNOROUTES'))
		OR (t.function = 'ip_error' AND t.reason IS NULL
			AND EXISTS (SELECT 1 FROM _moved m WHERE m.name = 'Ip.InAddrErrors' AND m.delta > 0 AND (m.netns = t.netns OR t.netns IS NULL)))
		OR (t.function = 'ip6_forward' AND t.reason = 'IP_INADDRERRORS')
		OR (t.function = 'ip6_forward' AND t.reason IS NULL
			AND EXISTS (SELECT 1 FROM _moved m WHERE m.name = 'Ip6InAddrErrors' AND m.delta > 0 AND (m.netns = t.netns OR t.netns IS NULL)))
), keyed AS (
	SELECT h.*, CASE WHEN h.key = 'net.ipv4.ip_forward' AND coalesce(a.value_end, a.value) <> '0' AND coalesce(d.value_end, d.value) = '0' THEN d.name ELSE h.key END AS name,
		CASE WHEN h.reason = 'IP_INADDRERRORS' AND (h.function = 'ip_error' OR NOT EXISTS (SELECT 1 FROM snapshot WHERE kind = 'after')) THEN 1 ELSE 0 END AS cut,
		EXISTS (SELECT 1 FROM snapshot WHERE kind = 'after') AS ended
	FROM hit h
	LEFT JOIN sysctl a ON a.netns IS h.netns AND a.name = h.key
	LEFT JOIN sysctl d ON d.netns IS h.netns AND d.name = 'net.ipv4.conf.' || replace(h.dev, '.', '/') || '.forwarding'
), legs AS (
	SELECT netns, count(*) AS n FROM netdev WHERE flags & 9 = 1 GROUP BY netns -- IFF_UP, not IFF_LOOPBACK
)
SELECT
	CASE WHEN s.value <> '0' AND h.dst_drops >= 10 THEN 'critical' WHEN coalesce(l.n, 2) < 2 THEN 'info' ELSE 'warning' END AS severity,
	CASE WHEN coalesce(s.value_end, s.value) <> '0' THEN CASE WHEN h.ended THEN 0.85 ELSE 0.7 END WHEN h.function = '?' THEN 0.8 WHEN h.reason IS NOT NULL AND h.netns_by IS NULL THEN 0.98 WHEN h.reason IS NOT NULL THEN 0.9 ELSE 0.75 END AS confidence,
	h.netns,
	h.dev,
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
	h.dst_drops AS packets,
	nullif(h.flows, 0) AS flows,
	h.dst_seen AS v_seen,
	h.netns_by AS v_placed,
	h.name AS v_key,
	CASE h.key WHEN 'net.ipv4.ip_forward' THEN 'Ip.' ELSE 'Ip6' END AS v_ip,
	CASE h.key WHEN 'net.ipv4.ip_forward' THEN 'Ip.ForwDatagrams' ELSE 'Ip6OutForwDatagrams' END AS v_forw,
	CASE WHEN s.value <> '0' THEN CASE WHEN coalesce(s.value_end, s.value) <> '0' AND h.ended THEN 'only for a while: ' ELSE '' END || 'it was ' || s.value || ' when the recording began' END
		|| CASE WHEN coalesce(s.value_end, s.value) = '0' THEN '' WHEN h.ended THEN ', and is ' || coalesce(s.value_end, s.value) || ' again at the end' ELSE ', and the tape ends before the snapshot that would show it' END AS v_was,
	CASE WHEN coalesce(s.value_end, s.value) = '0' THEN 1 ELSE 0 END AS v_off
FROM keyed h
JOIN sysctl s ON s.netns IS h.netns AND s.name = h.name AND (coalesce(s.value_end, s.value) = '0' OR h.cut)
LEFT JOIN legs l ON l.netns IS h.netns
WHERE h.nth = 1 AND h.dst_drops >= 5
ORDER BY h.dst_drops DESC, h.netns, h.dst
LIMIT 10;

-- evidence: {result} packets were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND function = {function} AND reason IS {reason} AND dst IS {flow_dst};
-- evidence: {name}: {value} in the first snapshot[[, {value_end} in the last]].
SELECT name, value, value_end FROM sysctl WHERE netns IS {netns} AND name = {v_key};
-- evidence?: {v_ip}InAddrErrors grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name = {v_ip} || 'InAddrErrors' AND netns IS {netns} AND delta > 0;
-- evidence?: The drop events name no namespace; they belong to {netns}, because this counter grew nowhere else.
SELECT {v_placed} = 'counter';
-- evidence?: Before, {result} packets had been forwarded there ({v_forw}).
SELECT sum(delta) FROM _moved WHERE name = {v_forw} AND netns IS {netns} AND delta > 0;
-- packets:
SELECT d.packet_id FROM packet_drop d LEFT JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND d.reason IS {reason} AND f.dst IS {flow_dst} ORDER BY d.id LIMIT 20;
-- advice: If this host should route, switch forwarding on, and keep it so in /etc/sysctl.d.
-- command: {ns}sysctl -w {v_key}=1
-- undo: {ns}sysctl -w {v_key}=0
-- when: SELECT {v_off} = 1
-- advice: Find out what switches it off and on (a script, a network manager, a container engine that restarts).
-- command: {ns}sysctl {v_key}
-- when: SELECT {v_off} = 0
-- advice: If it should not, the sender uses it as a gateway by mistake: correct the route there.
-- ruled-out: Not a missing route: a route to the destination exists, the lookup failed for the sake of the setting.
-- when: SELECT {reason} = 'IP_INADDRERRORS'
-- ruled-out: Not a firewall rule: netfilter dropped nothing in this namespace.
-- when: SELECT NOT EXISTS (SELECT 1 FROM _drop_group WHERE reason = 'NETFILTER_DROP' AND (netns IS {netns} OR netns IS NULL))

-- SPDX-License-Identifier: MIT
-- cause: ip-header-malformed
-- severity: warning
-- tested: live
-- uses: events, frames, counters
-- how: At least 5 drops in a namespace where IP reads headers and options (ip_rcv_core, ip_rcv_finish_core, ip6_rcv_core and the like) with
--   reason IP_INHDR, PKT_TOO_SMALL or IPV6_BAD_EXTHDR, in an extension header of IPv6 (an option that is not known and tells to discard the
--   packet, RFC 8200, 4.2, too), or with none while Ip.InHdrErrors or InTruncatedPkts grew as far. IP_INHDR of
--   forwarding is an expired TTL and left out; where the function is not known it counts only if no ICMP "time exceeded" was
--   made. Wrong header checksums have a cause of their own.
-- title: Malformed IP headers[[ from {flow_src}]][[ at {dev}]]
-- summary: {packets} packets[[ from {flow_src} to {flow_dst}]] were dropped[[ at {dev}]][[ in {netns}]] because their IP header is malformed:
--   {v_short} shorter than their header says, {v_header} with a wrong version, length, option or extension header.
WITH hit AS (
	SELECT t.*,
		t.reason = 'PKT_TOO_SMALL' AS short
	FROM _drop_target t
	WHERE (t.function IN ('ip_rcv_core', 'ip_rcv', 'ip_rcv_finish_core', 'ip_rcv_finish', 'ip6_rcv_core', 'ipv6_rcv', 'ip_rcv_options')
			AND (t.reason IN ('IP_INHDR', 'PKT_TOO_SMALL', 'INVALID_PROTO')
				OR (t.reason IS NULL AND t.function IN ('ip_rcv_core', 'ip6_rcv_core')
					AND (SELECT total(m.delta) FROM _moved m WHERE m.name IN ('Ip.InHdrErrors', 'IpExt.InTruncatedPkts', 'Ip6InHdrErrors', 'Ip6InTruncatedPkts')
						AND m.delta > 0 AND (m.netns = t.netns OR t.netns IS NULL)) >= t.drops)))
		OR t.reason = 'IPV6_BAD_EXTHDR'
		OR (t.function IN ('ip6_tlvopt_unknown', 'ip6_parse_tlv', 'ipv6_destopt_rcv', 'ipv6_rthdr_rcv', 'ipv6_parse_hopopts') AND t.reason IN ('UNHANDLED_PROTO', 'IP_INHDR', 'NOT_SPECIFIED'))
		OR (t.function = '?' AND t.reason = 'IP_INHDR'
			AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.name IN ('Icmp.OutTimeExcds', 'Icmp6OutTimeExcds') AND m.delta > 0))
)
SELECT
	CASE WHEN sum(h.drops) >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN max(h.function) = '?' THEN 0.6 WHEN max(h.reason) IS NULL THEN 0.7 WHEN max(h.netns_by) IS NOT NULL OR h.netns IS NULL THEN 0.85 ELSE 0.95 END AS confidence,
	h.netns,
	CASE WHEN min(h.dev) = max(h.dev) THEN min(h.dev) END AS dev,
	CASE WHEN min(h.function) = max(h.function) THEN min(h.function) ELSE max(h.function) END AS function,
	max(h.reason) AS reason,
	max(h.flow_id) AS flow_id,
	CASE WHEN min(h.proto) = max(h.proto) THEN min(h.proto) END AS flow_proto,
	CASE WHEN min(h.src) = max(h.src) THEN min(h.src) END AS flow_src,
	CASE WHEN min(h.dst) = max(h.dst) THEN min(h.dst) END AS flow_dst,
	CASE WHEN min(h.dport) = max(h.dport) THEN min(h.dport) END AS flow_dport,
	min(h.from_ns) AS from_ns,
	max(h.to_ns) AS to_ns,
	sum(h.drops) AS packets,
	nullif(sum(h.flows), 0) AS flows,
	sum(CASE WHEN h.short THEN h.drops ELSE 0 END) AS v_short,
	sum(CASE WHEN h.short THEN 0 ELSE h.drops END) AS v_header
FROM hit h
GROUP BY h.netns
HAVING sum(h.drops) >= 5
ORDER BY sum(h.drops) DESC, h.netns;

-- evidence: {result} packets were freed where headers are read ({reasons}[[ in {functions}]]).
SELECT sum(drops), coalesce(group_concat(DISTINCT reason), 'no reasons') AS reasons, group_concat(DISTINCT function) AS functions FROM _drop_target WHERE netns IS {netns} AND (reason IN ('IP_INHDR', 'PKT_TOO_SMALL', 'INVALID_PROTO', 'IPV6_BAD_EXTHDR', 'UNHANDLED_PROTO') OR reason IS NULL) AND (function IN ('ip_rcv_core', 'ip_rcv', 'ip_rcv_finish_core', 'ip_rcv_finish', 'ip6_rcv_core', 'ipv6_rcv', 'ip_rcv_options', '?') OR reason = 'IPV6_BAD_EXTHDR' OR (function IN ('ip6_tlvopt_unknown', 'ip6_parse_tlv', 'ipv6_destopt_rcv', 'ipv6_rthdr_rcv', 'ipv6_parse_hopopts') AND reason <> 'IPV6_BAD_EXTHDR'));
-- evidence?: The counters of bad headers grew by {result} in {netns} ({names}).
SELECT sum(delta), group_concat(DISTINCT name) AS names FROM _moved WHERE name IN ('Ip.InHdrErrors', 'IpExt.InTruncatedPkts', 'Ip6InHdrErrors', 'Ip6InTruncatedPkts') AND netns IS {netns} AND delta > 0;
-- evidence?: The capture finds fault with {result} frames there too: "{problem}".
SELECT sum(count(*)) OVER (), problem, count(*) AS n FROM frame WHERE netns IS {netns} AND problem IS NOT NULL AND direction = 'in' GROUP BY problem ORDER BY n DESC, problem;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND packet_id IS NOT NULL AND (netns IS {netns} OR netns IS NULL) ORDER BY id LIMIT 20;
-- advice: Find the sender by the MAC address and look at its packets, or at the hop (tunnel, NIC, middlebox) that cuts or rewrites them.
-- command: {ns}tcpdump -c 10 -nnvve -i {dev} ip or ip6
-- when: SELECT {dev} IS NOT NULL
-- ruled-out: Not an expired TTL: forwarding would drop that, in another place.
-- when: SELECT {function} <> '?'
-- ruled-out: Not a wrong header checksum: that has a reason of its own.
-- when: SELECT {reason} IS NOT NULL

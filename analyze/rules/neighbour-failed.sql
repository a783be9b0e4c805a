-- SPDX-License-Identifier: MIT
-- cause: neighbour-failed
-- severity: warning
-- tested: live
-- uses: events, counters, config
-- symptom-of: link-down/dev
-- how: At least 5 drops with reason NEIGH_FAILED or in neigh_invalidate, arp_error_report, ndisc_error_report (no reason for IPv6), joined with the
--   neighbours of that address family that were FAILED or INCOMPLETE in a snapshot, those first whose state changed during the
--   recording. These drops come seconds after the packets, from a timer, and name no device: with one such neighbour they
--   are its, with more the finding names the first of them, a gateway before others. A scan of a network
--   (many failing neighbours, 3 drops each at most) is info.
-- title: Neighbour[[ {v_address}]] does not resolve[[ on {dev}]]
-- summary: {packets} packets were dropped because the next hop[[ {v_address}]][[ on {dev}]][[ in {netns}]] did not answer (ARP or neighbour
--   discovery); send() had reported success[[. {v_role}]].
WITH ev AS (
	SELECT CASE protocol WHEN 0x86DD THEN 10 ELSE 2 END AS family, -- AF_INET6, AF_INET
		sum(drops) AS drops, max(function) AS function, max(reason) AS reason, min(first_ns) AS from_ns, max(last_ns) AS to_ns,
		CASE WHEN min(netns) = max(netns) AND count(netns) = count(*) THEN min(netns) END AS netns
	FROM _drop_group
	WHERE reason = 'NEIGH_FAILED' OR (coalesce(reason, 'NOT_SPECIFIED') = 'NOT_SPECIFIED' AND function IN ('arp_error_report', 'neigh_invalidate', 'ndisc_error_report'))
	GROUP BY 1
), all_neigh AS (
	SELECT n.netns, n.dev, n.address, n.family,
		max(n.state = 'FAILED') AS failed,
		max(n.state IN ('FAILED', 'INCOMPLETE')) AS bad,
		count(*) > 1 OR min(n.snap_ns) > (SELECT min(end_ns) FROM snapshot) AS moved, -- tried during the recording
		max(CASE WHEN n.state IN ('REACHABLE', 'STALE', 'DELAY', 'PROBE', 'PERMANENT') THEN n.snap_ns END)
			> max(CASE WHEN n.state IN ('FAILED', 'INCOMPLETE') THEN n.snap_ns END) AS well,
		(SELECT count(*) FROM route r WHERE r.netns = n.netns AND r.gateway = n.address) AS routes
	FROM neigh n
	GROUP BY n.netns, n.dev, n.address, n.family
), best AS (
	SELECT b.*, e.function, e.reason, e.drops, e.from_ns, e.to_ns, e.netns AS ev_netns,
		sum(b.moved) OVER (PARTITION BY e.family) AS moving,
		count(*) OVER (PARTITION BY e.family) AS neighbours,
		row_number() OVER (PARTITION BY e.family ORDER BY b.moved DESC, b.routes > 0 DESC, b.failed DESC, b.netns, b.dev, b.address) AS nth
	FROM ev e
	JOIN all_neigh b ON b.family = e.family AND b.bad AND NOT coalesce(b.well, 0) AND (e.netns IS NULL OR e.netns = b.netns)
)
SELECT
	CASE WHEN max(b.moving, 1) > 5 AND e.drops <= 3 * b.moving AND coalesce(b.routes, 0) = 0 THEN 'info'
		WHEN b.routes > 0 OR e.drops >= 50 THEN 'critical' ELSE 'warning' END AS severity,
	CASE WHEN b.neighbours = 1 OR b.moving = 1 THEN 0.95 WHEN b.routes > 0 THEN 0.8 ELSE 0.7 END AS confidence,
	coalesce(e.netns, b.netns) AS netns,
	b.dev,
	e.function,
	e.reason,
	b.address AS flow_dst,
	e.from_ns,
	e.to_ns,
	e.drops AS packets,
	b.address AS v_address,
	CASE WHEN b.moving > 0 THEN b.moving ELSE b.neighbours END AS v_neighbours,
	CASE WHEN b.routes > 0 THEN 'It is the gateway of ' || b.routes || CASE b.routes WHEN 1 THEN ' route' ELSE ' routes' END
		|| ', so everything behind it is cut off' END AS v_role
FROM ev e
LEFT JOIN best b ON b.nth = 1 AND b.family = e.family
WHERE e.drops >= 5
ORDER BY e.drops DESC, e.family;

-- evidence: {result} packets that waited for a neighbour were freed[[ with reason {reason}]][[ in {function}]].
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason IS {reason};
-- evidence?: {address} on {dev} in {netns} was {state} in a snapshot ({result} of them).
SELECT count(*), address, dev, netns, max(state) AS state FROM neigh WHERE netns IS {netns} AND dev = {dev} AND address = {v_address} AND state IN ('FAILED', 'INCOMPLETE');
-- evidence?: The kernel counted {result} failed resolutions (arp_cache, res_failed; of the machine).
SELECT sum(delta) FROM _moved WHERE source IN ('arp_cache', 'ndisc_cache') AND name = 'res_failed' AND delta > 0;
-- evidence?: {result} neighbours did not resolve; the drops cannot be told apart between them.
SELECT {v_neighbours} WHERE {v_neighbours} > 1;
-- packets:
SELECT packet_id FROM packet_drop WHERE function = {function} AND reason IS {reason} AND packet_id IS NOT NULL ORDER BY id LIMIT 20;
-- advice: Is the neighbour up, in the same network segment and VLAN, does it answer ARP? Ask it directly.
-- command: {ns}arping -c 3 -I {dev} {v_address}
-- when: SELECT {dev} IS NOT NULL AND {v_address} NOT LIKE '%:%'
-- advice: Is the neighbour up, in the same network segment and VLAN, does it answer neighbour solicitations? Ask it directly.
-- command: {ns}ping -c 3 -I {dev} {v_address}
-- when: SELECT {dev} IS NOT NULL AND {v_address} LIKE '%:%'
-- ruled-out: Not a missing route: the route named this next hop.
-- ruled-out: Not a firewall or qdisc: the packets waited for the address of the next hop and had not come there yet.

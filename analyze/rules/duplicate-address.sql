-- SPDX-License-Identifier: MIT
-- cause: duplicate-address
-- severity: warning
-- tested: live
-- uses: config, events
-- how: An IPv6 address whose duplicate address detection failed (IFA_F_DADFAILED; the kernel log names the other MAC address); or one address that two
--   devices of this host have whose veth peers are ports of one bridge, or that are macvlans of one device and both of which a neighbour entry shows; or a neighbour entry whose MAC address went
--   to another one and back during the recording. One change alone is a failover and left out. IPv4 has no detection of
--   its own in the kernel, so of two other hosts only the neighbour entry tells.
-- title: Address {flow_dst} is used twice
-- summary: {flow_dst} {v_what}.
WITH wired AS (
	SELECT a.address, a.family, a.netns, a.dev, p.netns_id AS bridge_ns, p.master_ifindex AS bridge, d.mac, d.id
	FROM addr a
	JOIN netdev d ON d.netns_id = a.netns_id AND d.name = a.dev AND d.flags & 1
	JOIN netdev p ON p.id = d.peer_id AND p.master_ifindex IS NOT NULL
	JOIN netdev b ON b.netns_id = p.netns_id AND b.ifindex = p.master_ifindex AND b.kind = 'bridge'
	WHERE a.address NOT LIKE 'fe80:%'
	UNION ALL -- macvlan devices of one lower device are neighbours too
	SELECT a.address, a.family, a.netns, a.dev, coalesce(d.link_netns_id, 0), -d.link_ifindex, d.mac, d.id
	FROM addr a
	JOIN netdev d ON d.netns_id = a.netns_id AND d.name = a.dev AND d.flags & 1 AND d.kind = 'macvlan' AND d.link_ifindex IS NOT NULL
	WHERE a.address NOT LIKE 'fe80:%'
), twice AS (
	SELECT x.*, y.netns AS other_netns, y.dev AS other_dev, y.mac AS other_mac,
		(SELECT coalesce(sum(t.drops), 0) FROM _drop_target t WHERE t.netns = x.netns AND t.dst = x.address AND t.class IN ('loss', 'policy')) AS drops,
		row_number() OVER (PARTITION BY x.address, x.bridge_ns, x.bridge ORDER BY
			(SELECT coalesce(sum(t.drops), 0) FROM _drop_target t WHERE t.netns = x.netns AND t.dst = x.address AND t.class IN ('loss', 'policy')) DESC, x.id, y.id) AS nth
	FROM wired x
	JOIN wired y ON y.address = x.address AND y.bridge_ns = x.bridge_ns AND y.bridge = x.bridge AND y.id <> x.id
	-- which namespace a macvlan's lower device is in is not always known: then a neighbour entry has to show that one wire has both
	WHERE x.bridge > 0 OR (SELECT count(DISTINCT n.mac) FROM neigh n WHERE n.address = x.address AND n.mac IN (x.mac, y.mac)) = 2
), flip AS (
	SELECT n.netns, n.dev, n.address, n.family, n.snap_ns, n.mac,
		n.mac <> lag(n.mac) OVER (PARTITION BY n.netns, n.dev, n.address ORDER BY n.snap_ns) AS moved
	FROM neigh n
	WHERE n.mac IS NOT NULL
), flips AS (
	SELECT netns, dev, address, sum(moved) AS n, count(DISTINCT mac) AS macs, group_concat(DISTINCT mac) AS list, min(snap_ns) AS from_ns, max(snap_ns) AS to_ns
	FROM flip
	GROUP BY netns, dev, address
	HAVING sum(moved) > count(DISTINCT mac) - 1 AND count(DISTINCT mac) >= 2
)
SELECT
	'warning' AS severity,
	0.97 AS confidence,
	a.netns,
	a.dev,
	a.address AS flow_dst,
	NULL AS from_ns,
	NULL AS to_ns,
	NULL AS packets,
	20 AS harm,
	'of ' || a.dev || ' failed duplicate address detection: another host answers for it, so this one does not use it' AS v_what,
	'dad' AS v_by,
	NULL AS v_macs,
	NULL AS v_other_netns,
	NULL AS v_other_dev
FROM addr a
WHERE a.family = 10 AND a.flags & 8 -- IFA_F_DADFAILED
UNION ALL
SELECT 'warning', 0.92, t.netns, t.dev, t.address, NULL, NULL, nullif(t.drops, 0), max(20, t.drops),
	'is an address of ' || t.dev || ' in ' || t.netns || ' and of ' || t.other_dev || ' in ' || t.other_netns || ', which are on one '
		|| CASE WHEN t.bridge > 0 THEN 'bridge' ELSE 'wire' END || ': who gets a packet for it is chance',
	'host', coalesce(t.mac, '?') || ',' || coalesce(t.other_mac, '?'), t.other_netns, t.other_dev
FROM twice t
WHERE t.nth = 1 AND NOT EXISTS (SELECT 1 FROM addr a WHERE a.family = 10 AND a.flags & 8 AND a.address = t.address)
UNION ALL
SELECT 'warning', 0.8, f.netns, f.dev, f.address, f.from_ns, f.to_ns, NULL, 20,
	'changed its MAC address ' || f.n || ' times, to and fro: ' || replace(f.list, ',', ', ') || ' both answer for it', 'neigh', f.list, NULL, NULL
FROM flips f
WHERE NOT EXISTS (SELECT 1 FROM twice t WHERE t.address = f.address)
ORDER BY 9 DESC, 3, 4, 5;

-- evidence?: {flow_dst} on {dev} has the flag "dadfailed" ({result:n address}).
SELECT count(*) FROM addr WHERE netns IS {netns} AND dev = {dev} AND address = {flow_dst} AND family = 10 AND flags & 8;
-- evidence?: The kernel log: "{result}".
SELECT text FROM kmsg WHERE text LIKE '%duplicate address%' AND text LIKE '%' || {flow_dst} || ' %' ORDER BY ts_ns;
-- evidence?: {result} devices of this host have the address: {list}.
SELECT nullif(count(*), 1), group_concat(dev || ' in ' || netns, ', ') AS list FROM addr WHERE address = {flow_dst} AND {v_by} <> 'neigh';
-- evidence?: Neighbour entries for it had {result} MAC addresses: {list}.
SELECT nullif(count(DISTINCT mac), 1), group_concat(DISTINCT mac) AS list FROM neigh WHERE address = {flow_dst} AND mac IS NOT NULL HAVING count(DISTINCT mac) > 1;
-- evidence?: {result} packets for it were refused in {netns}.
SELECT sum(drops) FROM _drop_target WHERE netns IS {netns} AND dst = {flow_dst} AND class IN ('loss', 'policy') AND {v_by} = 'host';
-- advice: Give one of them another address; see who else answers for it.
-- command: {ns}ip neigh show {flow_dst}; {ns}arping -D -c 3 -I {dev} {flow_dst}
-- when: SELECT {flow_dst} NOT LIKE '%:%'
-- advice: Give one of them another address; see the state of this host's own.
-- command: {ns}ip -6 addr show dev {dev}
-- when: SELECT {flow_dst} LIKE '%:%'
-- ruled-out: Not a failover: the MAC address changed back.
-- when: SELECT {v_by} = 'neigh'

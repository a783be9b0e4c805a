-- SPDX-License-Identifier: MIT
-- cause: rp-filter
-- severity: info
-- tested: replay
-- uses: frames, counters, config
-- needs: frames
-- how: The reverse path filter dropped one to four packets in a namespace, fewer than what the rule rp-filter calls a fault, and frames show the routes that it will go on
--   dropping for: on a device with the strict mode (1 in force, the greater one of 'all' and the device) packets of an address arrived to which this namespace itself
--   sends by another device and never by that one. Bridge and bond ports and devices that were seen for both directions are left out.
-- title: Answers from {flow_src} arrive on {dev}, where the strict reverse path filter drops them
-- summary: This host sends to {flow_src} by {v_out}, but {packets:n packet} from there arrived on {dev}, which accepts only packets whose way back leads over itself (rp_filter is 1). The
--   filter dropped {v_drops} in {netns}, so far.
WITH few AS (
	SELECT netns, sum(delta) AS n
	FROM _moved
	WHERE name = 'TcpExt.IPReversePathFilter' AND delta > 0
	GROUP BY netns
	HAVING sum(delta) < 5
), filter AS (
	SELECT w.netns, w.n, d.netns_id, d.name AS dev, d.ifindex, s.value AS own, max(CAST(s.value AS INTEGER), CAST(coalesce(a.value, '0') AS INTEGER)) AS mode
	FROM few w JOIN netdev d ON d.netns = w.netns AND d.master_ifindex IS NULL
	JOIN sysctl s ON s.netns_id = d.netns_id AND s.name = 'net.ipv4.conf.' || replace(d.name, '.', '/') || '.rp_filter'
	LEFT JOIN sysctl a ON a.netns_id = d.netns_id AND a.name = 'net.ipv4.conf.all.rp_filter'
), seen AS (
	SELECT f.netns_id, f.dev_id, f.direction, CASE f.direction WHEN 0 THEN l.src ELSE l.dst END AS peer, CASE f.direction WHEN 0 THEN l.dst ELSE l.src END AS own, count(*) AS n
	FROM _frame f JOIN flow l ON l.id = f.flow_id
	WHERE f.ethertype = 2048 AND f.netns_id IN (SELECT netns_id FROM filter)
	GROUP BY 1, 2, 3, 4, 5
)
SELECT
	0.85 AS confidence,
	x.netns,
	x.dev,
	i.peer AS flow_src,
	i.own AS flow_dst,
	i.n AS packets,
	x.n AS v_drops,
	x.own AS v_dev,
	(SELECT min(n.text) FROM seen o JOIN _name n ON n.id = o.dev_id WHERE o.netns_id = i.netns_id AND o.direction = 1 AND o.peer = i.peer AND o.own = i.own) AS v_out,
	(SELECT sum(o.n) FROM seen o WHERE o.netns_id = i.netns_id AND o.direction = 1 AND o.peer = i.peer AND o.own = i.own) AS v_sent
FROM filter x JOIN _name d ON d.text = x.dev
JOIN seen i ON i.netns_id = x.netns_id AND i.dev_id = d.id AND i.direction = 0
WHERE x.mode = 1
	AND EXISTS (SELECT 1 FROM seen o WHERE o.netns_id = i.netns_id AND o.direction = 1 AND o.peer = i.peer AND o.own = i.own)
	AND NOT EXISTS (SELECT 1 FROM seen o WHERE o.netns_id = i.netns_id AND o.direction = 1 AND o.peer = i.peer AND o.dev_id = i.dev_id)
ORDER BY i.n DESC, x.netns, x.dev, i.peer, i.own
LIMIT 1;

-- evidence: TcpExt.IPReversePathFilter grew by {result} in {netns}.
SELECT sum(delta) FROM _moved WHERE name = 'TcpExt.IPReversePathFilter' AND netns IS {netns} AND delta > 0;
-- evidence: {result:n frame} to {flow_src} left by {v_out}, none by {dev}.
SELECT {v_sent};
-- evidence: {result:n frame} from {flow_src} arrived on {dev}.
SELECT {packets};
-- advice: See which way the kernel would send an answer; if it is wrong, correct the route.
-- command: {ns}ip route get {flow_src}
-- advice: If the two directions are meant to differ, use the loose mode on that device (the source must be reachable by some route).
-- command: {ns}sysctl -w net/ipv4/conf/{dev}/rp_filter=2
-- undo: {ns}sysctl -w net/ipv4/conf/{dev}/rp_filter={v_dev}

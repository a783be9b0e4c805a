-- SPDX-License-Identifier: MIT
-- cause: routing-loop
-- severity: critical
-- tested: live
-- uses: events, frames, counters
-- partial: yes
-- how: At least 3 drops with reason IP_INHDR (or none) in ip_forward or ip6_forward of flows of which one and the same packet
--   (equal IP identification) was captured coming in at one device with at least 3 different TTLs: it came by again and again.
--   Without identification (IPv6, DF): at least 5 TTLs of one flow at one device that are each 2 or more apart, as a loop of two or more
--   routers makes them; probes of the way (mtr) go up by one. A packet that comes back to its own sender dies there at once
--   (IP_LOCAL_SOURCE): then the captured TTL is lower than that with which it left.
-- title: Packets to {flow_dst} circle until their TTL expires
-- summary: {packets} packets to {flow_dst} {v_how}: two routers send them to each other.
WITH dead AS (
	SELECT t.* FROM _drop_target t
	WHERE (t.function IN ('ip_forward', 'ip6_forward', 'ip_error') AND (t.reason = 'IP_INHDR' OR t.reason IS NULL) OR (t.function = '?' AND t.reason = 'IP_INHDR')) AND t.dst IS NOT NULL
), own AS ( -- came back to its sender, with a lower TTL
	SELECT t.*,
		(SELECT max(f.ttl) FROM flow w JOIN _frame f ON f.flow_id = w.id WHERE w.src = t.src AND w.dst = t.dst AND w.netns = t.netns AND f.direction = 1) AS sent_ttl,
		(SELECT max(f.ttl) FROM flow w JOIN _frame f ON f.flow_id = w.id WHERE w.src = t.src AND w.dst = t.dst AND w.netns = t.netns AND f.direction = 0) AS back_ttl
	FROM _drop_target t
	WHERE t.reason = 'IP_LOCAL_SOURCE' AND t.src IS NOT NULL AND t.dst IS NOT NULL AND t.netns IS NOT NULL
), round AS (
	SELECT w.dst, f.netns_id, f.dev_id, f.ip_id, f.flow_id, count(DISTINCT f.ttl) AS ttls, max(f.ttl) - min(f.ttl) AS span
	FROM flow w JOIN _frame f ON f.flow_id = w.id
	WHERE w.dst IN (SELECT dst FROM dead) AND f.direction = 0 AND f.ttl IS NOT NULL
	GROUP BY w.dst, f.netns_id, f.dev_id, f.flow_id, nullif(f.ip_id, 0)
	HAVING (f.ip_id <> 0 AND count(DISTINCT f.ttl) >= 3) OR (count(DISTINCT f.ttl) >= 5 AND span >= 2 * (ttls - 1))
)
SELECT
	CASE WHEN sum(d.drops) >= 10 THEN 'critical' ELSE 'warning' END AS severity,
	CASE max(d.function) WHEN '?' THEN 0.85 ELSE 0.95 END AS confidence,
	CASE WHEN min(d.netns) = max(d.netns) THEN min(d.netns) END AS netns,
	CASE WHEN min(d.dev) = max(d.dev) AND min(d.netns) = max(d.netns) THEN min(d.dev) END AS dev,
	max(d.function) AS function,
	max(d.reason) AS reason,
	max(d.flow_id) AS flow_id,
	max(d.proto) AS flow_proto,
	CASE WHEN min(d.src) = max(d.src) THEN min(d.src) END AS flow_src,
	d.dst AS flow_dst,
	CASE WHEN min(d.dport) = max(d.dport) THEN min(d.dport) END AS flow_dport,
	min(d.from_ns) AS from_ns,
	max(d.to_ns) AS to_ns,
	sum(d.drops) AS packets,
	'died of an expired TTL' || coalesce(' in ' || CASE WHEN min(d.netns) = max(d.netns) THEN min(d.netns) END, '')
		|| ', after the same packet had come by up to ' || (SELECT max(ttls) FROM round r WHERE r.dst = d.dst) || ' times' AS v_how,
	NULL AS v_sent,
	NULL AS v_back
FROM dead d
WHERE d.dst IN (SELECT dst FROM round)
GROUP BY d.dst
HAVING sum(d.drops) >= 3
UNION ALL
SELECT CASE WHEN o.drops >= 10 THEN 'critical' ELSE 'warning' END, 0.9, o.netns, o.dev, o.function, o.reason, o.flow_id, o.proto, o.src, o.dst, o.dport, o.from_ns, o.to_ns, o.drops,
	'came back to ' || o.netns || ', which had sent them, and were dropped there', o.sent_ttl, o.back_ttl
FROM own o
WHERE o.drops >= 3 AND o.back_ttl < o.sent_ttl
ORDER BY 14 DESC, 10;

-- evidence: {result} packets to {flow_dst} were freed[[ in {function}]][[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason IS {reason} AND dst = {flow_dst};
-- evidence?: They left with TTL {result} and came back with {v_back}.
SELECT {v_sent};
-- evidence?: One packet (IP identification {ip_id}) came in at the same device with {result} different TTLs, from {hi} down to {lo}.
SELECT nullif(count(DISTINCT f.ttl), 1), f.ip_id, max(f.ttl) AS hi, min(f.ttl) AS lo FROM flow w JOIN _frame f ON f.flow_id = w.id WHERE w.dst = {flow_dst} AND f.direction = 0 AND f.ip_id <> 0 GROUP BY f.netns_id, f.dev_id, f.flow_id, f.ip_id ORDER BY count(DISTINCT f.ttl) DESC, f.ip_id;
-- evidence?: Packets of one flow came in at the same device with {result} different TTLs, from {hi} down to {lo}, never two in a row.
SELECT count(DISTINCT f.ttl), max(f.ttl) AS hi, min(f.ttl) AS lo FROM flow w JOIN _frame f ON f.flow_id = w.id WHERE w.dst = {flow_dst} AND f.direction = 0 AND coalesce(f.ip_id, 0) = 0 GROUP BY f.netns_id, f.dev_id, f.flow_id HAVING count(DISTINCT f.ttl) >= 5 ORDER BY count(DISTINCT f.ttl) DESC, f.flow_id;
-- evidence?: Ip.InHdrErrors or Ip6InHdrErrors grew by {result}.
SELECT sum(delta) FROM _moved WHERE name IN ('Ip.InHdrErrors', 'Ip6InHdrErrors') AND delta > 0 AND {v_sent} IS NULL;
-- packets:
SELECT d.packet_id FROM packet_drop d JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND f.dst = {flow_dst} ORDER BY d.id LIMIT 20;
-- advice: Compare the routes to {flow_dst} on the routers of the loop; each sends to the other.
-- command: {ns}ip route get {flow_dst}
-- ruled-out: Not a sender's small TTL (traceroute): the same packet passed again and again.

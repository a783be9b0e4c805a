-- SPDX-License-Identifier: MIT
-- cause: routing-loop
-- severity: critical
-- tested: live
-- uses: events, frames, counters
-- how: At least 3 drops with reason IP_INHDR (or none) in ip_forward or ip6_forward of flows of which one and the same packet
--   (equal IP identification) was captured coming in at one device with at least 3 different TTLs: it came by again and again.
-- title: Packets to {flow_dst} circle until their TTL expires
-- summary: {packets} packets to {flow_dst} died of an expired TTL[[ in {netns}]], after the same packet had come by up to {v_rounds} times: two
--   routers send them to each other.
WITH dead AS (
	SELECT t.* FROM _drop_target t
	WHERE (t.function IN ('ip_forward', 'ip6_forward', 'ip_error') AND (t.reason = 'IP_INHDR' OR t.reason IS NULL) OR (t.function = '?' AND t.reason = 'IP_INHDR')) AND t.dst IS NOT NULL
), round AS (
	SELECT w.dst, f.netns_id, f.dev_id, f.ip_id, f.flow_id, count(DISTINCT f.ttl) AS ttls, max(f.ttl) - min(f.ttl) AS span
	FROM flow w JOIN _frame f ON f.flow_id = w.id
	WHERE w.dst IN (SELECT dst FROM dead) AND f.direction = 0 AND f.ip_id <> 0 AND f.ttl IS NOT NULL
	GROUP BY w.dst, f.netns_id, f.dev_id, f.flow_id, f.ip_id
	HAVING count(DISTINCT f.ttl) >= 3
)
SELECT
	CASE WHEN sum(d.drops) >= 10 THEN 'critical' ELSE 'warning' END AS severity,
	CASE max(d.function) WHEN '?' THEN 0.85 ELSE 0.95 END AS confidence,
	CASE WHEN min(d.netns) = max(d.netns) THEN min(d.netns) END AS netns,
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
	(SELECT max(ttls) FROM round r WHERE r.dst = d.dst) AS v_rounds
FROM dead d
WHERE d.dst IN (SELECT dst FROM round)
GROUP BY d.dst
HAVING sum(d.drops) >= 3
ORDER BY sum(d.drops) DESC, d.dst;

-- evidence: {result} packets to {flow_dst} were freed in {function}[[ with reason {reason}]].
SELECT sum(drops) FROM _drop_target WHERE function = {function} AND reason IS {reason} AND dst = {flow_dst};
-- evidence: One packet (IP identification {ip_id}) came in at the same device with {result} different TTLs, from {hi} down to {lo}.
SELECT count(DISTINCT f.ttl), f.ip_id, max(f.ttl) AS hi, min(f.ttl) AS lo FROM flow w JOIN _frame f ON f.flow_id = w.id WHERE w.dst = {flow_dst} AND f.direction = 0 AND f.ip_id <> 0 GROUP BY f.netns_id, f.dev_id, f.flow_id, f.ip_id ORDER BY count(DISTINCT f.ttl) DESC, f.ip_id;
-- evidence?: Ip.InHdrErrors grew by {result}.
SELECT sum(delta) FROM _moved WHERE name IN ('Ip.InHdrErrors', 'Ip6InHdrErrors') AND delta > 0;
-- packets:
SELECT d.packet_id FROM packet_drop d JOIN flow f ON f.id = d.flow_id WHERE d.function = {function} AND f.dst = {flow_dst} ORDER BY d.id LIMIT 20;
-- advice: Compare the routes to {flow_dst} on the routers of the loop; each sends to the other.
-- command: {ns}ip route get {flow_dst}
-- ruled-out: Not a sender's small TTL (traceroute): the same packet passed again and again.

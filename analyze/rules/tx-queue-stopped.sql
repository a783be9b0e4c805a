-- SPDX-License-Identifier: MIT
-- cause: tx-queue-stopped
-- severity: critical
-- tested: replay
-- uses: events, counters, config
-- partial: yes
-- how: net_dev_xmit_timeout was recorded, or tx_timeout of a transmit queue grew, or the kernel log has the watchdog's message of
--   it: the driver took no packet from a queue for the watchdog's time (5 s as a rule), then was reset. Once is
--   enough: nothing left through that queue for seconds.
-- title: Transmit queue of {dev} stood still
-- summary: The transmit watchdog of {dev} ran out[[ {packets:n time}]]: its driver or hardware took no packet for seconds.
WITH hit AS (
	SELECT json_extract(e.fields, '$.name') AS dev, NULL AS netns, count(*) AS n, min(e.ts_ns) AS from_ns, max(e.ts_ns) AS to_ns
	FROM event e
	WHERE e.name = 'net_dev_xmit_timeout'
	GROUP BY 1
	UNION ALL
	SELECT dev, netns, sum(delta), NULL, NULL FROM _moved WHERE name LIKE '%tx_timeout' AND dev IS NOT NULL AND delta > 0 GROUP BY dev, netns
	UNION ALL
	SELECT d.name, d.netns, count(*), min(k.ts_ns), max(k.ts_ns)
	FROM kmsg k JOIN netdev d ON k.text LIKE 'NETDEV WATCHDOG: ' || d.name || ' %' OR k.text LIKE '% ' || d.name || ': NETDEV WATCHDOG:%' OR k.text LIKE '% ' || d.name || ': transmit queue % timed out%'
	GROUP BY d.name, d.netns
)
SELECT
	0.9 AS confidence,
	coalesce(max(h.netns), (SELECT min(netns) FROM netdev d WHERE d.name = h.dev)) AS netns,
	h.dev,
	min(h.from_ns) AS from_ns,
	max(h.to_ns) AS to_ns,
	max(h.n) AS packets
FROM hit h
WHERE h.dev IS NOT NULL
GROUP BY h.dev
ORDER BY max(h.n) DESC, h.dev;

-- evidence?: net_dev_xmit_timeout was recorded {result:n time} for {dev}.
SELECT count(*) FROM event WHERE name = 'net_dev_xmit_timeout' AND json_extract(fields, '$.name') = {dev};
-- evidence?: The kernel log: "{result}".
SELECT text FROM kmsg WHERE (text LIKE '%NETDEV WATCHDOG%' OR text LIKE '%transmit queue%timed out%') AND text LIKE '%' || {dev} || '%' ORDER BY ts_ns;
-- evidence?: tx_timeout of {dev} grew by {result}.
SELECT sum(delta) FROM _moved WHERE name LIKE '%tx_timeout' AND dev = {dev} AND delta > 0;
-- evidence?: Its driver is {result}.
SELECT value FROM dev_feature WHERE dev = {dev} AND kind = 'driver' AND name = 'driver';
-- advice: Look at the driver and the firmware; update them, and take the link partner's flow control (pause frames) into account.
-- command: {ns}ethtool -S {dev}
-- advice: If it comes back, set the link down and up, from elsewhere than over this link; routes over it and IPv6 addresses set by hand have to be set again.
-- command: {ns}ip link set {dev} down && {ns}ip link set {dev} up
-- ruled-out: Not a full qdisc: that is its consequence.

-- SPDX-License-Identifier: MIT
-- cause: conntrack-insert-failed
-- severity: info
-- tested: replay
-- uses: counters, config
-- how: The tables of all namespaces, which share one hash table, held 5 times as many entries as it has buckets, or more, and 10000 at least. The kernel's own ratio of
--   nf_conntrack_max to nf_conntrack_buckets is 1 (4 before 5.15). An entry stands in two chains, so these are ten long on average; each packet walks one, and from 5.15 on
--   an entry is refused whose chain is too long (chaintoolong).
-- title: The hash table of connection tracking is too small for its entries
-- summary: {v_used} entries are spread over {v_buckets} buckets (nf_conntrack_buckets): the chains that each packet has to walk are {v_chain} entries long on
--   average. Nothing was refused for it so far.
WITH used AS (
	SELECT total(n) AS n FROM (SELECT max(value) AS n FROM counter WHERE source = 'conntrack' AND name = 'entries' GROUP BY netns)
), room AS (
	SELECT CAST(u.n AS INTEGER) AS n,
		(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_buckets' ORDER BY netns_id LIMIT 1) AS buckets,
		(SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_max' ORDER BY netns_id LIMIT 1) AS most
	FROM used u
)
SELECT
	0.9 AS confidence,
	r.n AS v_used,
	r.buckets AS v_buckets,
	2 * r.n / r.buckets AS v_chain,
	max(r.n, coalesce(r.most, 0)) AS v_new
FROM room r
WHERE r.buckets > 0 AND r.n >= 10000 AND r.n >= 5 * r.buckets
	AND NOT EXISTS (SELECT 1 FROM _moved m WHERE m.source = 'conntrack' AND m.name IN ('insert_failed', 'chain_toolong') AND m.delta > 0);

-- evidence: All tables together held {result} entries at a snapshot; there are {v_buckets} buckets.
SELECT {v_used};
-- evidence?: nf_conntrack_max allows {result} entries.
SELECT CAST(coalesce(value_end, value) AS INTEGER) FROM sysctl WHERE name = 'net.netfilter.nf_conntrack_max' ORDER BY netns_id;
-- advice: Give the hash table as many buckets as there may be entries (8 bytes each).
-- command: sysctl -w net.netfilter.nf_conntrack_buckets={v_new}
-- undo: sysctl -w net.netfilter.nf_conntrack_buckets={v_buckets}
-- ruled-out: Not a loss so far: insert_failed and chaintoolong stood still.

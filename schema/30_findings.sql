-- SPDX-License-Identifier: MIT
-- Findings: root causes and their proof, and the counters' ledger.

CREATE TABLE ledger (
	-- a counter that changed, and what explains it
	id INTEGER PRIMARY KEY,
	netns TEXT, -- NULL: of the whole machine
	source TEXT NOT NULL,
	name TEXT NOT NULL,
	class TEXT NOT NULL, -- what it counts: loss, refusal, error, policy, limit (reached, and worked around), delay, repair (TCP mends a loss), normal, traffic (a volume), unknown
	dev TEXT,
	cpu INTEGER,
	delta INTEGER NOT NULL,
	explained INTEGER, -- how much of it events explain, NULL: no event can
	unexplained INTEGER,
	explanation TEXT
) STRICT;

CREATE TABLE finding (
	-- a root cause
	id INTEGER PRIMARY KEY, -- 1 is the best
	rank REAL NOT NULL, -- what it was ordered by, greater is worse for the user
	rule TEXT NOT NULL, -- the rule's file name
	cause TEXT NOT NULL, -- a word of the vocabulary, see docs
	severity TEXT NOT NULL CHECK (severity IN ('critical', 'warning', 'info')),
	confidence REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
	title TEXT NOT NULL,
	summary TEXT NOT NULL,
	layer TEXT NOT NULL,
	netns TEXT,
	dev TEXT,
	function TEXT,
	reason TEXT,
	flow_id INTEGER REFERENCES flow(id),
	flow_proto TEXT, -- the flow also where no frame shows it
	flow_src TEXT,
	flow_sport INTEGER,
	flow_dst TEXT,
	flow_dport INTEGER,
	process TEXT,
	pid INTEGER,
	cpu INTEGER,
	from_ns INTEGER,
	to_ns INTEGER,
	packets INTEGER,
	bytes INTEGER,
	flows INTEGER,
	delay_ns INTEGER,
	symptom_of INTEGER REFERENCES finding(id) -- NULL: a cause of its own
) STRICT;

CREATE TABLE finding_evidence (
	-- one proof of a finding
	finding_id INTEGER NOT NULL REFERENCES finding(id),
	seq INTEGER NOT NULL, -- from 1
	text TEXT NOT NULL, -- in words, with the numbers
	sql TEXT, -- that gives the numbers, runs as it stands; NULL: none
	PRIMARY KEY (finding_id, seq)
) STRICT;

CREATE TABLE finding_advice (
	-- what to do
	finding_id INTEGER NOT NULL REFERENCES finding(id),
	seq INTEGER NOT NULL,
	text TEXT NOT NULL,
	command TEXT, -- exact, for this host's values
	undo TEXT, -- how to take it back
	PRIMARY KEY (finding_id, seq)
) STRICT;

CREATE TABLE finding_ruled_out (
	-- what it is not, and why
	finding_id INTEGER NOT NULL REFERENCES finding(id),
	seq INTEGER NOT NULL,
	text TEXT NOT NULL,
	PRIMARY KEY (finding_id, seq)
) STRICT;

CREATE TABLE finding_text (
	-- the rule's template behind a text of a finding, so that a report can be written in another language
	finding_id INTEGER NOT NULL REFERENCES finding(id),
	part TEXT NOT NULL, -- title, summary, evidence, advice, ruled_out
	seq INTEGER NOT NULL, -- of the part, 0 for title and summary
	template TEXT NOT NULL, -- as in the rule, see docs/RULES.md
	PRIMARY KEY (finding_id, part, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE finding_value (
	-- a value that a template names
	finding_id INTEGER NOT NULL REFERENCES finding(id),
	part TEXT NOT NULL, -- as in finding_text
	seq INTEGER NOT NULL,
	name TEXT NOT NULL,
	value ANY, -- NULL: known to be none; no row: the query that gives it had none
	PRIMARY KEY (finding_id, part, seq, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE finding_packet (
	-- packets that show it, worst first
	finding_id INTEGER NOT NULL REFERENCES finding(id),
	packet_id INTEGER NOT NULL,
	PRIMARY KEY (finding_id, packet_id)
) STRICT, WITHOUT ROWID;

-- Working tables of the ledger and of the rules. They stay in the database, because the evidence's SQL reads them.

CREATE TABLE _moved (
	-- a counter that changed during the recording
	netns TEXT, -- NULL: of the whole machine
	source TEXT NOT NULL,
	name TEXT NOT NULL,
	dev TEXT,
	cpu INTEGER,
	delta INTEGER NOT NULL
) STRICT;
CREATE INDEX _moved_name ON _moved(name, source);

CREATE TABLE _drop_group (
	-- drops of one reason, place and flow
	id INTEGER PRIMARY KEY,
	reason TEXT,
	function TEXT NOT NULL,
	layer TEXT NOT NULL,
	class TEXT NOT NULL,
	netns TEXT, -- where it happened, NULL: not known
	netns_by TEXT, -- NULL: the events say it; 'counter': by elimination, only there the counter of this kind moved; 'task': that of the task in whose call it was dropped; 'flow': where the flow's frames were seen
	dev TEXT,
	flow_id INTEGER,
	proto TEXT, -- of the flow; NULL: no frame shows it
	src TEXT,
	sport INTEGER,
	dst TEXT,
	dport INTEGER,
	context TEXT NOT NULL, -- task, softirq, hardirq
	protocol INTEGER, -- ethertype
	has_socket INTEGER,
	drops INTEGER NOT NULL,
	bytes INTEGER NOT NULL, -- sum of the packets' lengths, where known
	first_ns INTEGER NOT NULL,
	last_ns INTEGER NOT NULL,
	why TEXT, -- the reason; where this kernel knows no such reason, the one that the function and what else is known prove
	why_by TEXT -- what proves it, NULL: the kernel said it
) STRICT;
CREATE INDEX _drop_group_reason ON _drop_group(reason);
CREATE INDEX _drop_group_place ON _drop_group(netns, dev);

CREATE TABLE _flow_seen (
	-- frames of a flow at the device where most of them were seen: what was sent, as far as the taps show it
	flow_id INTEGER PRIMARY KEY,
	frames INTEGER NOT NULL,
	bytes INTEGER NOT NULL,
	syns INTEGER NOT NULL, -- TCP: SYN without ACK, at that device
	closed INTEGER NOT NULL -- TCP: frames with a window of 0, at all devices; no SYN or RST
) STRICT;

CREATE TABLE _reader (
	-- the task that took most of a flow's data out of its socket
	flow_id INTEGER PRIMARY KEY,
	netns TEXT,
	proto TEXT NOT NULL,
	dst TEXT NOT NULL,
	dport INTEGER,
	pid INTEGER NOT NULL,
	comm TEXT,
	reads INTEGER NOT NULL
) STRICT;

CREATE VIEW _cpu_online AS -- CPUs that were online, as ranges; no row: not known
WITH RECURSIVE list(rest, part) AS (
	SELECT value || ',', NULL FROM tape WHERE key = 'cpus_online' AND value <> ''
	UNION ALL
	SELECT substr(rest, instr(rest, ',') + 1), substr(rest, 1, instr(rest, ',') - 1) FROM list WHERE rest <> ''
)
SELECT CAST(part AS INTEGER) AS low, CAST(CASE WHEN instr(part, '-') > 0 THEN substr(part, instr(part, '-') + 1) ELSE part END AS INTEGER) AS high
FROM list WHERE part IS NOT NULL;

CREATE VIEW _reply_unrouted AS -- UDP flows that came in and whose answers found no route (fib_table_lookup: EAGAIN, ENETUNREACH in main or default)
SELECT w.netns, w.src AS client, w.dst AS server, w.dport AS port, w.id AS flow_id, sum(e.n) AS n, min(e.from_ns) AS from_ns, max(e.to_ns) AS to_ns
FROM (SELECT json_extract(fields, '$.src') AS src, json_extract(fields, '$.sport') AS sport, json_extract(fields, '$.dst') AS dst,
		json_extract(fields, '$.dport') AS dport, json_extract(fields, '$.proto') AS proto, count(*) AS n, min(ts_ns) AS from_ns, max(ts_ns) AS to_ns
	FROM event WHERE name = 'fib_table_lookup' AND json_extract(fields, '$.err') IN (-11, -101) AND json_extract(fields, '$.tb_id') IN (253, 254)
	GROUP BY 1, 2, 3, 4, 5) e
JOIN flow w ON w.src = e.dst AND w.sport = e.dport AND w.dport = e.sport AND (w.dst = e.src OR e.src = '0.0.0.0') AND w.proto = 'udp' AND e.proto = 17
WHERE EXISTS (SELECT 1 FROM _frame f WHERE f.flow_id = w.id AND f.direction = 0)
	AND NOT EXISTS (SELECT 1 FROM _frame f WHERE f.flow_id = w.reverse_id)
	AND EXISTS (SELECT 1 FROM _local_addr a WHERE a.netns = w.netns AND a.address = w.dst)
GROUP BY w.id;

CREATE VIEW _socket_span AS -- one socket over all snapshots
SELECT
	netns,
	proto,
	family,
	src,
	sport,
	dst,
	dport,
	cookie,
	max(state) AS state,
	max(inode) AS inode,
	max(rqueue) AS rqueue_max,
	max(wqueue) AS wqueue_max,
	max(rmem_bytes) AS rmem_max,
	max(rcvbuf_bytes) AS rcvbuf_bytes,
	max(sndbuf_bytes) AS sndbuf_bytes,
	max(drops) - CASE WHEN min(snap_id) = (SELECT min(id) FROM snapshot) AND NOT EXISTS (SELECT 1 FROM tape WHERE key = 'since_boot_ns') THEN min(drops) ELSE 0 END AS drops_delta,
	min(snap_id) = (SELECT min(id) FROM snapshot) AS at_start,
	max(snap_id) = (SELECT max(id) FROM snapshot) AS at_end
FROM socket
GROUP BY netns, proto, family, src, sport, dst, dport, cookie;

CREATE VIEW _cpu_share AS -- how a CPU spent its time between the first and the last snapshot, by /proc/stat
SELECT
	cpu,
	CAST(total(CASE name WHEN 'softirq' THEN delta WHEN 'irq' THEN delta END) AS REAL) / sum(delta) AS soft, -- softirqs and interrupts
	total(CASE name WHEN 'idle' THEN delta END) / sum(delta) AS idle
FROM _moved
WHERE source = 'stat' AND cpu IS NOT NULL AND delta > 0
GROUP BY cpu
HAVING sum(delta) > 0;

CREATE VIEW _local_addr AS -- an address of this host
SELECT DISTINCT
	netns,
	address
FROM addr;

CREATE TABLE _woken (
	-- a task that data for its socket woke: sock_def_readable() wakes right behind sk_data_ready, on the same CPU
	packet_id INTEGER NOT NULL,
	ts_ns INTEGER NOT NULL, -- sk_data_ready
	cpu INTEGER NOT NULL, -- that received
	pid INTEGER NOT NULL,
	run_cpu INTEGER,
	latency_ns INTEGER
) STRICT;

CREATE TABLE _flow_task (
	-- who reads a flow: tasks that its data woke or that were seen copying it, in the socket's namespace where both are known
	flow_id INTEGER NOT NULL,
	proto TEXT NOT NULL,
	src TEXT NOT NULL,
	sport INTEGER,
	dst TEXT NOT NULL,
	dport INTEGER,
	pid INTEGER NOT NULL,
	comm TEXT,
	cgroup TEXT,
	times INTEGER NOT NULL, -- at least 3: an skb's address is used again, so one copy proves little
	who TEXT NOT NULL, -- for texts
	nth INTEGER NOT NULL, -- of the flow: 1 is the one that read most
	alike INTEGER NOT NULL DEFAULT 0 -- 1: without frames, by packets of the flow's length on its device: no other task was woken by such
) STRICT;

CREATE TABLE _drop_target (
	-- drops of one reason and place, by what they were sent to
	id INTEGER PRIMARY KEY,
	netns TEXT, -- as in _drop_group
	netns_by TEXT,
	dev TEXT,
	reason TEXT,
	function TEXT NOT NULL,
	layer TEXT NOT NULL,
	class TEXT NOT NULL,
	proto TEXT,
	src TEXT, -- NULL: more than one, or not known
	sport INTEGER,
	dst TEXT,
	dport INTEGER,
	flows INTEGER NOT NULL, -- 0: no frame shows whose they were
	flow_id INTEGER, -- the flow that lost most
	drops INTEGER NOT NULL,
	drops_max INTEGER NOT NULL, -- of one flow
	bytes INTEGER NOT NULL,
	seen INTEGER, -- packets of these flows, dropped or not; NULL: no frames
	syns INTEGER NOT NULL, -- connection attempts among the frames of these flows
	from_ns INTEGER NOT NULL,
	to_ns INTEGER NOT NULL,
	why TEXT, -- as in _drop_group
	why_by TEXT
) STRICT;
CREATE INDEX _drop_target_reason ON _drop_target(reason, function);
CREATE INDEX _drop_target_why ON _drop_target(why, function);

CREATE TABLE _ruled (
	-- a drop reason or function that the query of a rule names: if it stays silent, it had the choice
	word TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE _claim (
	-- what the findings so far lay their hands on, for rules whose order is last
	cause TEXT NOT NULL,
	layer TEXT NOT NULL,
	netns TEXT,
	dev TEXT,
	function TEXT,
	reason TEXT
) STRICT;

CREATE VIEW _nf_drop AS -- drops by netfilter, with the nftables rule that best fits them: by protocol, port and how far its counter moved
SELECT
	t.*,
	(
		-- the least of: no counter, another port, distance of the counter, number; SQLite allows no outer column in ORDER BY
		SELECT CAST(substr(min(printf('%d%d%015d%015d',
			r.packets_delta IS NULL,
			NOT coalesce(' ' || replace(replace(r.text, ',', ' '), '}', ' ') || ' ' LIKE '% ' || t.dport || ' %', 0),
			abs(coalesce(r.packets_delta, 0) - t.drops),
			r.id)), -15) AS INTEGER)
		FROM nft_rule r
		WHERE (r.netns = t.place OR t.place IS NULL)
			AND (r.verdict LIKE 'drop%' OR r.verdict LIKE 'reject%')
			AND (r.packets_delta > 0 OR r.packets IS NULL)
			AND NOT (t.dport IS NOT NULL AND r.text LIKE '%dport%' AND r.text NOT LIKE '%dport @%' AND r.text NOT LIKE '%dport %-%' AND r.text NOT LIKE '%dport <%' AND r.text NOT LIKE '%dport >%'
				AND r.text NOT LIKE '%dport !=%' AND r.text NOT LIKE '%dport vmap%'
				AND ' ' || replace(replace(r.text, ',', ' '), '}', ' ') || ' ' NOT LIKE '% ' || t.dport || ' %')
			AND NOT (t.proto IS 'tcp' AND r.text LIKE '%udp dport%')
			AND NOT (t.proto IS 'udp' AND r.text LIKE '%tcp dport%')
	) AS rule_id,
	(
		SELECT coalesce(sum(m.delta), 0)
		FROM _moved m
		WHERE m.source = 'conntrack' AND m.name = 'drop' AND (m.netns = t.netns OR t.netns IS NULL)
	) AS conntrack_drops,
	(
		-- packets of running TCP connections, as many as INVALID ones were counted: the chain that accepts by state, and drops what has none
		SELECT min(c.family || ' ' || c.table_name || ' ' || c.chain || CASE WHEN c.hook IS NULL THEN '' ELSE ' (hook ' || c.hook || ')' END)
		FROM nft_rule r JOIN nft_chain c ON c.netns = r.netns AND c.family = r.family AND c.table_name = r.table_name AND c.chain = r.chain
		WHERE t.proto = 'tcp' AND r.netns = t.place
			AND (r.text LIKE '%ct state vmap%' OR (c.policy = 'drop' AND r.verdict LIKE 'accept%' AND (r.text LIKE '%ct state%established%' OR r.text LIKE '%ct state @%')))
			-- in this order: the frames are asked last
			AND CASE WHEN t.drops > (SELECT total(m.delta) FROM _moved m WHERE m.source = 'conntrack' AND m.name = 'invalid' AND m.netns = t.place) THEN 0
				ELSE (SELECT count(*) > 0 AND total(f.tcp_flags & 18 = 2) = 0 FROM _frame f CROSS JOIN _drop d ON d.packet_id = f.packet_id CROSS JOIN symbol s ON s.id = d.symbol_id
					WHERE f.flow_id = t.flow_id AND f.packet_id IS NOT NULL AND s.function = t.function) END
	) AS state_chain
FROM (
	-- a thread may have its socket in another namespace than its process: then that one's rules drop nothing, and another's counter fits
	SELECT d.*,
		CASE WHEN d.netns_by = 'task'
			AND NOT EXISTS (SELECT 1 FROM nft_rule r WHERE r.netns = d.netns AND (r.verdict LIKE 'drop%' OR r.verdict LIKE 'reject%'))
			AND NOT EXISTS (SELECT 1 FROM nft_chain c WHERE c.netns = d.netns AND c.policy = 'drop')
			AND EXISTS (SELECT 1 FROM nft_rule r WHERE r.netns <> d.netns AND (r.verdict LIKE 'drop%' OR r.verdict LIKE 'reject%')
				AND abs(r.packets_delta - d.drops) * 10 <= d.drops)
			THEN NULL ELSE d.netns END AS place
	FROM _drop_target d
) t
WHERE t.drops >= 3
	AND (t.reason = 'NETFILTER_DROP' OR (t.reason IS NULL AND t.function IN ('nf_hook_slow', 'nft_do_chain', 'ipt_do_table')));

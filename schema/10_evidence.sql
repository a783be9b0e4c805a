-- SPDX-License-Identifier: MIT
-- Evidence: what the tape says, decoded and put on one timeline, nothing derived.
-- Names that start with _ are the compact tables behind the views of 40_views.sql.
-- All times are nanoseconds of CLOCK_REALTIME of the recorded host.

CREATE TABLE tape (
	-- a fact about the recording
	key TEXT PRIMARY KEY, -- e.g. host, kernel, start_ns, end_ns, events_recorded, events_decoded, events_lost, frames, frames_lost
	value TEXT -- NULL: not known
) STRICT;

CREATE TABLE quality (
	-- something that was not seen or is not certain
	id INTEGER PRIMARY KEY,
	kind TEXT NOT NULL, -- events-lost, frames-lost, detail-lowered (the recorder left something out from then on), tape-cut, tape-damaged, source-missing, event-missing (a core event of the profile), event-absent (others), permission, limit, slow-source, clock-step, filter, undecoded, format, rule-failed, note
	source TEXT NOT NULL, -- what it is about: a member, an event, a file, a part of the recorder
	cpu INTEGER, -- NULL: not of one CPU
	dev TEXT, -- NULL: not of one device
	from_ns INTEGER, -- NULL: the whole recording
	to_ns INTEGER,
	count INTEGER, -- how many were lost, NULL: unknown
	note TEXT NOT NULL -- in plain words, with what follows from it
) STRICT;

CREATE TABLE _name (
	-- interned text: devices, counters, functions, reasons
	id INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE netns (
	-- a network namespace
	id INTEGER PRIMARY KEY, -- own number, by order of appearance
	inum INTEGER NOT NULL UNIQUE, -- inode number of /proc/PID/ns/net, plus 2^32 for each earlier namespace of that number
	name TEXT NOT NULL, -- its first name in /run/netns; 'init' for the first one of the host; else 'net:[INUM]'; with #2, #3 ... where an earlier one had that name
	names TEXT NOT NULL, -- all its names, separated by blanks
	pid INTEGER, -- a process in it, NULL: none known
	seen INTEGER NOT NULL -- 1: recorded; 0: known, but beyond the limit
) STRICT;

CREATE TABLE netdev (
	-- a network device as the last snapshot that has it shows it
	id INTEGER PRIMARY KEY,
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	ifindex INTEGER NOT NULL,
	name TEXT NOT NULL,
	kind TEXT, -- IFLA_INFO_KIND: veth, bridge, vxlan, ...; NULL: none (hardware, loopback)
	arphrd INTEGER, -- ARPHRD_ type
	mac TEXT,
	mtu INTEGER, -- bytes
	flags INTEGER, -- IFF_ bits
	operstate TEXT,
	carrier INTEGER,
	carrier_changes INTEGER,
	master_ifindex INTEGER, -- bridge, bond it belongs to
	link_ifindex INTEGER, -- IFLA_LINK: lower device or veth peer
	link_netns_id INTEGER REFERENCES netns(id), -- namespace of link_ifindex, NULL: the same one, or unknown
	peer_id INTEGER REFERENCES netdev(id), -- veth peer, NULL: none or unknown
	qdisc TEXT,
	tx_queues INTEGER,
	rx_queues INTEGER,
	tx_queue_len INTEGER, -- packets
	gso_max_bytes INTEGER,
	xdp INTEGER, -- a program is attached: 1 in the driver, 2 generic, 3 in the hardware, 4 several; NULL: none
	UNIQUE (netns_id, ifindex)
) STRICT;

CREATE TABLE task (
	-- a process or thread
	pid INTEGER PRIMARY KEY, -- thread id
	tgid INTEGER,
	comm TEXT NOT NULL,
	netns_id INTEGER REFERENCES netns(id),
	cgroup TEXT
) STRICT;

CREATE TABLE symbol (
	-- a kernel function that an event names; addresses are not kept
	id INTEGER PRIMARY KEY,
	function TEXT NOT NULL, -- name without compiler suffixes (.isra.0, .constprop.0, .part.0, .cold)
	location TEXT NOT NULL UNIQUE, -- symbol+0xoffset as in the kernel's %pS, or '0x?' where no symbol is known
	module TEXT -- NULL: built in
) STRICT;

CREATE TABLE event_type (
	-- a trace event that the tape has a format for
	id INTEGER PRIMARY KEY, -- the kernel's id
	system TEXT NOT NULL,
	name TEXT NOT NULL,
	count INTEGER NOT NULL, -- decoded events
	bytes INTEGER NOT NULL, -- in the ring buffer
	UNIQUE (system, name)
) STRICT;

CREATE TABLE _event (
	-- an event that has no table of its own (sockets, TCP, UDP, neighbours, ICMP, marks ...)
	id INTEGER PRIMARY KEY, -- by time
	ts_ns INTEGER NOT NULL,
	cpu INTEGER NOT NULL,
	pid INTEGER NOT NULL, -- running task
	flags INTEGER NOT NULL, -- common_flags
	type_id INTEGER NOT NULL REFERENCES event_type(id),
	fields TEXT NOT NULL -- JSON object of its fields; pointers are left out, kernel functions are symbols
) STRICT;

CREATE TABLE flow (
	-- a 5-tuple in a network namespace, one direction
	id INTEGER PRIMARY KEY,
	netns_id INTEGER REFERENCES netns(id), -- NULL: not known
	netns TEXT,
	proto TEXT NOT NULL, -- tcp, udp, icmp, icmpv6, ... or the number
	src TEXT NOT NULL,
	sport INTEGER, -- NULL: the protocol has none, or a later fragment
	dst TEXT NOT NULL,
	dport INTEGER,
	reverse_id INTEGER REFERENCES flow(id), -- the other direction, NULL: never seen
	frames INTEGER NOT NULL DEFAULT 0, -- 0: only events told of it
	bytes INTEGER NOT NULL DEFAULT 0, -- sum of the frames' original lengths
	first_ns INTEGER,
	last_ns INTEGER
) STRICT;

CREATE TABLE _frame (
	-- a captured frame; its bytes stay on the tape
	no INTEGER PRIMARY KEY, -- 1-based, order of the exported pcapng
	ts_ns INTEGER NOT NULL,
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	dev_id INTEGER NOT NULL REFERENCES _name(id),
	ifindex INTEGER,
	direction INTEGER, -- 0: in, 1: out, NULL: unknown
	len_bytes INTEGER NOT NULL, -- original length on the device, VLAN tag included
	cap_bytes INTEGER NOT NULL, -- bytes on the tape
	l3_offset INTEGER, -- where the network header starts, NULL: no network header known
	ethertype INTEGER, -- behind VLAN tags
	vlan INTEGER, -- outermost VLAN id, NULL: untagged
	ip_proto INTEGER,
	flow_id INTEGER REFERENCES flow(id), -- innermost flow when tunnel headers are known
	outer_flow_id INTEGER REFERENCES flow(id), -- of a tunnel's outer packet, NULL: no tunnel
	payload_bytes INTEGER, -- behind the transport header, by the lengths in the headers
	tcp_flags INTEGER,
	tcp_seq INTEGER,
	tcp_ack INTEGER,
	tcp_window INTEGER, -- as on the wire, not scaled
	ttl INTEGER, -- or hop limit
	ip_id INTEGER,
	frag INTEGER, -- NULL: no fragment; else offset in bytes * 2 + more-fragments
	icmp_type INTEGER,
	icmp_code INTEGER,
	dst_kind INTEGER, -- pcapng: 1 unicast, 2 multicast, 3 broadcast, 4 other host
	problem TEXT, -- NULL: well formed; else what is wrong (truncated header, bad length ...)
	packet_id INTEGER, -- NULL: tied to no packet
	tie INTEGER, -- 1 unique, 2 ordered, 3 ambiguous
	untied INTEGER, -- why it is tied to none (_tie_why), NULL: it is tied
	member INTEGER NOT NULL, -- which member of the tape (its number in the tape)
	offset INTEGER NOT NULL -- of its packet block in that member
) STRICT;

CREATE TABLE snapshot (
	-- one round of snapshots
	id INTEGER PRIMARY KEY, -- SEQ
	kind TEXT NOT NULL, -- before, tick, after
	begin_ns INTEGER NOT NULL,
	end_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE _counter (
	-- a counter's value; a row where it is first seen, whenever it differs from the row before, and where it is last seen
	snap_ns INTEGER NOT NULL,
	netns_id INTEGER, -- NULL: of the whole machine
	source_id INTEGER NOT NULL REFERENCES _name(id), -- snmp, netstat, snmp6, dev, softnet_stat, sockstat, conntrack, ethtool, qdisc, class, nft, interrupts, softirqs, cpu, ...
	name_id INTEGER NOT NULL REFERENCES _name(id), -- e.g. Udp.RcvbufErrors, TcpExt.ListenDrops, rx_dropped
	dev_id INTEGER REFERENCES _name(id), -- device; for qdisc 'DEV HANDLE', NULL: none
	cpu INTEGER,
	value INTEGER NOT NULL
) STRICT;

CREATE TABLE _counter_delta (
	-- first and last value of each counter
	netns_id INTEGER,
	source_id INTEGER NOT NULL REFERENCES _name(id),
	name_id INTEGER NOT NULL REFERENCES _name(id),
	dev_id INTEGER REFERENCES _name(id),
	cpu INTEGER,
	first_value INTEGER NOT NULL,
	last_value INTEGER NOT NULL
) STRICT;

CREATE TABLE sysctl (
	-- a setting under net/
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	name TEXT NOT NULL, -- net.ipv4.ip_forward
	value TEXT NOT NULL, -- in the first snapshot
	value_end TEXT, -- in the last one, NULL: the same
	PRIMARY KEY (netns_id, name)
) STRICT;

CREATE TABLE queue_setting (
	-- a setting of a device or of one of its queues, from /sys/class/net
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	dev TEXT NOT NULL,
	queue TEXT NOT NULL, -- rx-0, tx-0; '' for the device itself
	name TEXT NOT NULL, -- rps_cpus, rps_flow_cnt, xps_cpus, threaded, ...
	value TEXT NOT NULL,
	PRIMARY KEY (netns_id, dev, queue, name)
) STRICT;

CREATE TABLE dev_feature (
	-- ethtool: a feature, ring size, channel count or coalescing value
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	dev TEXT NOT NULL,
	kind TEXT NOT NULL, -- feature, ring, channel, coalesce, driver
	name TEXT NOT NULL,
	value TEXT NOT NULL, -- 'on', 'off', 'on fixed', 'off fixed', or a number
	PRIMARY KEY (netns_id, dev, kind, name)
) STRICT;

CREATE TABLE irq_affinity (
	-- which CPUs an interrupt may use
	irq INTEGER PRIMARY KEY,
	affinity TEXT NOT NULL, -- CPU list
	effective TEXT,
	actions TEXT
) STRICT;

CREATE TABLE cgroup_quota (
	-- CPU quota of a cgroup at a snapshot
	snap_ns INTEGER NOT NULL,
	path TEXT NOT NULL,
	version INTEGER NOT NULL, -- 1 or 2
	quota_us INTEGER NOT NULL, -- -1: none
	period_us INTEGER NOT NULL,
	nr_periods INTEGER,
	nr_throttled INTEGER,
	throttled_ns INTEGER
) STRICT;

CREATE TABLE cgroup_program (
	-- a cgroup to which BPF programs are attached that may refuse packets, of the first or last snapshot
	path TEXT PRIMARY KEY,
	ingress TEXT, -- ids of the programs that see what its sockets receive; NULL: none
	egress TEXT -- and what they send
) STRICT;

CREATE TABLE socket (
	-- a socket at a snapshot (first, last, and whenever its numbers changed)
	id INTEGER PRIMARY KEY,
	snap_id INTEGER NOT NULL REFERENCES snapshot(id),
	snap_ns INTEGER NOT NULL,
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	proto TEXT NOT NULL, -- tcp, udp, raw, packet, unix
	family INTEGER NOT NULL, -- AF_
	state TEXT, -- ESTABLISHED, LISTEN, ...; NULL: has none
	src TEXT, -- local address
	sport INTEGER,
	dst TEXT, -- remote address
	dport INTEGER,
	ifindex INTEGER,
	inode INTEGER,
	cookie INTEGER,
	uid INTEGER,
	rqueue INTEGER, -- LISTEN: connections waiting for accept(); else bytes
	wqueue INTEGER, -- LISTEN: backlog limit; else bytes
	timer INTEGER, -- 0 none, 1 retransmit, 2 keepalive, 3 TIME_WAIT, 4 zero window probe
	retrans INTEGER,
	rmem_bytes INTEGER, -- SK_MEMINFO_RMEM_ALLOC
	rcvbuf_bytes INTEGER,
	wmem_bytes INTEGER,
	sndbuf_bytes INTEGER,
	wmem_queued_bytes INTEGER,
	backlog_bytes INTEGER,
	drops INTEGER,
	tcp_info TEXT -- JSON object of struct tcp_info, NULL: none
) STRICT;

CREATE TABLE conntrack (
	-- an entry of the connection tracking table in the last snapshot that has it
	id INTEGER PRIMARY KEY,
	snap_ns INTEGER NOT NULL,
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	proto TEXT NOT NULL,
	src TEXT NOT NULL, -- original direction
	sport INTEGER,
	dst TEXT NOT NULL,
	dport INTEGER,
	reply_src TEXT,
	reply_sport INTEGER,
	reply_dst TEXT,
	reply_dport INTEGER,
	state TEXT, -- TCP state
	status INTEGER, -- IPS_ bits
	timeout_s INTEGER,
	mark INTEGER,
	zone INTEGER
) STRICT;

CREATE TABLE addr (
	-- an address of a device (last snapshot)
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	dev TEXT NOT NULL,
	family INTEGER NOT NULL,
	address TEXT NOT NULL,
	prefix INTEGER NOT NULL,
	scope INTEGER,
	flags INTEGER
) STRICT;

CREATE TABLE route (
	-- a route (last snapshot)
	id INTEGER PRIMARY KEY,
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	family INTEGER NOT NULL,
	table_no INTEGER NOT NULL,
	type TEXT NOT NULL, -- unicast, local, broadcast, blackhole, unreachable, ...
	dst TEXT NOT NULL, -- 'default' or PREFIX/LEN
	src TEXT, -- preferred source
	gateway TEXT,
	dev TEXT,
	metric INTEGER,
	protocol INTEGER,
	scope INTEGER,
	mtu INTEGER
) STRICT;

CREATE TABLE route_rule (
	-- a policy routing rule (last snapshot)
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	family INTEGER NOT NULL,
	priority INTEGER NOT NULL,
	table_no INTEGER,
	action INTEGER,
	src TEXT,
	dst TEXT,
	iif TEXT,
	oif TEXT,
	fwmark INTEGER
) STRICT;

CREATE TABLE neigh (
	-- a neighbour entry (each snapshot in which it is new or its state or hardware address changed)
	snap_ns INTEGER NOT NULL,
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	dev TEXT NOT NULL,
	family INTEGER NOT NULL,
	address TEXT NOT NULL,
	mac TEXT,
	state TEXT NOT NULL -- REACHABLE, STALE, FAILED, INCOMPLETE, ...
) STRICT;

CREATE TABLE qdisc (
	-- a queueing discipline or class at the last snapshot that has it; numbers over time are counters
	id INTEGER PRIMARY KEY,
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	dev TEXT NOT NULL,
	class INTEGER NOT NULL, -- 0: qdisc, 1: class
	kind TEXT NOT NULL, -- fq_codel, tbf, htb, ...
	handle TEXT NOT NULL, -- '8001:' or '1:10'
	parent TEXT NOT NULL, -- 'root', 'ingress', or a handle
	limit_packets INTEGER,
	limit_bytes INTEGER,
	rate_bps INTEGER, -- bits per second
	burst_bytes INTEGER,
	bytes INTEGER,
	packets INTEGER,
	drops INTEGER,
	overlimits INTEGER,
	requeues INTEGER,
	backlog_bytes INTEGER,
	backlog_packets INTEGER,
	drops_delta INTEGER NOT NULL DEFAULT 0, -- during the recording
	packets_delta INTEGER NOT NULL DEFAULT 0,
	max_backlog_packets INTEGER, -- largest of all snapshots
	max_backlog_bytes INTEGER,
	options TEXT -- JSON of what else is known
) STRICT;

CREATE TABLE tc_filter (
	-- a traffic control filter (last snapshot)
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	dev TEXT NOT NULL,
	parent TEXT NOT NULL, -- ingress, egress, or a handle
	kind TEXT NOT NULL,
	pref INTEGER,
	protocol INTEGER,
	actions TEXT, -- JSON array of {kind, action, packets, bytes, drops}
	drops_delta INTEGER NOT NULL DEFAULT 0 -- packets its actions dropped during the recording
) STRICT;

CREATE TABLE nft_chain (
	-- a chain of nftables
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	family TEXT NOT NULL,
	table_name TEXT NOT NULL,
	chain TEXT NOT NULL,
	type TEXT, -- filter, nat, route; NULL: not a base chain
	hook TEXT, -- prerouting, input, ...; NULL: not a base chain
	priority INTEGER,
	policy TEXT, -- accept, drop
	dev TEXT
) STRICT;

CREATE TABLE nft_rule (
	-- a rule of nftables, its counter before and after
	id INTEGER PRIMARY KEY,
	netns_id INTEGER NOT NULL REFERENCES netns(id),
	netns TEXT NOT NULL,
	family TEXT NOT NULL,
	table_name TEXT NOT NULL,
	chain TEXT NOT NULL,
	hook TEXT, -- of its base chain
	handle INTEGER NOT NULL,
	position INTEGER NOT NULL, -- 1-based place in the chain
	text TEXT NOT NULL, -- readable form of what is understood of it
	verdict TEXT, -- accept, drop, reject, jump CHAIN, ...; NULL: none
	packets INTEGER, -- counter in the last snapshot, NULL: it has none
	bytes INTEGER,
	packets_delta INTEGER, -- during the recording
	bytes_delta INTEGER
) STRICT;

CREATE TABLE kmsg (
	-- a record of the kernel log during the recording
	ts_ns INTEGER NOT NULL,
	level INTEGER NOT NULL,
	text TEXT NOT NULL
) STRICT;

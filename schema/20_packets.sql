-- SPDX-License-Identifier: MIT
-- Packets: derived from the evidence by following each skb through the events.

CREATE TABLE _drop_reason (
	-- drop reasons of this kernel, from the format of kfree_skb, with what the dictionary knows of them
	value INTEGER PRIMARY KEY,
	name TEXT NOT NULL, -- without SKB_DROP_REASON_
	layer TEXT, -- NULL here and below: newer than the dictionary, or it depends on the location
	class TEXT,
	meaning TEXT,
	cause TEXT, -- typical
	check_text TEXT -- what to look at
) STRICT;

CREATE TABLE _packet (
	-- one skb's life: as long as its address goes on, through forwarding, bridges, tunnels, veth and loopback
	id INTEGER PRIMARY KEY, -- in order of birth
	first_ns INTEGER NOT NULL,
	last_ns INTEGER NOT NULL,
	kind INTEGER NOT NULL, -- 1 rx: came in and stayed; 2 tx: began here and left; 3 forward: came in on one device and left by another; 4 local: began here and was received here
	netns_in_id INTEGER REFERENCES netns(id), -- NULL: not known
	netns_out_id INTEGER REFERENCES netns(id),
	dev_in_id INTEGER REFERENCES _name(id), -- first device that received it; kind 4: the last one
	dev_out_id INTEGER REFERENCES _name(id), -- last device that sent it; kind 4: the first one
	len_bytes INTEGER, -- as first seen
	protocol INTEGER, -- ethertype, NULL: no event told
	flow_id INTEGER REFERENCES flow(id), -- NULL: tied to no frame
	outcome INTEGER NOT NULL, -- 1 delivered (to a socket), 2 transmitted, 3 forwarded, 4 dropped, 5 consumed (by a protocol, by segmentation, by taps alone), 6 merged (by GRO), 7 unknown
	drop_id INTEGER, -- of _drop, NULL: not dropped
	cpu_hops INTEGER NOT NULL, -- changes of CPU between its stages
	parent_id INTEGER, -- what it was made of or merged into, NULL: none or not known; a retransmission's is the transmission before it
	link INTEGER, -- 1 gso, 2 gro, 3 clone, 4 copy, 5 fragment, 6 reassembly, 7 retransmit
	flags INTEGER NOT NULL DEFAULT 0, -- 1 head missing, 2 open at end, 4 end time is an upper bound, 8 end inferred, 16 spans a loss of events
	confidence INTEGER NOT NULL -- 1 certain, 2 high, 3 medium, 4 low: of its way up to what decides its outcome (told to the socket, taken by the driver, dropped ...); a read or a free behind that has its own, in _hop
) STRICT;

CREATE TABLE _hop (
	-- one stage of one packet
	packet_id INTEGER NOT NULL,
	seq INTEGER NOT NULL, -- from 0, in order of the trace; net_dev_xmit is the end of a call and may stand behind later stages
	ts_ns INTEGER NOT NULL,
	stage INTEGER NOT NULL REFERENCES _stage(id),
	cpu INTEGER NOT NULL,
	dev_id INTEGER REFERENCES _name(id),
	context INTEGER NOT NULL, -- 1 task, 2 softirq, 3 hardirq
	pid INTEGER NOT NULL, -- the task that ran (in softirq: that was interrupted)
	confidence INTEGER NOT NULL,
	PRIMARY KEY (packet_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE _stage (
	-- the names of the stages are those of the tracepoints
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE _drop (
	-- a kfree_skb
	id INTEGER PRIMARY KEY, -- by time
	packet_id INTEGER, -- NULL: no event had shown the skb, or what had its address before cannot have come there
	ts_ns INTEGER NOT NULL,
	cpu INTEGER NOT NULL,
	pid INTEGER NOT NULL,
	context INTEGER NOT NULL,
	reason INTEGER, -- NULL: a kernel without reasons
	symbol_id INTEGER NOT NULL REFERENCES symbol(id),
	protocol INTEGER, -- ethertype
	layer TEXT NOT NULL, -- by the dictionary of reasons and locations: device, link, xdp, tc, bpf, softnet, ip, neighbour, netfilter, tunnel, transport, socket, qdisc, memory, capture, unknown; unix, netlink, vsock, bluetooth are no network packets
	class TEXT NOT NULL, -- loss, policy, error (malformed, or nothing known), protocol, noise, teardown
	netns_id INTEGER REFERENCES netns(id), -- NULL: not known
	dev_id INTEGER REFERENCES _name(id), -- the last device that the packet was on, NULL: none was seen
	flow_id INTEGER REFERENCES flow(id),
	has_socket INTEGER -- 1: the event names a receiving socket, 0: it does not, NULL: the kernel does not tell
) STRICT;

CREATE TABLE softirq (
	-- a run of one softirq vector
	start_ns INTEGER NOT NULL,
	end_ns INTEGER, -- NULL: not seen
	latency_ns INTEGER, -- from its first raise, NULL: that was not seen
	cpu INTEGER NOT NULL,
	vec INTEGER NOT NULL, -- 0 HI 1 TIMER 2 NET_TX 3 NET_RX 4 BLOCK 5 IRQ_POLL 6 TASKLET 7 SCHED 8 HRTIMER 9 RCU
	pid INTEGER NOT NULL -- interrupted task, or ksoftirqd
) STRICT;

CREATE TABLE irq (
	-- a run of a hardirq handler
	start_ns INTEGER NOT NULL,
	end_ns INTEGER,
	latency_ns INTEGER, -- always NULL: the wire's time is not known
	cpu INTEGER NOT NULL,
	irq INTEGER NOT NULL,
	name TEXT NOT NULL
) STRICT;

CREATE TABLE napi_poll (
	-- a poll of a NAPI instance
	start_ns INTEGER, -- the event before it on that CPU in the same softirq that bounds it, NULL: not known
	end_ns INTEGER NOT NULL,
	latency_ns INTEGER,
	cpu INTEGER NOT NULL,
	dev TEXT NOT NULL, -- '(no_device)': the CPU's backlog
	work INTEGER,
	budget INTEGER,
	pid INTEGER NOT NULL,
	context INTEGER NOT NULL
) STRICT;

CREATE TABLE wakeup (
	-- a task woken and run
	start_ns INTEGER NOT NULL, -- sched_waking
	end_ns INTEGER, -- it runs, NULL: not seen
	latency_ns INTEGER, -- NULL: the switch was not seen; it ran at end_ns at the latest
	cpu INTEGER NOT NULL, -- of the waker
	run_cpu INTEGER,
	pid INTEGER NOT NULL,
	waker_pid INTEGER NOT NULL,
	context INTEGER NOT NULL -- of the waker: 1 task, 2 softirq, 3 hardirq
) STRICT;

CREATE TABLE run (
	-- a time slice of a task on a CPU; idle time is what no row covers
	start_ns INTEGER NOT NULL, -- its sched_switch, or where that was not seen the first event that shows it running
	end_ns INTEGER, -- NULL: not seen
	cpu INTEGER NOT NULL,
	pid INTEGER NOT NULL,
	end_state INTEGER -- prev_state at its end (0: still runnable), NULL: not seen
) STRICT;

CREATE TABLE latency (
	-- time between two successive stages of a packet, and from softirq_raise to softirq_entry, from sched_waking to sched_switch; percentiles to within 1 %
	stage_from TEXT NOT NULL,
	stage_to TEXT NOT NULL,
	count INTEGER NOT NULL,
	p50_ns INTEGER NOT NULL,
	p90_ns INTEGER NOT NULL,
	p99_ns INTEGER NOT NULL,
	max_ns INTEGER NOT NULL,
	PRIMARY KEY (stage_from, stage_to)
) STRICT;

CREATE TABLE cpu_hop (
	-- changes of CPU between two successive stages of a packet
	from_cpu INTEGER NOT NULL,
	to_cpu INTEGER NOT NULL,
	kind TEXT NOT NULL, -- rps, wakeup, qdisc, completion, migration, other
	count INTEGER NOT NULL,
	PRIMARY KEY (from_cpu, to_cpu, kind)
) STRICT;

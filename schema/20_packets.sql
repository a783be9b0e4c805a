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

CREATE TABLE _drop_location (
	-- functions that freed packets on this tape, with what the dictionary knows of them
	function TEXT NOT NULL,
	reason TEXT NOT NULL, -- only with this reason; '-': where the reason says nothing
	exact INTEGER NOT NULL, -- 0: known by the beginning of its name
	meaning TEXT,
	cause TEXT, -- typical
	check_text TEXT, -- what to look at
	PRIMARY KEY (function, reason)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE _tie_why (
	-- reasons why a frame has no packet, or a packet that passed a capture no frame
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE _tie_gap (
	-- frames without a packet by reason, and times that a packet passed a capture but gave no frame
	netns_id INTEGER REFERENCES netns(id), -- NULL: events do not tell
	dev_id INTEGER NOT NULL REFERENCES _name(id),
	direction INTEGER NOT NULL, -- 0 in, 1 out
	what INTEGER NOT NULL, -- 0 frames, 1 events
	reason INTEGER NOT NULL REFERENCES _tie_why(id),
	count INTEGER NOT NULL
) STRICT;

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

CREATE TABLE latency_part (
	-- the times of table latency by device, by CPU and by flow; how many there can be is bounded, quality says what is left out
	part TEXT NOT NULL, -- 'device': of the later stage; 'cpu': of the later stage; 'flow': of the packet, for the flows with the most packets
	netns TEXT, -- part 'device'; NULL: several namespaces have a device of that name, or others
	dev TEXT, -- part 'device'
	cpu INTEGER, -- part 'cpu'
	flow_id INTEGER REFERENCES flow(id), -- part 'flow'
	stage_from TEXT NOT NULL,
	stage_to TEXT NOT NULL,
	count INTEGER NOT NULL,
	p50_ns INTEGER NOT NULL,
	p90_ns INTEGER NOT NULL,
	p99_ns INTEGER NOT NULL,
	max_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE latency_total (
	-- time of a part of a packet's whole way, from end to end: stage_from and stage_to need not be successive
	way TEXT NOT NULL, -- 'rx-driver': first sign on the receiving side (GRO, netif_rx, ...) to netif_receive_skb, with RPS and backlog; 'rx-stack': netif_receive_skb to sk_data_ready; 'rx-socket': sk_data_ready to the first read; 'rx-total': first sign to the first read; 'tx-queue': net_dev_queue to net_dev_start_xmit of one device; 'tx-driver': net_dev_start_xmit to consume_skb (completion); 'tx-total': net_dev_queue to consume_skb (completion); 'forward-total': first sign to the last net_dev_start_xmit
	stage_from TEXT NOT NULL,
	stage_to TEXT NOT NULL,
	count INTEGER NOT NULL,
	p50_ns INTEGER NOT NULL,
	p90_ns INTEGER NOT NULL,
	p99_ns INTEGER NOT NULL,
	max_ns INTEGER NOT NULL,
	PRIMARY KEY (way, stage_from, stage_to)
) STRICT;

CREATE TABLE latency_hist (
	-- the distribution of each row of latency and of latency_total, four steps to each power of two; steps without a value have no row
	way TEXT, -- of latency_total; NULL: two successive stages, of latency
	stage_from TEXT NOT NULL,
	stage_to TEXT NOT NULL,
	from_ns INTEGER NOT NULL, -- this time and longer
	to_ns INTEGER NOT NULL, -- but shorter than this
	count INTEGER NOT NULL
) STRICT;

CREATE TABLE latency_slow (
	-- the ten slowest of each row of latency and of latency_total
	way TEXT, -- of latency_total; NULL: two successive stages, of latency
	stage_from TEXT NOT NULL,
	stage_to TEXT NOT NULL,
	rank INTEGER NOT NULL, -- 1: the slowest; of equals the one that ended first
	ns INTEGER NOT NULL,
	end_ns INTEGER NOT NULL, -- time of stage_to
	packet_id INTEGER, -- NULL: not of a packet
	pid INTEGER, -- the task that was woken; NULL: not of a task
	cpu INTEGER NOT NULL -- of stage_to
) STRICT;

CREATE TABLE _cpu_hop (
	-- a change of CPU between two successive stages of a packet
	packet_id INTEGER NOT NULL,
	seq INTEGER NOT NULL, -- of the stage behind the change, in _hop
	from_seq INTEGER NOT NULL, -- of the stage before it
	kind INTEGER NOT NULL, -- 0 other, 1 rps, 2 rfs, 3 qdisc, 4 completion, 5 wakeup, 6 migration
	PRIMARY KEY (packet_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE cpu_hop (
	-- changes of CPU between two successive stages of packets
	from_cpu INTEGER NOT NULL,
	to_cpu INTEGER NOT NULL,
	kind TEXT NOT NULL, -- rps: into another CPU's backlog; rfs: the same, with RFS on, to the CPU that read it, or without RPS; qdisc: another CPU ran the queue; completion: the driver freed it on another CPU; wakeup: its reader ran on another CPU; migration: the reading task moved; other
	netns TEXT, -- NULL: not known
	dev TEXT, -- where it happened: the device of the stage behind the change; NULL: none
	count INTEGER NOT NULL,
	p50_ns INTEGER NOT NULL, -- between the two stages
	p99_ns INTEGER NOT NULL,
	max_ns INTEGER NOT NULL,
	setting TEXT -- what makes it so, with its value in the last snapshot; NULL: nothing is known to, or it was not seen
) STRICT;

CREATE TABLE socket_lock (
	-- a packet that waited because a process held its socket's lock: received in softirq, worked off in the owner's context (tcp_probe with an skb, 6.10 and later, profile full; without that event it is not seen)
	packet_id INTEGER NOT NULL,
	start_ns INTEGER NOT NULL, -- netif_receive_skb
	ns INTEGER NOT NULL, -- until the owner worked it off
	from_cpu INTEGER NOT NULL, -- of the softirq
	cpu INTEGER NOT NULL, -- of the owner
	pid INTEGER NOT NULL -- the owner
) STRICT;

CREATE TABLE _softirq_delay (
	-- a softirq that ran 100 us or more after it was raised, and what its CPU did meanwhile; the parts add up to latency_ns
	start_ns INTEGER NOT NULL, -- softirq_raise
	latency_ns INTEGER NOT NULL, -- to softirq_entry
	cpu INTEGER NOT NULL,
	vec INTEGER NOT NULL, -- as in softirq
	irq_ns INTEGER NOT NULL, -- in hardirq handlers (those without an event, as the timer's, count for what they interrupted)
	softirq_ns INTEGER NOT NULL, -- in softirqs, what was left of this vector's own run too
	softirq_vec INTEGER, -- the one of them that took most, NULL: none ran
	task_ns INTEGER NOT NULL, -- in tasks
	pid INTEGER, -- the task that took most, NULL: none ran, or it is not known
	pid_ns INTEGER, -- of that task
	idle_ns INTEGER NOT NULL, -- with nothing to do: interrupts off, a CPU that slept, or a hypervisor that ran something else
	unknown_ns INTEGER NOT NULL, -- before the first event that tells
	run_pid INTEGER NOT NULL -- the task it interrupted, or ksoftirqd
) STRICT;

CREATE TABLE softirq_cpu (
	-- softirqs by CPU and vector
	cpu INTEGER NOT NULL,
	vec INTEGER NOT NULL,
	runs INTEGER NOT NULL,
	handler_ns INTEGER NOT NULL, -- sum of the runs whose end was seen, interrupts included
	handler_p50_ns INTEGER,
	handler_p99_ns INTEGER,
	handler_max_ns INTEGER,
	delays INTEGER NOT NULL, -- runs whose raise was seen; below: time from that to the run
	delay_p50_ns INTEGER,
	delay_p90_ns INTEGER,
	delay_p99_ns INTEGER,
	delay_max_ns INTEGER,
	over_1ms INTEGER NOT NULL, -- delays of more than 1 ms
	PRIMARY KEY (cpu, vec)
) STRICT;

CREATE TABLE napi_cpu (
	-- polls by CPU and device
	cpu INTEGER NOT NULL,
	dev TEXT NOT NULL, -- '(no_device)': the CPU's backlog
	polls INTEGER NOT NULL,
	work INTEGER, -- packets, NULL: the kernel does not tell
	full_polls INTEGER, -- that used their whole budget, so there was more to do
	task_polls INTEGER NOT NULL, -- in a task's context: threaded NAPI or busy polling
	poll_p50_ns INTEGER, -- time of a poll in softirq, an upper bound; NULL: none known
	poll_p99_ns INTEGER,
	poll_max_ns INTEGER,
	PRIMARY KEY (cpu, dev)
) STRICT;

CREATE TABLE squeeze (
	-- a NET_RX softirq that stopped because its budget or its time was used up: what softnet_stat counts as time_squeeze
	ts_ns INTEGER NOT NULL, -- its end
	cpu INTEGER NOT NULL,
	kind TEXT NOT NULL, -- 'budget': net.core.netdev_budget packets; 'time': net.core.netdev_budget_usecs
	certain INTEGER NOT NULL, -- 1; 0: 'time' in whole ticks of the kernel's, which are not on the tape: it may have been
	polls INTEGER NOT NULL,
	work INTEGER NOT NULL, -- packets
	ns INTEGER NOT NULL, -- from its begin to the end of its last poll
	more INTEGER NOT NULL -- 1: NET_RX was raised again behind its last poll
) STRICT;

CREATE TABLE wakeup_delay (
	-- a task that waited 1 ms or more for a CPU, and what ran there instead
	start_ns INTEGER NOT NULL, -- when it could have run
	wait_ns INTEGER NOT NULL,
	pid INTEGER NOT NULL,
	cpu INTEGER NOT NULL, -- on which it ran then
	state TEXT NOT NULL, -- 'runnable': it was woken; 'preempted': it was taken off the CPU while it could go on (a used-up CPU quota looks so, too)
	other_pid INTEGER, -- the task that ran there longest meanwhile, NULL: none, or it is not known
	other_ns INTEGER
) STRICT;

CREATE TABLE _flow_many (
	-- a flow with so many frames that its packets and frames were counted once and for all (4096 or more; at most 1024 flows)
	flow_id INTEGER PRIMARY KEY,
	frames_unique INTEGER NOT NULL, -- frames by tie
	frames_ordered INTEGER NOT NULL,
	frames_ambiguous INTEGER NOT NULL,
	frames_none INTEGER NOT NULL,
	packets INTEGER NOT NULL DEFAULT 0,
	certain INTEGER NOT NULL DEFAULT 0, -- packets by confidence
	high INTEGER NOT NULL DEFAULT 0,
	medium INTEGER NOT NULL DEFAULT 0,
	low INTEGER NOT NULL DEFAULT 0,
	slow_id INTEGER, -- the packet that arrived last after its beginning, NULL: none arrived with both ends seen
	typical_id INTEGER -- one of the median time, to within 1 %
) STRICT;

CREATE TABLE _flow_took (
	-- how long the packets of a flow in _flow_many took from their first stage to their last
	flow_id INTEGER NOT NULL,
	kind TEXT NOT NULL, -- as in packet
	outcome TEXT NOT NULL,
	ns INTEGER NOT NULL, -- to within 1 %; the longest exactly
	count INTEGER NOT NULL,
	PRIMARY KEY (flow_id, kind, outcome, ns)
) STRICT, WITHOUT ROWID;

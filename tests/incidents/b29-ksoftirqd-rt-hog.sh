#!/bin/bash
# SPDX-License-Identifier: MIT
# NET_RX work left over for ksoftirqd on CPU 1 (small budget, bursts) while a SCHED_FIFO process holds that CPU: the rest of each burst waits for the next tick (milliseconds).
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "ksoftirqd starved by a SCHED_FIFO process: NET_RX waits for the tick" ksoftirqd-starved softirq
  reasons '[]' '' "$(dev s0)"; truthj expect_min_drops 0; truthj expect_cpu 1
  flow "{\"proto\":\"udp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5001}"
  metric softirq_net_rx_latency_max_us 2000 cpu1; truth expect_culprit "SCHED_FIFO python3 on cpu 1; ksoftirqd/1 runnable, not running"
  wrongs '["receiver-slow","rps-one-cpu","qdisc-standing-queue","cfs-throttle","netdev-backlog","path-latency"]'
  needs '["RPS","SCHED_FIFO","2 CPUs"]'; evj "$SCHED_EV"; truthj touches_global '["net.core.netdev_budget","net.core.dev_weight"]'
}
inc_setup() { pair2; ns srv bash -c "echo 2 >/sys/class/net/$(dev s0)/queues/rx-0/rps_cpus"; }
inc_trigger() {
  glock; local q0; q0=$(softnet 1 2)
  healthy_start cli srv $NET.9.2 6; for x in healthy-srv healthy-cli; do taskset -cp 0 "$(bgpid $x)" >/dev/null; done
  bg srv recv $BT urecv addr=$NET.1.2 port=5001 idle=1.5 cpu=0 rcvbuf=8000000 out=recv.json; wait_for 5 test -s "$STATE/recv.log"
  sysctl_set - net.core.netdev_budget 2; sysctl_set - net.core.dev_weight 2
  bg cli usend $BT usend dst=$NET.1.2 port=5001 n=6000 pps=1500 burst=60 size=200 cpu=0 out=sent.json
  sleep 0.8; fault_begin; bg - hog $BT hog secs=2.5 cpu=1 fifo=40 on_ms=200 off_ms=20; wait_bg hog; fault_end
  wait_bg usend; wait_bg recv; tac "$STATE/sysctl" | while IFS=$'\t' read -r k v; do sysctl -qw "$k=$v"; done
  healthy_wait; truthj counters "{\"cpu1 time_squeeze\":$(( $(softnet 1 2) - q0 ))}"; seen "$(cat "$STATE/recv.json")"
  $PY -c 'import json,sys; sys.exit(json.load(open(sys.argv[1]))["latency_ms"]["p99"] < 2)' "$STATE/recv.json" || die "no latency"
}
inc_main "$@"

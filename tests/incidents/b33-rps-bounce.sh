#!/bin/bash
# SPDX-License-Identifier: MIT
# RPS moves each packet to CPU 1 although sender and reader are on CPU 0: two hops between CPUs per packet (latency, no loss). First half of the traffic without RPS for comparison.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "RPS bounces each packet to another CPU than its reader's" rps-cross-cpu softirq
  reasons '[]' '' "$(dev s0)"; truthj expect_min_drops 0; truthj expect_cpu 1
  flow "{\"proto\":\"udp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5001}"
  metric rx_cpu_differs_from_reader_cpu_fraction 0.9 "$(dev s0)"
  wrongs '["rt-hog","receiver-slow","path-latency","scheduler-latency","packet-loss"]'
  needs '["RPS","2 CPUs"]'; evj "$SCHED_EV"
}
inc_setup() { pair2; }
inc_trigger() {
  healthy_start cli srv $NET.9.2 6; local q=queues/rx-0/rps_cpus x r0; for x in healthy-srv healthy-cli; do taskset -cp 0 "$(bgpid $x)" >/dev/null; done
  bg srv off $BT urecv addr=$NET.1.2 port=5001 idle=1 cpu=0 out=off.json; wait_for 5 test -s "$STATE/off.log"
  ns cli $BT usend dst=$NET.1.2 port=5001 n=1000 pps=500 size=200 cpu=0 out=sent0.json; wait_bg off
  ns srv bash -c "echo 2 >/sys/class/net/$(dev s0)/$q"; r0=$(softnet 1 9)
  bg srv on $BT urecv addr=$NET.1.2 port=5001 idle=1 cpu=0 out=on.json; wait_for 5 test -s "$STATE/on.log"
  fault_begin; ns cli $BT usend dst=$NET.1.2 port=5001 n=1000 pps=500 size=200 cpu=0 out=sent1.json; fault_end; wait_bg on; healthy_wait
  truthj expect_counter "{\"file\":\"net/softnet_stat\",\"name\":\"cpu1 received_rps\",\"netns\":\"global\",\"delta\":$(( $(softnet 1 9) - r0 ))}"
  seen "{\"rps_off\":$(cat "$STATE/off.json"),\"rps_on\":$(cat "$STATE/on.json")}"; [ $(( $(softnet 1 9) - r0 )) -ge 900 ] || die "RPS did not move the packets"
}
inc_main "$@"

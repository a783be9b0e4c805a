#!/bin/bash
# SPDX-License-Identifier: MIT
# A shaper with a huge queue: nothing is lost, each packet waits a second (latency, not loss).
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "bufferbloat: a deep qdisc adds about a second, no loss" qdisc-standing-queue qdisc
  reasons '[]' '' "$(dev c0)"
  flow "{\"proto\":\"udp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5001}"
  truthj expect_min_drops 0
  metric qdisc_enqueue_to_dequeue_p99_us 300000 "$(dev c0)"
  wrongs '["receiver-slow","softirq-latency","scheduler-latency","path-latency","packet-loss"]'
  needs '["sch_tbf"]'; truthj needs_events '["qdisc:qdisc_enqueue","qdisc:qdisc_dequeue","net:net_dev_start_xmit"]'
}
inc_setup() { pair2; ns cli tc qdisc add dev "$(dev c0)" root handle 10: tbf rate 1mbit burst 4kb limit 400000; }
inc_trigger() {
  healthy_start cli srv $NET.9.2 5
  bg srv recv $BT urecv addr=$NET.1.2 port=5001 idle=3 out=recv.json; wait_for 5 test -s "$STATE/recv.log"
  sleep 0.3; fault_begin
  ns cli $BT usend dst=$NET.1.2 port=5001 n=900 pps=300 size=700 out=sent.json
  fault_end; wait_bg recv; healthy_wait
  seen "$(cat "$STATE/recv.json")"
  [ "$(jget sent.json sent)" = "$(jget recv.json received)" ] || die "loss, but there should be none"
}
inc_main "$@"

#!/bin/bash
# SPDX-License-Identifier: MIT
# A tbf shaper on the client's device is too small for its queue: drops on transmit.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "tbf qdisc overflow on transmit" qdisc-tbf-overflow qdisc
  reasons '["QDISC_DROP"]' '__dev_queue_xmit|dev_qdisc|tbf|kfree_skb_list' "$(dev c0)"
  flow "{\"proto\":\"udp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.1.2\",\"dport\":5001}"
  wrongs '["receiver-slow","nic-ring","netfilter","socket-sndbuf","path-loss"]'
  needs '["sch_tbf","veth"]'
}
inc_setup() { pair2; ns cli tc qdisc add dev "$(dev c0)" root handle 10: tbf rate 2mbit burst 4kb limit 6000; }
inc_trigger() {
  healthy_start cli srv $NET.9.2 4
  bg srv recv $BT urecv addr=$NET.1.2 port=5001 out=recv.json; wait_for 5 test -s "$STATE/recv.log"
  sleep 0.5; fault_begin
  ns cli $BT usend dst=$NET.1.2 port=5001 n=2400 pps=800 size=600 out=sent.json
  fault_end; wait_bg recv; healthy_wait
  local q; q=$(ns cli tc -s -j qdisc show dev "$(dev c0)" | jq_q)
  local s r; s=$(jget sent.json sent); r=$(jget recv.json received)
  truthj expect_min_drops $((s - r)); truthj expect_counter "{\"file\":\"tc -s qdisc\",\"name\":\"dropped\",\"netns\":\"$(nsn cli)\",\"delta\":$q}"
  [ $((s - r)) -gt 100 ] || die "only $((s - r)) lost"
}
jq_q() { $PY -c 'import json,sys; print(json.load(sys.stdin)[0]["drops"])'; }
inc_main "$@"

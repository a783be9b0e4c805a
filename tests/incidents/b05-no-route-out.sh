#!/bin/bash
# SPDX-License-Identifier: MIT
# The route disappears while the client sends: sendto() fails with ENETUNREACH, no packet is ever built.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "no route on output (default route withdrawn)" no-route-output routing
  reasons '[]' 'ip_route_output|ip_queue_xmit|udp_sendmsg' ""
  flow "{\"proto\":\"udp\",\"src\":\"$NET.1.1\",\"dst\":\"$NET.2.1\",\"dport\":5001}"
  truthj expect_min_drops 0
  wrongs '["neighbour-failed","netfilter","peer-down","socket-sndbuf"]'
  needs '[]'; truthj needs_events '["fib:fib_table_lookup","syscalls:sys_exit_sendto"]'
}
inc_setup() { rtr3; link cli c1 $NET.9.1/24 srv s1 $NET.9.2/24; warm cli $NET.9.2; }
inc_trigger() {
  ctr_mark cli Ip.OutNoRoutes
  healthy_start cli srv $NET.9.2 4
  bg srv recv $BT urecv addr=$NET.2.1 port=5001 idle=4 out=recv.json; wait_for 5 test -s "$STATE/recv.log"
  bg srv tsrv $BT tserve addr=$NET.2.1 port=5002; wait_for 5 test -s "$STATE/tsrv.log"
  bg cli tcli $BT treq dst=$NET.2.1 port=5002 n=120 rps=40 timeout=1 out=treq.json
  bg cli ucli $BT usend dst=$NET.2.1 port=5001 n=600 pps=200 size=200 out=sent.json
  sleep 1; fault_begin; ns cli ip route del default; sleep 1
  ns cli ip route add default via $NET.1.254; fault_end
  wait_bg ucli; wait_bg tcli; wait_bg recv; healthy_wait
  truth_counter net/snmp Ip.OutNoRoutes cli "$(ctr_delta cli Ip.OutNoRoutes)"
  seen "{\"udp\":$(cat "$STATE/sent.json"),\"tcp\":$(cat "$STATE/treq.json")}"
  grep -q ENETUNREACH "$STATE/sent.json" || die "no ENETUNREACH"
}
inc_main "$@"

#!/bin/bash
# SPDX-License-Identifier: MIT
# UDP receive buffer overflow: the reader sleeps 20 ms after each datagram, the sender is faster.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "UDP receive buffer overflow by a slow reader"
  truth root_cause udp-rcvbuf-overflow
  truth layer socket
  truthj expect_reason '["SOCKET_RCVBUFF"]'
  truth expect_location_regex 'udp.*queue_rcv|udp_queue_rcv_one_skb|udp_unicast_rcv'
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"udp","src":"10.1.1.1","dst":"10.1.1.2","dport":5001}'
  truthj wrong_answers '["netdev-backlog","socket-filter","no-listener","proto-mem","healthy-flow-loss"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() {
  ns_add cli srv
  link cli c0 10.1.1.1/24 srv s0 10.1.1.2/24
  warm cli 10.1.1.2
}
inc_trigger() {
  local c=Udp.RcvbufErrors
  ctr_mark srv $c
  healthy_start cli srv 10.1.1.2 4
  bg srv slow $PY -m tool udp-recv 10.1.1.2 5001 1 recv.json 20000 20000
  wait_for 5 test -s "$STATE/slow.log"
  sleep 1; fault_begin
  ns cli $PY -m tool udp-send 10.1.1.2 5001 800 600 2000 sent.json
  fault_end
  wait_bg slow 20; healthy_wait
  local s r d; s=$(jget sent.json sent); r=$(jget recv.json received); d=$(ctr_delta srv $c)
  truthj sent "$s"; truthj received "$r"
  truthj expect_min_drops $(( s - r ))
  truth_counter net/snmp $c srv "$d"
  [ "$d" = $(( s - r )) ] || die "count mismatch: sent $s received $r counter $d"
}
inc_main "$@"

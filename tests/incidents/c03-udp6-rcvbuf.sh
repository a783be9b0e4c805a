#!/bin/bash
# SPDX-License-Identifier: MIT
# A slow UDP reader over IPv6.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
inc_truth() {
  t_ "IPv6 UDP receive buffer overflow" udp6-rcvbuf socket; reasons '["SOCKET_RCVBUFF"]' 'udpv6_queue_rcv' "$(dev s0)"
  flow '{"proto":"udp","src":"fd00:c3::1","dst":"fd00:c3::2","dport":5001}'; wrongs '[]'
}
inc_setup() { ns_add cli srv; link cli c0 $NET.1.1/24,fd00:c3::1/64 srv s0 $NET.1.2/24,fd00:c3::2/64; warm cli fd00:c3::2; }
inc_trigger() {
  ctr_mark srv Udp6RcvbufErrors; healthy_start cli srv fd00:c3::2 4
  bg srv slow $PY -m tool udp-recv fd00:c3::2 5001 1 recv.json 20000 20000; wait_for 5 test -s "$STATE/slow.log"
  fault_begin; ns cli $PY -m tool udp-send fd00:c3::2 5001 500 600 2000 sent.json; fault_end; wait_bg slow 20; healthy_wait
  truthj sent "$(jget sent.json sent)"; truthj received "$(jget recv.json received)"; truthj expect_min_drops "$(ctr_delta srv Udp6RcvbufErrors)"
}
inc_main "$@"

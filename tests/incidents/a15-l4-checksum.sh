#!/bin/bash
# SPDX-License-Identifier: MIT
# Payload corrupted in transit: UDP datagrams and TCP segments arrive with a wrong checksum.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "Corrupted datagrams: wrong UDP (and TCP) checksums"
  truth root_cause l4-checksum-corruption
  truth layer transport
  truthj expect_reason '["UDP_CSUM","TCP_CSUM"]'
  truth expect_location_regex 'udp_recvmsg|__udp4_lib_rcv|udp_queue_rcv_one_skb|tcp_v4_rcv|tcp_v4_do_rcv'
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"udp","src":"10.15.1.1","dst":"10.15.1.2","dport":5015}'
  truthj wrong_answers '["udp-rcvbuf-overflow","udp-no-listener","socket-filter","tx-checksum-offload-artefact"]'
  truthj notes '["healthy traffic of the same host is sent with CHECKSUM_PARTIAL: a pcap shows bad checksums for it as well; they are an artefact"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() { ns_add cli srv; link cli c0 10.15.1.1/24 srv s0 10.15.1.2/24; warm cli 10.15.1.2; }
inc_trigger() {
  ctr_mark srv Udp.InCsumErrors; ctr_mark srv Tcp.InCsumErrors
  healthy_start cli srv 10.15.1.2 4
  bg srv app $PY -m tool udp-recv 10.15.1.2 5015 2 recv.json; wait_for 5 test -s "$STATE/app.log"; sleep 0.5; fault_begin
  ns cli $PY -c "
from tool import *
d, s = '$(mac srv s0)', '$(mac cli c0)'; A, B = '10.15.1.1', '10.15.1.2'
good = [eth(d, s) + ip4(A, B, 17, udp(A, B, 900, 5015, b'g%07d' % i + b'x' * 300)) for i in range(100)]
bad = [eth(d, s) + ip4(A, B, 17, udp(A, B, 900, 5015, b'b%07d' % i + b'x' * 300, bad_csum=True)) for i in range(100)]
t = [eth(d, s) + ip4(A, B, 6, tcp(A, B, 901, 7002, i, 1, 0x18, b'y' * 200, bad_csum=True)) for i in range(40)]
send_all('$(dev c0)', [f for p in zip(good, bad) for f in p] + t, 0.005)"
  fault_end; wait_bg app; healthy_wait
  local u t; u=$(ctr_delta srv Udp.InCsumErrors); t=$(ctr_delta srv Tcp.InCsumErrors)
  truthj sent 200; truthj received "$(jget recv.json received)"; truthj expect_min_drops $((u+t)); truthj tcp_bad $t
  truth_counter net/snmp Udp.InCsumErrors srv $u
}
inc_main "$@"

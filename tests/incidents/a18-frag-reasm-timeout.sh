#!/bin/bash
# SPDX-License-Identifier: MIT
# Second fragments never arrive (lost before this host): reassembly times out (ipfrag_time 1 s here).
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "IP fragments missing on the wire: reassembly timeout"
  truth root_cause fragment-lost-upstream
  truth layer ip
  truthj expect_reason '["FRAG_REASM_TIMEOUT"]'
  truth expect_location_regex 'inet_frag_rbtree_purge|ip_expire|inet_frag|ip_frag'
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"udp","src":"10.18.1.1","dst":"10.18.1.2","dport":5018}'
  truthj wrong_answers '["frag-memory-limit","udp-rcvbuf-overflow","nft-fragment-drop","udp-no-listener"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() { ns_add cli srv; link cli c0 10.18.1.1/24 srv s0 10.18.1.2/24; warm cli 10.18.1.2
  ns srv sysctl -qw net.ipv4.ipfrag_time=1; }
inc_trigger() {
  ctr_mark srv Ip.ReasmTimeout; ctr_mark srv Ip.ReasmFails
  healthy_start cli srv 10.18.1.2 5
  bg srv app $PY -m tool udp-recv 10.18.1.2 5018 3 recv.json; wait_for 5 test -s "$STATE/app.log"; sleep 0.5; fault_begin
  ns cli $PY -c "
from tool import *
d, s = '$(mac srv s0)', '$(mac cli c0)'; A, B = '10.18.1.1', '10.18.1.2'; fr = []
for i in range(60):
    u = udp(A, B, 900, 5018, b'f' * 2000)
    fr.append(eth(d, s) + ip4(A, B, 17, u[:1480], ident=i + 1, frag=0x2000))
    if i % 2: fr.append(eth(d, s) + ip4(A, B, 17, u[1480:], ident=i + 1, frag=185))
send_all('$(dev c0)', fr, 0.01)"
  sleep 2.2; fault_end; wait_bg app; healthy_wait
  local d; d=$(ctr_delta srv Ip.ReasmTimeout)
  truthj sent 60; truthj received "$(jget recv.json received)"; truthj expect_min_drops $d; truthj reasm_fails "$(ctr_delta srv Ip.ReasmFails)"
  truth_counter net/snmp Ip.ReasmTimeout srv $d
}
inc_main "$@"

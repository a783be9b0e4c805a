#!/bin/bash
# SPDX-License-Identifier: MIT
# ip_forward was switched off on the router (sysctl reload): everything to forward is dropped, its own address answers.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "ip_forward=0 on the router"
  truth root_cause ip-forward-off
  truth layer ip
  truthj expect_reason '["IP_INADDRERRORS"]'
  truth expect_location_regex 'ip_error'
  truth expect_dev "$(dev r0)"
  truthj expect_flow '{"proto":"udp","src":"10.40.1.1","dst":"10.40.2.2","dport":5040}'
  truthj wrong_answers '["no-route-forward","nft-forward-drop","neighbour-failed","martian-source"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() { ns_add cli rtr srv
  link cli c0 10.40.1.1/24 rtr r0 10.40.1.254/24; link rtr r1 10.40.2.254/24 srv s0 10.40.2.2/24
  ns rtr sysctl -qw net.ipv4.ip_forward=1
  ns cli ip route add default via 10.40.1.254; ns srv ip route add default via 10.40.2.254; warm cli 10.40.2.2; }
inc_trigger() {
  ctr_mark rtr Ip.InAddrErrors
  healthy_start cli rtr 10.40.1.254 4
  bg srv app $PY -m tool udp-recv 10.40.2.2 5040 4 recv.json; wait_for 5 test -s "$STATE/app.log"
  ns cli $PY -m tool udp-send 10.40.2.2 5040 30 200 5000 before.json
  fault_begin; ns rtr sysctl -qw net.ipv4.ip_forward=0
  ns cli $PY -m tool udp-send 10.40.2.2 5040 200 200 8000 sent.json
  fault_end; wait_bg app; healthy_wait
  local d; d=$(ctr_delta rtr Ip.InAddrErrors)
  truthj sent 230; truthj received "$(jget recv.json received)"; truthj expect_min_drops $d
  truth_counter net/snmp Ip.InAddrErrors rtr $d
}
inc_main "$@"

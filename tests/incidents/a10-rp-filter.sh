#!/bin/bash
# SPDX-License-Identifier: MIT
# Strict reverse path filter on a two-legged server: requests come in on leg 1, the way back to the client is leg 2.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "rp_filter=1 drops requests that arrive on the other leg (asymmetric route)"
  truth root_cause rp-filter-asymmetric
  truth layer ip
  truthj expect_reason '["IP_RPFILTER"]'
  truth expect_location_regex 'ip_rcv_finish_core|ip_route_input|ip_rcv'
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"udp","src":"10.10.9.9","dst":"10.10.1.2","dport":5010}'
  truthj wrong_answers '["netfilter-drop","udp-no-listener","martian-source","no-return-route"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() { ns_add cli srv
  link cli c0 10.10.1.1/24 srv s0 10.10.1.2/24; link cli c1 10.10.2.1/24 srv s1 10.10.2.2/24
  ns cli ip addr add 10.10.9.9/32 dev lo; ns cli sysctl -qw net.ipv4.conf.all.rp_filter=0
  ns srv sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.$(dev s0).rp_filter=1 net.ipv4.conf.$(dev s1).rp_filter=1
  ns srv ip route add 10.10.9.0/24 via 10.10.2.1 dev "$(dev s1)"
  warm cli 10.10.1.2; warm cli 10.10.2.2; }
inc_trigger() {
  ctr_mark srv TcpExt.IPReversePathFilter
  healthy_start cli srv 10.10.1.2 4
  bg srv app $PY -m tool udp-recv 0.0.0.0 5010 5 recv.json; wait_for 5 test -s "$STATE/app.log"; sleep 0.5; fault_begin
  ns cli $PY -m tool udp-send 10.10.1.2 5010 200 200 5000 sent.json 10.10.9.9
  fault_end; healthy_wait
  local d; d=$(ctr_delta srv TcpExt.IPReversePathFilter)
  truthj sent 200; truthj received 0; truthj expect_min_drops $d
  truth_counter net/netstat TcpExt.IPReversePathFilter srv $d
}
inc_main "$@"

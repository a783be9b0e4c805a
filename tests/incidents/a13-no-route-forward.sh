#!/bin/bash
# SPDX-License-Identifier: MIT
# A router without a route for one prefix: forwarding fails, ICMP network unreachable goes back.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "Router has no route to 10.13.77.0/24"
  truth root_cause no-route-forward
  truth layer ip
  truthj expect_reason '["IP_INNOROUTES"]'
  truth expect_location_regex 'ip_error|ip_forward|ip_rcv_finish'
  truth expect_dev "$(dev r0)"
  truthj expect_flow '{"proto":"udp","src":"10.13.1.1","dst":"10.13.77.7","dport":5013}'
  truthj wrong_answers '["netfilter-drop","neigh-failed","no-return-route","ttl-expired"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() { ns_add cli rtr srv
  link cli c0 10.13.1.1/24 rtr r0 10.13.1.254/24; link rtr r1 10.13.2.254/24 srv s0 10.13.2.2/24
  ns rtr sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
  ns cli ip route add default via 10.13.1.254; ns srv ip route add default via 10.13.2.254; warm cli 10.13.2.2; }
inc_trigger() {
  ctr_mark rtr Ip.InNoRoutes; ctr_mark rtr IpExt.InNoRoutes; ctr_mark cli Icmp.InDestUnreachs
  healthy_start cli srv 10.13.2.2 4
  sleep 0.5; fault_begin
  ns cli $PY -m tool udp-send 10.13.77.7 5013 150 100 10000 sent.json
  fault_end; healthy_wait
  local d; d=$(ctr_delta rtr IpExt.InNoRoutes)
  truthj sent "$(jget sent.json sent)"; truthj sender_errors "$(jget sent.json errors)"; truthj received 0; truthj expect_min_drops $d
  truthj icmp_unreach_at_client "$(ctr_delta cli Icmp.InDestUnreachs)"
  truth_counter net/netstat IpExt.InNoRoutes rtr $d
}
inc_main "$@"

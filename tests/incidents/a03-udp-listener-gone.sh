#!/bin/bash
# SPDX-License-Identifier: MIT
# The UDP server process ends while its clients go on; noise: a scan of 40 closed ports, 1 datagram each.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "UDP service went away: datagrams to a port without socket (with port-scan noise)"
  truth root_cause udp-no-listener
  truth layer transport
  truthj expect_reason '["NO_SOCKET"]'
  truth expect_location_regex '__udp4_lib_rcv'
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"udp","src":"10.3.1.1","dst":"10.3.1.2","dport":5003}'
  truthj wrong_answers '["port-scan","udp-rcvbuf-overflow","netfilter-drop"]'
  truthj noise '["40 datagrams to 40 closed ports 20000-20039 from 10.3.1.1: a scan, not the cause"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() { ns_add cli srv; link cli c0 10.3.1.1/24 srv s0 10.3.1.2/24; warm cli 10.3.1.2
  ns srv sysctl -qw net.ipv4.icmp_ratelimit=0; }
inc_trigger() {
  ctr_mark srv Udp.NoPorts
  healthy_start cli srv 10.3.1.2 4
  bg srv app $PY -m tool udp-recv 10.3.1.2 5003 30 recv.json
  wait_for 5 test -s "$STATE/app.log"
  bg cli sender $PY -m tool udp-send 10.3.1.2 5003 300 200 10000 sent.json
  bg cli scan $PY -c '
from tool import *
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for p in range(20000, 20040):
    try: s.sendto(b"scan", ("10.3.1.2", p))
    except OSError: pass
    time.sleep(0.06)'
  sleep 1; fault_begin; stop app               # the fault: the process is gone
  wait_bg sender; fault_end; wait_bg scan; healthy_wait
  local d; d=$(ctr_delta srv Udp.NoPorts)
  truthj sent "$(jget sent.json sent)"; truthj expect_min_drops $((d-40)); truthj sender_errors "$(jget sent.json errors)"
  truth_counter net/snmp Udp.NoPorts srv "$d"
}
inc_main "$@"

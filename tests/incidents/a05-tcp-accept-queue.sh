#!/bin/bash
# SPDX-License-Identifier: MIT
# Accept queue full: listen(2), the application never calls accept; clients retransmit their SYN.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "TCP accept queue overflow: the application does not accept"
  truth root_cause tcp-accept-queue-overflow
  truth layer transport
  truthj expect_reason '[]'
  truth expect_location_regex ''
  truthj notes '["the refused SYN is freed by consume_skb: NO kfree_skb event; evidence is TcpExt.ListenOverflows, ss Recv-Q > Send-Q of the listener, SYN retransmits without SYN-ACK"]'
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"tcp","src":"10.5.1.1","dst":"10.5.1.2","dport":8005}'
  truthj wrong_answers '["no-listener","netfilter-drop","syn-queue-overflow","link-loss","slow-network"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() { ns_add cli srv; link cli c0 10.5.1.1/24 srv s0 10.5.1.2/24; warm cli 10.5.1.2
  ns srv sysctl -qw net.ipv4.tcp_syncookies=0; }
inc_trigger() {
  local c
  for c in TcpExt.ListenOverflows TcpExt.ListenDrops; do ctr_mark srv $c; done; ctr_mark cli TcpExt.TCPSynRetrans
  healthy_start cli srv 10.5.1.2 5
  bg srv lazy $PY -c '
from tool import *
s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(("10.5.1.2", 8005)); s.listen(2)
print("ready", flush=True); time.sleep(30)'
  wait_for 5 test -s "$STATE/lazy.log"
  sleep 0.5; fault_begin
  ns cli $PY -c '
from tool import *
ss = []
for i in range(12):
    s = socket.socket(); s.setblocking(False)
    try: s.connect(("10.5.1.2", 8005))
    except BlockingIOError: pass
    ss.append(s); time.sleep(0.05)
time.sleep(3.5)
ok = sum(1 for s in ss if s.getsockopt(6, 11, 104)[0] == 1)     # TCP_INFO state: 1 ESTABLISHED
jout("sent.json", sent=12, established=ok)'
  fault_end; healthy_wait
  local d; d=$(ctr_delta srv TcpExt.ListenOverflows)
  truthj sent 12; truthj received "$(jget sent.json established)"
  truthj expect_min_drops "$d"; truthj syn_retrans "$(ctr_delta cli TcpExt.TCPSynRetrans)"
  truth_counter net/netstat TcpExt.ListenOverflows srv "$d"
}
inc_main "$@"

#!/bin/bash
# SPDX-License-Identifier: MIT
# The receiving application stops reading for 2.5 s: zero window; the sender is blocked. Nothing is dropped.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "TCP zero window: the receiver's application does not read (no drop, no network fault)"
  truth root_cause zero-window
  truth layer socket
  truthj expect_reason '[]'
  truth expect_location_regex ''
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"tcp","src":"10.27.1.1","dst":"10.27.1.2","dport":8027}'
  truthj wrong_answers '["link-loss","congestion","tcp-retransmit-loss","udp-rcvbuf-overflow"]'
  truthj notes '["TCP_OLD_SEQUENCE / TCP_OLD_DATA drops of this flow are zero-window probes: a consequence"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() { ns_add cli srv; link cli c0 10.27.1.1/24 srv s0 10.27.1.2/24; warm cli 10.27.1.2; }
inc_trigger() {
  ctr_mark srv TcpExt.TCPToZeroWindowAdv; ctr_mark srv TcpExt.TCPFromZeroWindowAdv
  healthy_start cli srv 10.27.1.2 5
  bg srv app $PY -c '
from tool import *
l = socket.socket(); l.setsockopt(1, 2, 1); l.setsockopt(1, 8, 32768); l.bind(("10.27.1.2", 8027)); l.listen(1); print("ready", flush=True)
c, _ = l.accept(); n = 0; c.settimeout(10); stalled = 0
while True:
    d = c.recv(8192)
    if not d: break
    n += len(d); time.sleep(0.001)
    if n > 500000 and not stalled: stalled = time.monotonic(); time.sleep(2.5)         # the fault
jout("recv.json", received=n, stall_at=stalled, stall_s=2.5)'
  wait_for 5 test -s "$STATE/app.log"; sleep 0.3; fault_begin
  ns cli $PY -c '
from tool import *
s = socket.socket(); s.connect(("10.27.1.2", 8027)); worst = 0; n = 0
for i in range(200):
    t = time.monotonic(); s.sendall(b"z" * 8000); n += 8000; worst = max(worst, time.monotonic() - t); time.sleep(0.002)
s.close(); jout("sent.json", sent=n, longest_block_s=worst)'
  fault_end; wait_bg app; healthy_wait
  truthj sent_bytes "$(jget sent.json sent)"; truthj received_bytes "$(jget recv.json received)"; truthj sender_blocked_s "$(jget sent.json longest_block_s)"
  truthj stall "{\"mono\":$(jget recv.json stall_at),\"s\":2.5}"; truthj expect_min_drops 0
  truth_counter net/netstat TcpExt.TCPToZeroWindowAdv srv "$(ctr_delta srv TcpExt.TCPToZeroWindowAdv)"
}
inc_main "$@"

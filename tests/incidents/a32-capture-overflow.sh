#!/bin/bash
# SPDX-License-Identifier: MIT
# A packet capture (AF_PACKET) with a small buffer does not keep up: the CAPTURE loses frames, the service loses nothing.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "The packet capture itself overflows; the network and the service are fine"
  truth root_cause capture-overflow-only
  truth layer capture
  truthj expect_reason '["PACKET_SOCK_ERROR"]'
  truth expect_location_regex 'packet_rcv|tpacket_rcv'
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{"proto":"udp","src":"10.32.1.1","dst":"10.32.1.2","dport":5032}'
  truthj wrong_answers '["udp-rcvbuf-overflow","netdev-backlog","link-loss","ring-overflow"]'
  truthj notes '["service loss is 0; on receive the tap shares the skb, so kfree_skb fires only where it was the last reference: fewer events than tp_drops"]'
  truthj expect_min_drop_events 1
  truthj kernel_needs '["veth","AF_PACKET"]'
}
inc_setup() { ns_add cli srv; link cli c0 10.32.1.1/24 srv s0 10.32.1.2/24; warm cli 10.32.1.2; }
inc_trigger() {
  healthy_start cli srv 10.32.1.2 4
  bg srv app $PY -m tool udp-recv 10.32.1.2 5032 1.2 recv.json; wait_for 5 test -s "$STATE/app.log"
  bg srv tap $PY -c "
from tool import *
s = packet_socket('$(dev s0)', 3); s.setsockopt(1, 8, 20000); print('ready', flush=True)
end = time.time() + 5; n = 0; s.settimeout(0.2)
while time.time() < end:                                    # a slow writer: 10 frames a second
    try: s.recv(65536); n += 1
    except socket.timeout: pass
    time.sleep(0.1)
p, d = struct.unpack('II', s.getsockopt(263, 6, 8)); jout('tap.json', read=n, seen=p, drops=d)"
  wait_for 5 test -s "$STATE/tap.log"; sleep 0.3; fault_begin
  ns cli $PY -m tool udp-send 10.32.1.2 5032 400 600 4000 sent.json
  fault_end; wait_bg app; healthy_wait; wait_bg tap
  local s r; s=$(jget sent.json sent); r=$(jget recv.json received)
  truthj sent $s; truthj received $r; truthj service_loss $((s-r)); truthj expect_min_drops "$(jget tap.json drops)"
  truthj expect_counter '{"file":"PACKET_STATISTICS","name":"tp_drops","netns":"'$(nsn srv)'","delta":'"$(jget tap.json drops)"'}'
}
inc_main "$@"

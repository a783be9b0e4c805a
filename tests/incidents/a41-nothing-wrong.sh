#!/bin/bash
# SPDX-License-Identifier: MIT
# The null incident: healthy service, with the usual noise (port scan, flooded frames for another host, resets at close,
# IPv6 multicast, an unknown Ethernet type such as LLDP). The right answer is: no fault.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "Nothing is wrong: ordinary noise only"
  truth root_cause none
  truth layer none
  truthj expect_reason '[]'
  truth expect_location_regex ''
  truth expect_dev "$(dev s0)"
  truthj expect_flow '{}'
  truthj noise '["UDP scan of 60 closed ports","TCP scan of 29 closed ports","200 flooded frames for 10.41.1.77 (OTHERHOST)","20 LLDP frames (UNHANDLED_PROTO)","25 connections closed with RST (SO_LINGER 0)","IPv6 ND/MLD"]'
  truthj wrong_answers '["udp-no-listener","tcp-no-listener","wrong-dest-mac","unhandled-ethertype","server-reset"]'
  truthj kernel_needs '["veth"]'
}
inc_setup() { ns_add cli srv; link cli c0 10.41.1.1/24 srv s0 10.41.1.2/24; warm cli 10.41.1.2; }
inc_trigger() {
  healthy_start cli srv 10.41.1.2 5
  sleep 0.3; fault_begin
  ns cli $PY -c "
from tool import *
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
p = packet_socket('$(dev c0)'); s = '$(mac cli c0)'
for i in range(200):
    if i < 60:
        try: u.sendto(b'scan', ('10.41.1.2', 30000 + i))
        except OSError: pass
    if i % 7 == 0:
        t = socket.socket()
        try: t.connect(('10.41.1.2', 31000 + i))
        except OSError: pass
        t.close()
    p.send(eth('02:00:00:00:77:77', s) + ip4('10.41.1.1', '10.41.1.77', 17, udp('10.41.1.1', '10.41.1.77', 5, 6, b'flood' * 10)))
    if i % 10 == 0: p.send(eth('01:80:c2:00:00:0e', s, 0x88cc) + b'L' * 60)
    if i % 8 == 0:
        c = socket.create_connection(('10.41.1.2', 7002)); c.sendall(b'hello'); c.recv(10)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()
    time.sleep(0.015)"
  fault_end; healthy_wait
  truthj sent 0; truthj received 0; truthj expect_min_drops 0
  truthj expect_counter '{"file":"-","name":"none","netns":"'$(nsn srv)'","delta":0}'
}
inc_main "$@"

#!/bin/bash
# SPDX-License-Identifier: MIT
# A gateway forwards into a tun device (VPN); the VPN process hangs and does not read: the tun ring is full.
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "tun device: the user process does not read, the ring is full"
  truth root_cause tun-ring-full
  truth layer device
  truthj expect_reason '["FULL_RING"]'
  truth expect_location_regex 'tun_net_xmit'
  truth expect_dev "$(dev t0)"
  truthj expect_flow '{"proto":"udp","src":"10.30.1.1","dst":"10.30.9.9","dport":5030}'
  truthj wrong_answers '["qdisc-overlimit","udp-rcvbuf-overflow","netdev-backlog","no-route"]'
  truthj kernel_needs '["veth","tun"]'
}
inc_setup() { ns_add cli gw; link cli c0 10.30.1.1/24 gw g0 10.30.1.254/24; ns gw sysctl -qw net.ipv4.ip_forward=1
  ns cli ip route add default via 10.30.1.254; warm cli 10.30.1.254; }
inc_trigger() {
  healthy_start cli gw 10.30.1.254 4
  bg gw vpn $PY -c "
from tool import *
import subprocess, signal
fd = tun_open('$(dev t0)'); subprocess.check_call('ip addr add 10.30.9.1/24 dev $(dev t0); ip link set $(dev t0) up txqueuelen 50', shell=True)
print('ready', flush=True); n = 0; end = time.time() + 0.9; import select
while time.time() < end:                                   # healthy, then hangs
    if select.select([fd], [], [], 0.05)[0]: n += os.read(fd, 2048)[9] == 17
jout('vpn.json', read=n); time.sleep(30)"
  wait_for 5 test -s "$STATE/vpn.log"
  ns cli $PY -m tool udp-send 10.30.9.9 5030 40 300 5000 ok.json
  wait_for 5 test -s "$STATE/vpn.json"; fault_begin
  ns cli $PY -m tool udp-send 10.30.9.9 5030 200 300 4000 sent.json
  fault_end; healthy_wait
  local d; d=$(ns gw cat /sys/class/net/$(dev t0)/statistics/tx_dropped)
  truthj sent 240; truthj received "$(jget vpn.json read)"; truthj queued_not_read 50; truthj expect_min_drops $d
  truthj expect_counter '{"file":"net/dev","name":"tx drop","netns":"'$(nsn gw)'","dev":"'$(dev t0)'","delta":'$d'}'
}
inc_main "$@"

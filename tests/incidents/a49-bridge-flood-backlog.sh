#!/bin/bash
# SPDX-License-Identifier: MIT
# Unknown-unicast flood on a bridge with 20 ports: each burst (UDP GSO, 100 segments) is copied 20 times within one softirq
# run and overflows the per-CPU backlog (default netdev_max_backlog 1000; no global setting is touched).
. "$(dirname "$0")/lib.sh"
inc_truth() {
  truth title "Unknown-unicast flood over a bridge with many ports overflows the per-CPU backlog"
  truth root_cause bridge-flood-backlog
  truth layer softirq
  truthj expect_reason '["CPU_BACKLOG"]'
  truth expect_location_regex 'enqueue_to_backlog|netif_rx'
  truth expect_dev "$(dev k)[0-9]+"
  truthj expect_flow '{"proto":"udp","src":"10.49.1.1","dst":"10.49.1.99","dport":5049,"dst_mac":"02:de:ad:49:00:99"}'
  truthj wrong_answers '["ring-overflow","udp-rcvbuf-overflow","qdisc-overlimit","wrong-dest-mac"]'
  truthj notes '["the destination MAC is in no FDB entry: the flood multiplies the packets by the number of ports; OTHERHOST drops at the ports are copies that got through"]'
  truthj kernel_needs '["veth","bridge"]'
}
inc_setup() { local i
  ns_add cli srv sw sink
  link cli c0 10.49.1.1/24 sw p0 -; link srv s0 10.49.1.2/24 sw p1 -
  ns sw ip link add "$(dev br)" type bridge stp_state 0; ns sw ip link set "$(dev br)" up
  ns sink sysctl -qw net.ipv6.conf.default.disable_ipv6=1; ns sw sysctl -qw net.ipv6.conf.default.disable_ipv6=1
  for i in $(seq 20); do link sw q$i - sink k$i -; ns sw ip link set "$(dev q$i)" master "$(dev br)"; done
  ns sw ip link set "$(dev p0)" master "$(dev br)"; ns sw ip link set "$(dev p1)" master "$(dev br)"; sleep 1
  ns cli ip neigh replace 10.49.1.99 lladdr 02:de:ad:49:00:99 dev "$(dev c0)" nud permanent
  ns cli ethtool -K "$(dev c0)" tx-udp-segmentation off >/dev/null; warm cli 10.49.1.2; }
rxd() { ns sink bash -c 'cat /sys/class/net/*k*/statistics/rx_dropped' | awk '{s+=$1} END{print s}'; }
sn() { $PY -c 'print(sum(int(l.split()[1],16) for l in open("/proc/net/softnet_stat")))'; }
inc_trigger() {
  local b s; b=$(rxd); s=$(sn)
  healthy_start cli srv 10.49.1.2 5; sleep 0.5; fault_begin
  ns cli $PY -c '
from tool import *
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(17, 103, 500)         # UDP_SEGMENT
for i in range(6): s.sendto(b"F" * 50000, ("10.49.1.99", 5049)); time.sleep(0.5)'
  fault_end; healthy_wait
  local d; d=$(( $(rxd) - b ))
  truthj sent 600; truthj copies 12600; truthj expect_min_drops $d; truthj softnet_dropped $(( $(sn) - s ))
  truthj expect_counter '{"file":"net/dev","name":"rx drop, sum of '$(dev k)'1..20","netns":"'$(nsn sink)'","delta":'$d'}'
}
inc_main "$@"

# SPDX-License-Identifier: MIT
# blib.sh - small additions for the b incidents; source it after lib.sh.
N=$((10#${TAG#[a-z]})); case $TAG in c*) N=$((N + 80)) ;; esac
NET=10.$((100 + N))                             # every incident has its own 10.1NN.0.0/16
BT="$PY -m btool"
# pair: cli c0 NET.1.1 -- NET.1.2 s0 srv
pair() { ns_add cli srv; link cli c0 $NET.1.1/24 srv s0 $NET.1.2/24; warm cli $NET.1.2; }
# pair2: the same and a second, healthy link cli c1 NET.9.1 -- NET.9.2 s1 srv
pair2() { pair; link cli c1 $NET.9.1/24 srv s1 $NET.9.2/24; warm cli $NET.9.2; }
# rtr3: cli c0 NET.1.1 -- NET.1.254 r0 rtr r1 NET.2.254 -- NET.2.1 s0 srv
rtr3() {
  ns_add cli rtr srv
  link cli c0 $NET.1.1/24 rtr r0 $NET.1.254/24
  link rtr r1 $NET.2.254/24 srv s0 $NET.2.1/24
  ns rtr sysctl -qw net.ipv4.ip_forward=1
  ns cli ip route add default via $NET.1.254
  ns srv ip route add default via $NET.2.254
  warm cli $NET.2.1
}


t_() { truth title "$1"; truth root_cause "$2"; truth layer "$3"; }
reasons() { truthj expect_reason "$1"; truth expect_location_regex "$2"; truth expect_dev "$3"; }
wrongs() { truthj wrong_answers "$1"; }
needs() { truthj kernel_needs "$1"; }
# metric NAME MIN [WHERE]: latency or count symptoms
metric() { truthj expect_metric "{\"name\":\"$1\",\"min\":$2,\"where\":\"${3:-}\"}"; }
flow() { truthj expect_flow "$1"; }
ctstat() { ns "$1" conntrack -S | tr ' ' '\n' | awk -F= -v k="$2" '$1==k{s+=$2} END{print s+0}'; }  # ctstat rtr drop
seen() { truthj seen "$1"; }                     # what the applications saw (JSON)
# incg CGROUPDIR cmd...: run cmd in a cgroup ("ip netns exec" hides /sys/fs/cgroup, so before it)
incg() { local g=$1; shift; bash -c 'echo $$ >"$0"; exec "$@"' "$g" "$@"; }
SCHED_EV="sock:sock_recv_length irq:softirq_raise irq:softirq_entry irq:softirq_exit sched:sched_switch sched:sched_waking sched:sched_wakeup napi:napi_poll net:netif_rx net:netif_receive_skb skb:kfree_skb skb:skb_copy_datagram_iovec sock:sk_data_ready"
evj() { truthj needs_events "$($PY -c 'import json,sys; print(json.dumps(sys.argv[1].split()))' "$1")"; }
# softnet CPU COLUMN (0 processed, 1 dropped, 2 time_squeeze, 9 received_rps)
softnet() { $PY -c 'import sys; print(int(open("/proc/net/softnet_stat").read().split("\n")[int(sys.argv[1])].split()[int(sys.argv[2])],16))' "$1" "$2"; }
# bigrules NS N: a forward/input chain of N rules that never match, as an unindexed firewall has
bigrules() { { echo 'table ip big { chain i { type filter hook prerouting priority -150;'; for ((j = 0; j < $2; j++)); do echo "udp dport 5001 ip saddr 198.18.$((j / 250 % 250)).$((j % 250)) drop"; done; echo '}; }'; } >"$STATE/big.nft"; ns "$1" nft -f "$STATE/big.nft"; }

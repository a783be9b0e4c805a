#!/bin/bash
# SPDX-License-Identifier: MIT
# Firewalls, connection tracking, queueing disciplines, softirqs and scheduling:
# INC_ID=fNN-NAME ./filter.sh setup|trigger|truth|cleanup. The recorder's options are in expected.tsv.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
NET=10.$((180 + N)); SIX=fd00:6${TAG#f}
PORT=$((6300 + N))

# want REASON FUNCTION NS DEV PROTO DST [PORT]: where and whose
want() {
  reasons "[${1:+\"$1\"}]" "$2" "$([ -z "$4" ] || dev "$4")"; [ -z "$3" ] || truth expect_netns "$(nsn "$3")"
  if [ -n "$5" ]; then flow "{\"proto\":\"$5\",\"dst\":\"$6\",\"dport\":${7:-$PORT}}"; else flow '{}'; fi
}
inc_truth() {
  t_ "filter: ${INC_ID#*-}" "${INC_ID#*-}" -; wrongs '[]'; truthj expect_min_drops 3
  case $TAG in
  f01) want NETFILTER_DROP nft cli '' tcp $SIX:1::2 ;;
  f02) want NETFILTER_DROP nft srv s0 udp $NET.1.2; truthj sent 1500 ;;
  f03) want NETFILTER_DROP nft rtr '' tcp $NET.2.1 ;;
  f04) want NETFILTER_DROP nft sw '' udp $SIX:5::3; truthj sent 200 ;;
  f05) want NETFILTER_DROP nft rtr '' udp $SIX:2::1; truthj sent 200 ;;
  f06) want NETFILTER_DROP nft srv '' tcp $NET.1.2 ;;
  f07) want NETFILTER_DROP nft ct '' udp $NET.1.9; truthj sent 200 ;;
  f08) want NETFILTER_DROP nft srv s0 '' ;;
  f09) want NETFILTER_DROP nft rtr '' '' ;;
  f10) want '' nft rtr '' udp $SIX:2::1; truthj sent 200 ;;
  f11) want '' nft srv '' tcp $SIX:1::2 ;;
  f12) want '' nft rtr '' tcp $NET.2.1 ;;
  f13) want NETFILTER_DROP nf_hook_slow rtr '' tcp $NET.2.1 ;;
  f14) want NETFILTER_DROP nf_hook_slow rtr '' tcp $SIX:2::1 ;;
  f15) want NETFILTER_DROP nf_hook_slow rtr '' udp $NET.2.1 ;;
  f16) want NETFILTER_DROP nft rtr '' tcp $NET.2.1 ;;
  f17) want NETFILTER_DROP nft rtr '' tcp $NET.9.2 ;;
  f18) want '' '' rtr '' tcp $NET.1.254 80; truthj expect_min_drops 0 ;;
  f19) want NETFILTER_DROP nft rtr '' tcp $SIX:2::1 ;;
  f20) want '' '' rtr '' tcp $NET.2.1; truthj expect_min_drops 0 ;;
  f21) want NETFILTER_DROP nf_hook_slow rtr '' tcp $NET.2.1 ;;
  f22) want '' '' rtr '' ''; truthj expect_min_drops 0 ;;
  f23) want '' '' srv '' ''; truthj expect_min_drops 0 ;;
  f24) want CPU_BACKLOG enqueue srv s0 udp $SIX:1::2 ;;
  f25) want CPU_BACKLOG enqueue srv s0 '' ;;
  f26) want '' '' '' '' ''; truthj expect_min_drops 0 ;;
  f31) want '' '' srv s0 ''; truthj expect_min_drops 0; truthj hint true ;;
  f27) want '' '' srv '' ''; truthj expect_min_drops 0; truthj expect_cpu 0 ;;
  f30) want '' '' srv s0 ''; truthj expect_min_drops 0; truthj expect_cpu 1 ;;
  f32) want '' '' cli c0 ''; truthj expect_min_drops 0 ;;
  f33) want QDISC_DROP . cli c0 udp $SIX:1::2 ;;
  f34) want QDISC_DROP . rtr r1 udp $NET.2.1 ;;
  f35) want QDISC_DROP . cli c0 tcp $SIX:1::2 ;;
  f36) want QDISC_DROP . srv i0 udp $NET.1.2 ;;
  f37) want QDISC_DROP . sw q2 udp $NET.5.2 ;;
  f38) want '' '' cli c0 ''; truthj expect_min_drops 0 ;;
  f39) want '' '' rtr r1 ''; truthj expect_min_drops 0 ;;
  f40) want QDISC_DROP . cli c0 udp $NET.1.2 ;;
  f41) want QDISC_DROP . rtr r1 '' ;;
  f42) want '' '' srv '' tcp $SIX:1::2; truthj expect_min_drops 0 ;;
  f43) want SOCKET_RCVBUFF . srv '' udp $NET.1.2 ;;
  f44 | f46) want SOCKET_RCVBUFF . srv '' udp $SIX:1::2 ;;
  f45) want '' '' srv '' tcp $NET.1.2; truthj expect_min_drops 0 ;;
  f48) want NETFILTER_DROP nft rtr '' tcp $NET.2.1 ;;
  f47) want PACKET_SOCK_ERROR . rtr r0 ''; truthj expect_min_drop_events 1 ;;
  f49) want NETFILTER_DROP nft srv s0 udp $NET.7.2 ;;
  f52) want '' nft cli '' tcp $NET.1.2 ;;
  f53) want NETFILTER_DROP nf_hook_slow cli '' udp $SIX:1::2 ;;
  f55) want CPU_BACKLOG enqueue srv '' '' ;;
  f56) want NETFILTER_DROP nf_hook_slow rtr '' tcp $SIX:2::1 ;;
  f57) want QDISC_DROP . cli c0 '' ;;
  f59) want '' '' rtr '' tcp $NET.1.254 80; truthj expect_min_drops 0 ;;
  *) die "no such incident" ;;
  esac
}

pair6() { ns_add cli srv; link cli c0 $NET.1.1/24,$SIX:1::1/64 srv s0 $NET.1.2/24,$SIX:1::2/64; warm cli $NET.1.2; warm cli $SIX:1::2; }
routed() { # cli c0 -- r0 rtr r1 -- s0 srv, both families
  ns_add cli rtr srv
  link cli c0 $NET.1.1/24,$NET.1.7/24,$SIX:1::1/64 rtr r0 $NET.1.254/24,$SIX:1::fe/64
  link rtr r1 $NET.2.254/24,$SIX:2::fe/64 srv s0 $NET.2.1/24,$SIX:2::1/64
  ns rtr sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ns cli ip route add default via $NET.1.254; ns srv ip route add default via $NET.2.254
  ns cli ip -6 route add default via $SIX:1::fe; ns srv ip -6 route add default via $SIX:2::fe; sleep 0.3
  warm cli $NET.2.1; warm cli $SIX:2::1
}
rules() { ns "$1" nft -f - ; }                      # rules NS <<<...
nftcount() { ns "$1" nft -j list ruleset | $PY -c 'import json,sys; print(sum(e["counter"]["packets"] for r in json.load(sys.stdin)["nftables"] if "rule" in r for e in r["rule"]["expr"] if "counter" in e))'; }
counted() { local n; n=$(nftcount "$1"); truthj expect_min_drops "$n"; [ "$n" -ge 3 ] || die "only $n"; }   # NS: by the rules' counters
tserve() { bg "$1" tsrv $BT tserve addr="$2" port="${3:-$PORT}" "${@:4}"; wait_for 5 test -s "$STATE/tsrv.log"; }
urecv() { bg "$1" recv $BT urecv addr="$2" port=$PORT idle=1.5 rcvbuf=8000000 out=recv.json "${@:3}"; wait_for 5 test -s "$STATE/recv.log"; }
send() { ns "$1" $PY -m tool udp-send "$2" $PORT "$3" "${4:-200}" "${5:-10000}" sent.json; }      # NS ADDR N [SIZE [GAP]]

inc_setup() {
  local i
  case $TAG in
  f01) pair6; rules cli <<<"table inet guard { set shut { type inet_service; elements = { 9443, $PORT }; }; chain outside { tcp dport @shut counter drop; }; chain out { type filter hook output priority 0; oifname != lo jump outside; }; }" ;;
  f02) pair6; rules srv <<<"table netdev e { chain in { type filter hook ingress device $(dev s0) priority 0; udp dport $PORT numgen random mod 10 0 counter drop; }; }" ;;
  f03) routed ;;
  f04) ns_add sw; ns sw ip link add "$(dev br)" type bridge; ns sw ip link set "$(dev br)" up
    for i in 1 2 3; do ns_add t$i; link sw q$i - t$i e$i $NET.5.$i/24,$SIX:5::$i/64; ns sw ip link set "$(dev q$i)" master "$(dev br)"; done
    sleep 0.3; warm t1 $SIX:5::2; warm t1 $SIX:5::3; warm t1 $NET.5.2
    rules sw <<<"table bridge b { chain f { type filter hook forward priority 0; ip6 daddr $SIX:5::3 udp dport $PORT counter drop; }; }" ;;
  f05) routed; rules rtr <<<"table ip6 f { chain f { type filter hook forward priority 0; policy drop; ct state established,related accept; meta l4proto ipv6-icmp accept; tcp dport 7002 accept; udp dport 7001 accept; }; }" ;;
  f06) pair6; rules srv <<<"table inet f { chain lossy { tcp dport $PORT numgen random mod 100 < 10 drop; }; chain i { type filter hook input priority 0; meta l4proto tcp jump lossy; }; }" ;;
  f07) pair6; ns_add ct; ns srv ip link add "$(dev m0)" link "$(dev s0)" type macvlan mode bridge; ns srv ip link set "$(dev m0)" netns "$(nsn ct)"
    ns ct ip addr add $NET.1.9/24 dev "$(dev m0)"; ns ct ip link set "$(dev m0)" up; warm cli $NET.1.9
    rules ct <<<"table ip f { chain i { type filter hook input priority 0; policy drop; icmp type echo-request accept; tcp dport 22 accept; ct state established accept; }; }" ;;
  f08) pair6; rules srv <<<"table ip f { chain p { type filter hook prerouting priority -450; ip frag-off & 0x3fff != 0 counter drop; }; }" ;;
  f09) routed; rules rtr <<<"table ip6 f { chain f { type filter hook forward priority 0; exthdr frag exists counter drop; }; }" ;;
  f10) routed; rules rtr <<<"table ip6 f { chain f { type filter hook forward priority 0; udp dport $PORT counter reject; }; }" ;;
  f11) pair6; rules srv <<<"table inet f { chain i { type filter hook input priority 0; tcp dport $PORT counter reject with tcp reset; }; }" ;;
  f12) routed; rules rtr <<<"table inet f { chain bad { counter reject with icmpx admin-prohibited; }; chain f { type filter hook forward priority 0; ip daddr $NET.2.1 tcp dport $PORT goto bad; }; }" ;;
  f13) routed; glock; rules rtr <<<'table ip f { chain f { type filter hook forward priority 0; ct state established,related accept; }; }' ;;
  f14) routed; glock; rules rtr <<<"table ip6 n { chain p { type nat hook postrouting priority srcnat; oifname $(dev r1) masquerade; }; }" ;;
  f15) # two clients behind one address, which choose the same port at the same moment
    routed; ns_add cl2; link cl2 d0 $NET.3.1/24 rtr r2 $NET.3.254/24; ns cl2 ip route add default via $NET.3.254; warm cl2 $NET.2.1
    rules rtr <<<"table ip n { chain p { type nat hook postrouting priority srcnat; oifname $(dev r1) udp dport $PORT snat to $NET.2.254; }; }" ;;
  f16) routed; rules rtr <<<'table inet f { chain f { type filter hook forward priority 0; ct state invalid counter drop; ct state established,related accept; }; }' ;;
  f17) # the way there over the firewall, the way back beside it
    routed; link cli c1 $NET.8.1/24 srv s1 $NET.8.2/24; ns srv ip addr add $NET.9.2/32 dev lo; ns rtr ip route add $NET.9.2/32 via $NET.2.1
    ns srv ip route add $NET.1.0/24 via $NET.8.1; ns srv sysctl -qw net.ipv4.conf.all.rp_filter=0; ns cli sysctl -qw net.ipv4.conf.all.rp_filter=0
    for i in c0 c1; do ns cli sysctl -qw "net.ipv4.conf.$(dev $i).rp_filter=0"; done; for i in s0 s1; do ns srv sysctl -qw "net.ipv4.conf.$(dev $i).rp_filter=0"; done
    rules rtr <<<'table inet f { chain f { type filter hook forward priority 0; ct state established,related accept; ct state invalid counter drop; }; }' ;;
  f18) routed; rules rtr <<<"table ip n { chain p { type nat hook prerouting priority dstnat; ip daddr $NET.1.254 tcp dport 80 dnat to $NET.2.1:$PORT; }; }" ;;
  f19) routed; ns rtr sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=2 net.netfilter.nf_conntrack_tcp_loose=0
    rules rtr <<<'table ip6 f { chain f { type filter hook forward priority 0; policy drop; ct state established,related accept; meta l4proto ipv6-icmp accept; ct state new accept; }; }' ;;
  f20) routed; ns rtr sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=2 net.netfilter.nf_conntrack_tcp_loose=0
    rules rtr <<<"table ip n { chain p { type nat hook postrouting priority srcnat; oifname $(dev r1) masquerade; }; }" ;;
  f21) routed; rules rtr <<<"table ip n { chain p { type nat hook postrouting priority srcnat; oifname $(dev r1) ip protocol tcp snat to $NET.2.254:4000-4015; }; }" ;;
  f22) routed; { echo "table ip f { chain f { type filter hook forward priority 0;"; for ((i = 0; i < 4000; i++)); do echo "ip saddr 198.18.$((i / 250)).$((i % 250)) drop"; done; echo "}; }"; } | rules rtr ;;
  f23) pair6; { echo "table inet f { chain blocked {"; for ((i = 0; i < 3000; i++)); do printf 'ip6 saddr 2001:db8:%x::/48 counter drop\n' $i; done; echo "}; chain i { type filter hook input priority 0; jump blocked; }; }"; } | rules srv ;;
  f26 | f31) pair6; ns srv bash -c "echo 2 >/sys/class/net/$(dev s0)/queues/rx-0/rps_cpus" ;;
  f24 | f25 | f30) pair6; ns srv bash -c "echo 2 >/sys/class/net/$(dev s0)/queues/rx-0/rps_cpus" ;;
  f32) ns_add cli srv; ip link add "$(dev c0)" netns "$(nsn cli)" numtxqueues 4 numrxqueues 4 type veth peer name "$(dev s0)" netns "$(nsn srv)" numtxqueues 4 numrxqueues 4
    ns cli ip addr add $NET.1.1/24 dev "$(dev c0)"; ns srv ip addr add $NET.1.2/24 dev "$(dev s0)"; ns cli ip link set "$(dev c0)" up; ns srv ip link set "$(dev s0)" up; warm cli $NET.1.2
    ns cli tc qdisc add dev "$(dev c0)" root handle 1: mq; ns cli tc qdisc add dev "$(dev c0)" parent 1:2 handle 20: tbf rate 1mbit burst 3000 limit 400000
    for i in 1 3 4; do ns cli tc qdisc add dev "$(dev c0)" parent 1:$i handle 3$i: pfifo limit 1000; done
    for i in 0 1 2 3; do ns cli bash -c "echo $((i == 0 ? 1 : i == 1 ? 2 : 0)) >/sys/class/net/$(dev c0)/queues/tx-$i/xps_cpus"; done ;;
  f33) pair6; ns cli tc qdisc add dev "$(dev c0)" root handle 1: htb default 10; ns cli tc class add dev "$(dev c0)" parent 1: classid 1:10 htb rate 2mbit; ns cli tc qdisc add dev "$(dev c0)" parent 1:10 handle 10: bfifo limit 12000 ;;
  f34) routed; ns rtr tc qdisc add dev "$(dev r1)" root handle 1: htb default 10; ns rtr tc class add dev "$(dev r1)" parent 1: classid 1:10 htb rate 1mbit ceil 1mbit; ns rtr tc qdisc add dev "$(dev r1)" parent 1:10 pfifo limit 8 ;;
  f35) pair6; ns cli tc qdisc add dev "$(dev c0)" root tbf rate 8mbit burst 5000 limit 20000 ;;
  f36) # what comes in is shaped
    pair6; ns srv ip link add "$(dev i0)" type ifb; ns srv ip link set "$(dev i0)" up; ns srv tc qdisc add dev "$(dev i0)" root tbf rate 1mbit burst 3000 limit 10000
    ns srv tc qdisc add dev "$(dev s0)" ingress; ns srv tc filter add dev "$(dev s0)" parent ffff: protocol ip u32 match ip protocol 17 0xff match ip dport $PORT 0xffff action mirred egress redirect dev "$(dev i0)" ;;
  f37) # the port of one container on a bridge
    ns_add sw; ns sw ip link add "$(dev br)" type bridge; ns sw ip link set "$(dev br)" up
    for i in 1 2 3; do ns_add t$i; link sw q$i - t$i e$i $NET.5.$i/24; ns sw ip link set "$(dev q$i)" master "$(dev br)"; done
    sleep 0.3; warm t1 $NET.5.2; warm t1 $NET.5.3; ns sw tc qdisc add dev "$(dev q2)" root tbf rate 1500kbit burst 4000 latency 20ms ;;
  f38) pair6; ns cli tc qdisc add dev "$(dev c0)" root handle 1: htb default 10; ns cli tc class add dev "$(dev c0)" parent 1: classid 1:10 htb rate 5mbit; ns cli tc qdisc add dev "$(dev c0)" parent 1:10 handle 10: pfifo limit 2000 ;;
  f39) routed; ns rtr tc qdisc add dev "$(dev r1)" root tbf rate 2mbit burst 4000 limit 2000000 ;;
  f40) pair6; ns cli tc qdisc add dev "$(dev c0)" root handle 1: htb default 20; ns cli tc class add dev "$(dev c0)" parent 1: classid 1:1 htb rate 20mbit
    ns cli tc class add dev "$(dev c0)" parent 1:1 classid 1:10 htb rate 1mbit ceil 1mbit; ns cli tc class add dev "$(dev c0)" parent 1:1 classid 1:20 htb rate 19mbit ceil 20mbit
    ns cli tc qdisc add dev "$(dev c0)" parent 1:10 handle 10: pfifo limit 20; ns cli tc filter add dev "$(dev c0)" parent 1: protocol ip u32 match ip dport $PORT 0xffff flowid 1:10 ;;
  f41) routed; ns rtr tc qdisc add dev "$(dev r1)" root tbf rate 20mbit burst 1200 limit 100000 ;;
  f42 | f44 | f45 | f46) pair6 ;;
  f43) pair6 ;;
  f47) routed ;;
  f48) routed; ns rtr sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0
    rules rtr <<<"table inet fw { chain f { type filter hook forward priority 0; policy drop; ct state { established, related } accept; meta l4proto { icmp, ipv6-icmp } accept; ct state new tcp dport { 22, $PORT } accept; }; }" ;;
  f49) # an overlay between two hosts, whose carrier the firewall refuses
    pair6; for i in 'cli c0 1 2' 'srv s0 2 1'; do read -r a b c d <<<"$i"; ns $a ip link add "$(dev x0)" type vxlan id 77 dev "$(dev $b)" local $NET.1.$c remote $NET.1.$d dstport 4789
      ns $a ip addr add $NET.7.$c/24 dev "$(dev x0)"; ns $a ip link set "$(dev x0)" up; done; warm cli $NET.7.2 ;;
  f52) pair6; rules cli <<<"table ip f { chain o { type filter hook output priority 0; ip daddr $NET.1.2 tcp dport { 23, $PORT } counter reject; }; }" ;;
  f53) pair6; glock; rules cli <<<'table ip6 f { chain o { type filter hook output priority 0; ct state established accept; }; }' ;;
  f55) pair6 ;;
  f56) routed; rules rtr <<<"table ip6 n { chain p { type nat hook postrouting priority srcnat; oifname $(dev r1) meta l4proto tcp masquerade to :5000-5011; }; }" ;;
  f57) pair6; ns cli ip link set "$(dev c0)" mtu 9000; ns srv ip link set "$(dev s0)" mtu 9000; ns cli tc qdisc add dev "$(dev c0)" root tbf rate 50mbit burst 5000 limit 300000 ;;
  f59) routed; ns rtr sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=2 net.netfilter.nf_conntrack_tcp_loose=0
    rules rtr <<<"table ip n { chain p { type nat hook prerouting priority dstnat; ip daddr $NET.1.254 tcp dport 80 dnat to $NET.2.1:$PORT; }; }; table inet f { chain i { type filter hook input priority 0; ct state invalid drop; }; };" ;;
  *) pair6 ;;
  esac
}

inc_cleanup() { # a cgroup goes with its last task
  local p; [ -d "/sys/fs/cgroup/cpu/inc-$TAG" ] || return 0
  p=$(bgpid tsrv 2>/dev/null); [ -z "$p" ] || kill -9 "$p" 2>/dev/null; sleep 0.3; rmdir "/sys/fs/cgroup/cpu/inc-$TAG" 2>/dev/null
}
inc_trigger() {
  case $TAG in
  f01) healthy_start cli srv $SIX:1::2 4; tserve srv $SIX:1::2; fault_begin; ns cli $BT tries dst=$SIX:1::2 port=$PORT n=25 secs=2.5 out=tries.json; fault_end; counted cli; healthy_wait ;;
  f02) healthy_start cli srv $NET.1.2 4; urecv srv $NET.1.2; fault_begin; send cli $NET.1.2 1500 300 2000; fault_end; wait_bg recv; counted srv; healthy_wait ;;
  f03) # connections that stand, then the address is put on the list
    healthy_start srv rtr $NET.2.254 5; tserve srv $NET.2.1
    bg cli idle $BT idle dst=$NET.2.1 port=$PORT n=10 idle=1.5 after=2; sleep 1; fault_begin
    rules rtr <<<"table ip guard { set blocked { type ipv4_addr; elements = { $NET.1.1, 192.0.2.7 }; }; chain pre { type filter hook prerouting priority raw; ip saddr @blocked counter drop; }; }"
    wait_bg idle; fault_end; counted rtr; healthy_wait ;;
  f04) healthy_start t1 t2 $NET.5.2 3; urecv t3 $SIX:5::3; fault_begin; send t1 $SIX:5::3 200; fault_end; counted sw; healthy_wait ;;
  f05) healthy_start cli srv $SIX:2::1 3; urecv srv $SIX:2::1; fault_begin; send cli $SIX:2::1 200; fault_end; truthj expect_min_drops 200; healthy_wait ;;
  f06) healthy_start cli srv $NET.1.2 4; tserve srv $NET.1.2 $PORT mode=sink; ctr_mark cli Tcp.RetransSegs; fault_begin; ns cli $BT tbulk dst=$NET.1.2 port=$PORT secs=3 out=bulk.json; fault_end
    [ "$(ctr_delta cli Tcp.RetransSegs)" -ge 10 ] || die "nothing lost"; healthy_wait ;;
  f07) healthy_start cli srv $NET.1.2 3; urecv ct $NET.1.9; fault_begin; send cli $NET.1.9 200; fault_end; truthj expect_min_drops 200; healthy_wait ;;
  f08) healthy_start cli srv $NET.1.2 3; urecv srv $NET.1.2; fault_begin; send cli $NET.1.2 60 4000 30000; fault_end; counted srv; healthy_wait ;;
  f09) healthy_start cli srv $SIX:2::1 3; urecv srv $SIX:2::1; fault_begin; send cli $SIX:2::1 60 5000 30000; fault_end; counted rtr; healthy_wait ;;
  f10) healthy_start cli srv $SIX:2::1 3; urecv srv $SIX:2::1; fault_begin; send cli $SIX:2::1 200; fault_end; counted rtr; healthy_wait ;;
  f11) healthy_start cli srv $SIX:1::2 3; tserve srv $SIX:1::2; fault_begin; ns cli $BT treq dst=$SIX:1::2 port=$PORT n=40 rps=20 new=1 timeout=1 out=req.json; fault_end; counted srv; healthy_wait ;;
  f12) healthy_start cli srv $NET.2.1 4; tserve srv $NET.2.1; fault_begin; ns cli $BT tries dst=$NET.2.1 port=$PORT n=20 secs=2.5 out=tries.json; fault_end; counted rtr; healthy_wait ;;
  f13) local old; healthy_start cli srv $NET.2.1 6; tserve srv $NET.2.1 $PORT mode=noread; sleep 0.5; sysctl_set - net.netfilter.nf_conntrack_max 60; fault_begin
    bg cli hold $BT hold dst=$NET.2.1 port=$PORT n=60 secs=1 out=hold.json; sleep 1; ns cli $BT tries dst=$NET.2.1 port=$PORT n=30 secs=2.5 out=tries.json; fault_end; wait_bg hold 120; healthy_wait ;;
  f14) healthy_start cli rtr $NET.1.254 6; tserve srv $SIX:2::1; sysctl_set - net.netfilter.nf_conntrack_max 80; fault_begin
    ns cli $BT treq dst=$SIX:2::1 port=$PORT n=120 rps=60 new=1 timeout=0.1 out=req.json; fault_end; sleep 1; healthy_wait ;;
  f15) local t0 i0; healthy_start cli srv $NET.2.1 5; bg srv recv $BT urecv addr=$NET.2.1 port=$PORT idle=2 out=recv.json rcvbuf=8000000; wait_for 5 test -s "$STATE/recv.log"; i0=$(ctstat rtr insert_failed)
    t0=$($PY -c 'import time; print(time.monotonic_ns() + 1500000000)'); fault_begin
    bg cli r1 $BT race role=a dst=$NET.2.1 port=$PORT t0=$t0 n=2500 cpu=0 out=r1.json; bg cl2 r2 $BT race role=b dst=$NET.2.1 port=$PORT t0=$t0 n=2500 cpu=1 out=r2.json
    wait_bg r1 60; wait_bg r2 60; fault_end; wait_bg recv; healthy_wait; i0=$(($(ctstat rtr insert_failed) - i0)); truthj expect_min_drops $i0; [ $i0 -ge 3 ] || die "only $i0 clashes" ;;
  f16) healthy_start cli rtr $NET.1.254 5; tserve srv $NET.2.1; bg srv oow $BT oow dip=- dev="$(dev s0)" victim_port=$PORT secs=5 every=0.1 out=oow.json; fault_begin
    for i in 1 2 3 4; do bg cli q$i $BT treq dst=$NET.2.1 port=$PORT n=120 rps=30 out=q$i.json; done; for i in 1 2 3 4; do wait_bg q$i; done; fault_end; counted rtr; wait_bg oow; healthy_wait ;;
  f17) healthy_start cli rtr $NET.1.254 5; tserve srv $NET.9.2; fault_begin
    for i in 1 2 3 4 5 6; do bg cli q$i $BT treq dst=$NET.9.2 port=$PORT n=2 rps=1 new=1 timeout=2 out=q$i.json; done; for i in 1 2 3 4 5 6; do wait_bg q$i; done; fault_end; counted rtr; healthy_wait ;;
  f18) healthy_start cli rtr $NET.1.254 5; tserve srv $NET.2.1; bg srv oow $BT oow dip=- dev="$(dev s0)" victim_port=$PORT secs=4 every=0.3 out=oow.json; sleep 0.3; fault_begin
    for i in 1 2 3 4; do bg cli q$i $BT treq dst=$NET.1.254 port=80 n=80 rps=25 out=q$i.json; done; for i in 1 2 3 4; do wait_bg q$i; done; fault_end; wait_bg oow; healthy_wait ;;
  f19) healthy_start cli rtr $SIX:1::fe 6; tserve srv $SIX:2::1; fault_begin; ns cli $BT idle dst=$SIX:2::1 port=$PORT n=6 idle=3.5 after=2.5 out=idle.json; fault_end; healthy_wait ;;
  f20) healthy_start cli rtr $NET.1.254 6; tserve srv $NET.2.1; fault_begin; ns cli $BT idle dst=$NET.2.1 port=$PORT n=6 idle=3.5 after=2 out=idle.json; fault_end; healthy_wait ;;
  f21) local i0; healthy_start cli rtr $NET.1.254 6; tserve srv $NET.2.1 $PORT mode=noread; i0=$(ctstat rtr insert_failed); fault_begin; bg cli hold $BT hold dst=$NET.2.1 port=$PORT n=14 secs=5 out=hold.json; sleep 1
    ns cli $BT tries dst=$NET.2.1 port=$PORT n=30 secs=3 out=tries.json; fault_end; truthj expect_min_drops 28; wait_bg hold; healthy_wait ;;
  f22) healthy_start cli srv $NET.2.1 4; tserve srv $NET.2.1; fault_begin; ns cli $BT treq dst=$NET.2.1 port=$PORT n=500 rps=150 out=req.json; fault_end; healthy_wait ;;
  f23) healthy_start cli srv $SIX:1::2 4; urecv srv $SIX:1::2; fault_begin; send cli $SIX:1::2 800 200 3000; fault_end; wait_bg recv; healthy_wait ;;
  f24 | f25) # bursts onto one CPU with a short backlog; f25: the flow limit, one flow of many
    glock; local d0; d0=$(softnet 1 1); sysctl_set - net.core.netdev_max_backlog "$([ "$TAG" = f24 ] && echo 8 || echo 6)"; [ "$TAG" = f24 ] || { sysctl_set - net.core.flow_limit_cpu_bitmap 3; }
    INC_HEALTHY_GAP=0.2 healthy_start cli srv $NET.1.2 4; urecv srv $SIX:1::2 cpu=0; fault_begin; ns cli $BT usend dst=$SIX:1::2 port=$PORT n=12000 pps=4000 burst=400 size=100 cpu=0 out=sent.json; fault_end; wait_bg recv 20
    d0=$(($(softnet 1 1) - d0)); truthj expect_min_drops $d0; [ $d0 -ge 10 ] || die "only $d0"; healthy_wait ;;
  f26) # many short polls: the budget ends each round, and the next one follows at once
    glock; local q0; q0=$(($(softnet 0 2) + $(softnet 1 2))); sysctl_set - net.core.netdev_budget 2; sysctl_set - net.core.dev_weight 2; healthy_start cli srv $NET.1.2 4; urecv srv $SIX:1::2 cpu=1
    fault_begin; ns cli $BT usend dst=$SIX:1::2 port=$PORT n=6000 pps=2000 burst=100 size=300 cpu=0 out=sent.json; fault_end; wait_bg recv; healthy_wait; [ $(($(softnet 0 2) + $(softnet 1 2) - q0)) -ge 100 ] || die "no time_squeeze" ;;
  f31) # RFS has its table of sockets, but the queue has none
    glock; sysctl_set - net.core.rps_sock_flow_entries 4096; healthy_start cli srv $NET.1.2 4; for i in healthy-srv healthy-cli; do taskset -cp 1 "$(bgpid $i)" >/dev/null; done; urecv srv $SIX:1::2 cpu=1
    fault_begin; ns cli $BT usend dst=$SIX:1::2 port=$PORT n=1500 pps=500 size=300 cpu=1 out=sent.json; fault_end; wait_bg recv; healthy_wait ;;
  f27) # the sender's own CPU is taken by a real-time task: ksoftirqd cannot run
    glock; ns srv bash -c "echo 1 >/sys/class/net/$(dev s0)/queues/rx-0/rps_cpus"; sysctl_set - net.core.netdev_budget 2; sysctl_set - net.core.dev_weight 2
    healthy_start cli srv $NET.1.2 5; for i in healthy-srv healthy-cli; do taskset -cp 1 "$(bgpid $i)" >/dev/null; done; urecv srv $SIX:1::2 cpu=1
    bg cli usend $BT usend dst=$SIX:1::2 port=$PORT n=4000 pps=1000 burst=50 size=300 cpu=1 out=sent.json; sleep 0.5; fault_begin; bg - hog $BT hog secs=2.5 cpu=0 fifo=30 on_ms=100 off_ms=30; wait_bg hog; fault_end; wait_bg usend; wait_bg recv; healthy_wait ;;
  f30) # TCP requests, served on the CPU that takes them in
    healthy_start cli srv $NET.1.2 5; for i in healthy-srv healthy-cli; do taskset -cp 0 "$(bgpid $i)" >/dev/null; done; tserve srv $SIX:1::2 $PORT cpu=0; fault_begin
    for i in 1 2 3; do bg cli q$i $BT treq dst=$SIX:1::2 port=$PORT n=500 rps=150 out=q$i.json; taskset -cp 0 $BGPID >/dev/null; done; for i in 1 2 3; do wait_bg q$i; done; fault_end; healthy_wait ;;
  f32) healthy_start srv cli $NET.1.1 5; for i in healthy-srv; do taskset -cp 0 "$(bgpid $i)" >/dev/null; done; urecv srv $NET.1.2; fault_begin
    bg cli u0 $BT usend dst=$NET.1.2 port=$PORT n=1000 pps=300 size=500 cpu=0 out=u0.json; ns cli $BT usend dst=$NET.1.2 port=$PORT n=1000 pps=350 size=500 cpu=1 out=u1.json; fault_end; wait_bg recv; healthy_wait ;;
  f33) healthy_start srv cli $NET.1.1 4; urecv srv $SIX:1::2; fault_begin; send cli $SIX:1::2 1000 1000 2500; fault_end; wait_bg recv; healthy_wait
    truthj sent 1000; truthj expect_min_drops $((1000 - $(jget recv.json received))); [ "$(jget recv.json received)" -lt 950 ] || die "nothing lost" ;;
  f34) healthy_start cli rtr $NET.1.254 4; urecv srv $NET.2.1; fault_begin; send cli $NET.2.1 800 500 3000; fault_end; wait_bg recv; healthy_wait
    truthj sent 800; truthj expect_min_drops $((800 - $(jget recv.json received))); [ "$(jget recv.json received)" -lt 750 ] || die "nothing lost" ;;
  f35) ctr_mark cli Tcp.RetransSegs; bg srv sink $PY "$INC_DIR/beside.py" sink $SIX:1::2 $PORT; sleep 0.5; fault_begin; for i in 1 2 3 4; do bg cli b$i $BT tbulk dst=$SIX:1::2 port=$PORT secs=4 out=b$i.json; done; for i in 1 2 3 4; do wait_bg b$i; done; fault_end
    [ "$(ctr_delta cli Tcp.RetransSegs)" -ge 10 ] || die "nothing lost" ;;
  f36) healthy_start cli srv $NET.1.2 4; urecv srv $NET.1.2; fault_begin; send cli $NET.1.2 800 500 3000; fault_end; wait_bg recv; healthy_wait
    truthj sent 800; truthj expect_min_drops $((800 - $(jget recv.json received))); [ "$(jget recv.json received)" -lt 750 ] || die "nothing lost" ;;
  f37) healthy_start t1 t3 $NET.5.3 4; urecv t2 $NET.5.2; fault_begin; send t1 $NET.5.2 800 700 3000; fault_end; wait_bg recv; healthy_wait
    truthj sent 800; truthj expect_min_drops $((800 - $(jget recv.json received))); [ "$(jget recv.json received)" -lt 750 ] || die "nothing lost" ;;
  f38) bg srv sink $PY "$INC_DIR/beside.py" sink $SIX:1::2 $PORT; sleep 0.5; fault_begin; ns cli $BT tbulk dst=$SIX:1::2 port=$PORT secs=4 out=b.json; fault_end ;;
  f39) healthy_start cli rtr $NET.1.254 5; urecv srv $NET.2.1; fault_begin; send cli $NET.2.1 1000 1000 3000; fault_end; wait_bg recv 20; healthy_wait ;;
  f40) healthy_start cli srv $NET.1.2 4; urecv srv $NET.1.2; fault_begin; send cli $NET.1.2 800 600 3000; fault_end; wait_bg recv; healthy_wait
    truthj sent 800; truthj expect_min_drops $((800 - $(jget recv.json received))); [ "$(jget recv.json received)" -lt 750 ] || die "nothing lost" ;;
  f41) healthy_start cli srv $NET.2.1 4; urecv srv $SIX:2::1; fault_begin; send cli $SIX:2::1 200 1400 10000; fault_end; healthy_wait; truthj expect_min_drops 150 ;;
  f42) # a server that fetches from another one, which takes its time
    bg srv back $PY -c "
import socket, time
l = socket.socket(); l.bind(('127.0.0.1', 9000)); l.listen(8); c, _ = l.accept()
while c.recv(1):
    time.sleep(0.4); c.sendall(b'x')"; sleep 0.3
    bg srv front $PY -c "
import select, socket, threading
b = socket.create_connection(('127.0.0.1', 9000)); l = socket.socket(socket.AF_INET6); l.setsockopt(1, 2, 1); l.bind(('$SIX:1::2', $PORT)); l.listen(8); print('ready', flush=True)
e = select.epoll(); e.register(l, 1); cs = {}
while True:
    for fd, _ in e.poll():
        if fd == l.fileno():
            c, _a = l.accept(); cs[c.fileno()] = c; e.register(c, 1); continue
        d = cs[fd].recv(65536)
        if not d: e.unregister(fd); cs.pop(fd).close(); continue
        b.sendall(b'q'); b.recv(1); cs[fd].sendall(d)"; wait_for 5 test -s "$STATE/front.log"
    healthy_start cli srv $NET.1.2 5; fault_begin; for i in 1 2 3; do bg cli q$i $BT treq dst=$SIX:1::2 port=$PORT n=4 rps=3 timeout=5 out=q$i.json; done; for i in 1 2 3; do wait_bg q$i 20; done; fault_end; healthy_wait ;;
  f43) # a reader of datagrams that waits for a lock again and again
    bg srv logger $PY -c "
import fcntl, socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(1, 8, 30000); s.bind(('$NET.1.2', $PORT)); s.settimeout(3); f = open('$STATE/lock', 'w'); print('ready', flush=True); n = 0
try:
    while True:
        s.recv(2000); n += 1
        if n % 20 == 0: fcntl.flock(f, 2); fcntl.flock(f, 8)
except socket.timeout: pass
import json; json.dump(dict(received=n), open('$STATE/recv.json', 'w'))"; wait_for 5 test -s "$STATE/logger.log"
    bg - holder $PY -c "
import fcntl, time
f = open('$STATE/lock', 'w'); end = time.time() + 6
while time.time() < end:
    fcntl.flock(f, 2); time.sleep(0.35); fcntl.flock(f, 8); time.sleep(0.05)"
    healthy_start cli srv $NET.1.2 5; ctr_mark srv Udp.RcvbufErrors; fault_begin; send cli $NET.1.2 1500 300 2500; fault_end; wait_bg logger; healthy_wait; truthj sent 1500; truthj expect_min_drops "$(ctr_delta srv Udp.RcvbufErrors)"
    [ "$(ctr_delta srv Udp.RcvbufErrors)" -ge 20 ] || die "nothing lost" ;;
  f44) # a nice reader beside ordinary work
    healthy_start cli srv $NET.1.2 5; for i in healthy-srv healthy-cli; do taskset -cp 0 "$(bgpid $i)" >/dev/null; done; ctr_mark srv Udp6RcvbufErrors
    bg srv recv $BT urecv addr=$SIX:1::2 port=$PORT idle=1.5 work_us=300 rcvbuf=16000 nice=19 cpu=1 out=recv.json; wait_for 5 test -s "$STATE/recv.log"
    for i in 1 2 3; do bg - hog$i $BT hog secs=5 cpu=1; done; fault_begin; ns cli taskset -c 0 $PY -m tool udp-send $SIX:1::2 $PORT 2000 300 1500 sent.json; fault_end; wait_bg recv 20; healthy_wait
    truthj sent 2000; truthj expect_min_drops "$(ctr_delta srv Udp6RcvbufErrors)"; [ "$(ctr_delta srv Udp6RcvbufErrors)" -ge 20 ] || die "nothing lost" ;;
  f45) # a TCP server whose cgroup has too little of the CPU
    local CG=/sys/fs/cgroup/cpu/inc-$TAG; mkdir -p $CG; echo 100000 >$CG/cpu.cfs_period_us; echo 8000 >$CG/cpu.cfs_quota_us
    bg - tsrv incg $CG/tasks ip netns exec "$(nsn srv)" $PY -c "
import socket
l = socket.socket(); l.setsockopt(1, 2, 1); l.setsockopt(1, 8, 20000); l.bind(('$NET.1.2', $PORT)); l.listen(8); print('ready', flush=True); c, _ = l.accept(); x = 0
while True:
    d = c.recv(4000)
    if not d: break
    for b in d: x = (x * 31 + b) & 0xffff"; wait_for 9 test -s "$STATE/tsrv.log"
    healthy_start cli srv $NET.1.2 5; fault_begin; ns cli $BT tbulk dst=$NET.1.2 port=$PORT secs=4 out=b.json; fault_end; healthy_wait ;;
  f46) # a real-time task beside the reader
    healthy_start cli srv $NET.1.2 5; for i in healthy-srv healthy-cli; do taskset -cp 0 "$(bgpid $i)" >/dev/null; done; ctr_mark srv Udp6RcvbufErrors
    bg srv recv $BT urecv addr=$SIX:1::2 port=$PORT idle=1.5 rcvbuf=16000 cpu=1 out=recv.json; wait_for 5 test -s "$STATE/recv.log"
    bg - hog $BT hog secs=4.5 cpu=1 fifo=20 on_ms=120 off_ms=10; fault_begin; ns cli taskset -c 0 $PY -m tool udp-send $SIX:1::2 $PORT 2500 300 1200 sent.json; fault_end; wait_bg recv 20; healthy_wait
    truthj sent 2500; truthj expect_min_drops "$(ctr_delta srv Udp6RcvbufErrors)"; [ "$(ctr_delta srv Udp6RcvbufErrors)" -ge 20 ] || die "nothing lost" ;;
  f48) # what tracked the connections forgets them (a failover): the policy takes what goes on
    healthy_start cli rtr $NET.1.254 5; tserve srv $NET.2.1
    for i in 1 2 3; do bg cli q$i $BT treq dst=$NET.2.1 port=$PORT n=60 rps=25 timeout=2 stop_on_err=1 out=q$i.json; done; sleep 1; fault_begin; ns rtr conntrack -F >/dev/null 2>&1; for i in 1 2 3; do wait_bg q$i; done; fault_end; truthj expect_min_drops 9; healthy_wait ;;
  f47) # a capture on a router that writes too slowly
    healthy_start cli srv $NET.2.1 4; urecv srv $SIX:2::1
    bg rtr tap $PY -c "
from tool import *
s = packet_socket('$(dev r0)', 3); s.setsockopt(1, 8, 10000); print('ready', flush=True)
end = time.time() + 4; s.settimeout(0.2)
while time.time() < end:
    try: s.recv(65536)
    except socket.timeout: pass
    time.sleep(0.05)
p, d = struct.unpack('II', s.getsockopt(263, 6, 8)); jout('tap.json', seen=p, drops=d)"; wait_for 5 test -s "$STATE/tap.log"
    fault_begin; send cli $SIX:2::1 600 800 4000; fault_end; wait_bg recv; wait_bg tap; healthy_wait; truthj service_loss $((600 - $(jget recv.json received))); truthj expect_min_drops "$(jget tap.json drops)"
    truthj expect_counter "{\"delta\":$(jget tap.json drops)}" ;;
  f49) healthy_start cli srv $NET.1.2 4; bg srv recv $BT urecv addr=$NET.7.2 port=$PORT idle=1.5 out=recv.json; wait_for 5 test -s "$STATE/recv.log"; fault_begin
    rules srv <<<'table inet f { chain i { type filter hook input priority 0; udp dport { 4789, 8472 } counter drop; }; }'
    send cli $NET.7.2 200; fault_end; truthj sent 200; truthj expect_min_drops 200; healthy_wait ;;
  f52) healthy_start cli srv $SIX:1::2 4; tserve srv $NET.1.2; fault_begin; ns cli $BT tries dst=$NET.1.2 port=$PORT n=30 secs=1.5 out=tries.json; fault_end; counted cli; healthy_wait ;;
  f53) healthy_start cli srv $NET.1.2 4; bg srv dns $PY "$INC_DIR/beside.py" dns $SIX:1::2 $PORT; sleep 0.3; sysctl_set - net.netfilter.nf_conntrack_max 40; fault_begin
    ns cli $PY -c "
import socket, time
for i in range(150):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try: s.sendto(b'q' * 40, ('$SIX:1::2', $PORT))
    except OSError: pass
    s.close(); time.sleep(0.01)"; fault_end; truthj expect_min_drops 80; healthy_wait ;;
  f55) # the host's own services over the loopback
    glock; local d0; d0=$(($(softnet 0 1) + $(softnet 1 1))); bg srv sink $PY "$INC_DIR/beside.py" sink 127.0.0.1 $PORT; INC_HEALTHY_GAP=0.2 healthy_start cli srv $NET.1.2 4; sysctl_set - net.core.netdev_max_backlog 1; fault_begin
    for i in 1 2 3; do bg srv b$i $BT tbulk dst=127.0.0.1 port=$PORT secs=3 out=b$i.json; done; for i in 1 2 3; do wait_bg b$i; done; fault_end
    d0=$(($(softnet 0 1) + $(softnet 1 1) - d0)); truthj expect_min_drops $d0; [ $d0 -ge 10 ] || die "only $d0"; healthy_wait ;;
  f56) healthy_start cli rtr $SIX:1::fe 6; tserve srv $SIX:2::1 $PORT mode=noread; fault_begin; bg cli hold $BT hold dst=$SIX:2::1 port=$PORT n=11 secs=5 out=hold.json; sleep 1
    ns cli $BT tries dst=$SIX:2::1 port=$PORT n=25 secs=3 out=tries.json; fault_end; truthj expect_min_drops 20; wait_bg hold; healthy_wait ;;
  f57) bg srv sink $PY "$INC_DIR/beside.py" sink $SIX:1::2 $PORT; healthy_start cli srv $NET.1.2 4; fault_begin; ns cli $BT usend dst=$NET.1.2 port=9 n=150 pps=60 size=8000 out=u.json; ns cli $BT tbulk dst=$SIX:1::2 port=$PORT secs=1 out=b.json; fault_end; truthj expect_min_drops 100; healthy_wait ;;
  f59) healthy_start cli rtr $NET.1.254 6; tserve srv $NET.2.1; fault_begin; ns cli $BT idle dst=$NET.1.254 port=80 n=6 idle=3.5 after=2 out=idle.json; fault_end; healthy_wait ;;
  *) die "no such incident" ;;
  esac
}
inc_main "$@"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Devices, link layer, programs, IP, neighbours and tunnels: INC_ID=lNN-NAME ./link.sh setup|trigger|truth|cleanup.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
NET=100.$((64 + N % 64)); SIX=fd01:$N
PORT=$((5800 + N))
LT="$PY -m ltool"

# what FUNCTION-REGEX REASONS NS DEV [FLOW]: the truth; '' for a device: that of any namespace
what() { reasons "$2" "$1" "$([ -z "$4" ] || dev "$4")"; truth expect_netns "$(nsn "$3")"; flow "${5:-{\}}"; }
to() { echo "{\"proto\":\"$1\",\"dst\":\"$2\",\"dport\":${3:-$PORT}}"; }
A=$NET.1.1 B=$NET.1.2 A6=$SIX::1 B6=$SIX::2         # of pair6
S=$NET.2.1 S6=$SIX:2::1                             # the server behind a router
inc_truth() {
  t_ "${INC_ID#*-}" "${INC_ID#*-}" -; wrongs '[]'; truthj expect_min_drops 1
  case $TAG in
  l01) what . '[]' cli c0 "$(to udp $B)" ;;
  l02) reasons '[]' . "$(dev r1)|$(dev s0)"; flow '{}' ;;
  l03) reasons '[]' . "$(dev q2)|$(dev e2)"; flow '{}' ;;
  l04) what tun '["FULL_RING"]' cli t0; truth expect_dev "$(dev t0)|$(dev t1)" ;;
  l06) what . '[]' sw q2 "$(to udp $NET.5.2)"; truth expect_dev "$(dev q2)|$(dev e2)" ;;
  l07) reasons '[]' . "$(dev c0)|$(dev s0)"; flow "$(to udp $B)" ;;
  l08) what . '[]' sw ''; flow "$(to udp $NET.5.2)" ;;
  l09) what ip6 '["OTHERHOST"]' srv s0 "$(to tcp $B6)" ;;
  l10) what ip '["OTHERHOST"]' t2 e2 "$(to udp $NET.5.2)" ;;
  l11) what . '[]' srv s0 ;;
  l12) what . '[]' srv s0 ;;
  l13) what . '[]' srv s0 ;;
  l14) what . '[]' srv s0 ;;
  l15) what br '["BRIDGE_INGRESS_STP_STATE"]' sw q1 ;;
  l17) what br '[]' sw q1 ;;
  l16) what br '[]' sw '' ;;
  l20) what xdp '[]' srv s0 "$(to udp $B)" ;;
  l21) what xdp '[]' srv s0 "$(to tcp $B6)" ;;
  l22) what . '["TC_INGRESS"]' rtr r0 "$(to tcp $S6)" ;;
  l23) what . '["TC_INGRESS"]' srv s0 "$(to udp $B)" ;;
  l24) what . '["TC_EGRESS"]' cli c0 "$(to udp $B)" ;;
  l25) what . '["TC_EGRESS"]' rtr r1 "$(to tcp $S)" ;;
  l26) what . '["BPF_CGROUP_EGRESS"]' cli '' "$(to udp $B)" ;;
  l27) what . '["BPF_CGROUP_EGRESS"]' cli '' "$(to tcp $B6)" ;;
  l28) what . '[]' srv '' "$(to udp $B)" ;;
  l29) what . '[]' srv '' "$(to tcp $B6)" ;;
  l30) what . '["IP_RPFILTER"]' rtr r2 ;;
  l31) what . '["IP_RPFILTER"]' srv s1 ;;
  l32 | l33) what . '[]' srv s0 ;;
  l34 | l35) reasons '[]' . "$(dev x0)|$(dev y0)"; flow '{}' ;;
  l36) what ip6_forward '[]' rtr r0 "$(to udp $S6)" ;;
  l37) what ip_forward '[]' rtr r0 "$(to tcp $S)" ;;
  l38) what ip_error '[]' rtr r0 ;;
  l39 | l40) what . '[]' cli '' ;;
  l41) what . '[]' srv '' ;;
  l42) what . '[]' srv '' ;;
  l43) what ip6_forward '["IP_INADDRERRORS"]' rtr r0 "$(to tcp $S6)" ;;
  l44) what ip_error '["IP_INADDRERRORS"]' rtr r0 "$(to tcp $S)" ;;
  l45) what ip_rcv '["IP_CSUM"]' srv s0 ;;
  l46 | l47 | l48) what ip '[]' srv s0 ;;
  l49) what . '[]' srv '' ;;
  l50 | l51) what . '["FRAG_REASM_TIMEOUT"]' srv s0 ;;
  l52 | l53) what . '[]' srv s0 ;;
  l54 | l55) what . '["IP_NOPROTO"]' srv s0 ;;
  l56) what . '[]' srv s0 ;;
  l57) what . '[]' srv s0 ;;
  l58 | l59) what . '["PKT_TOO_BIG"]' rtr r0 ;;
  l60) what . '["XFRM_POLICY"]' srv s0 ;;
  l61) what . '["XFRM_POLICY"]' rtr r0 ;;
  l62 | l63) what . '[]' cli '' ;;
  l64) what . '[]' cli c0 ;;
  l65) what . '[]' rtr r1 ;;
  l66) what . '["NEIGH_QUEUEFULL"]' cli c0 ;;
  l67) what . '["NEIGH_CREATEFAIL"]' cli c0 ;;
  l68) reasons '[]' . "$(dev e2)|$(dev e3)"; flow '{}' ;;
  l69) what . '[]' t3 e3 ;;
  l70) what vxlan '["VXLAN_VNI_NOT_FOUND"]' srv s0 ;;
  l71) what udp '["UDP_CSUM"]' srv s0 ;;
  l72) what udp '["UDP_CSUM"]' srv '' "$(to udp $NET.7.2)" ;;
  l73) what udp '["UDP_CSUM"]' srv s0 "$(to udp $B6)" ;;
  l74) what icmp '["ICMP_CSUM"]' srv s0 ;;
  l75) what tcp '["TCP_CSUM"]' srv s0 "$(to tcp $B)" ;;
  l76) reasons '[]' . "$(dev m2)|$(dev m3)"; flow '{}' ;;
  l77) what vxlan '["VXLAN_VNI_NOT_FOUND"]' srv s0 ;;
  l78) what ip_rcv '["OTHERHOST"]' srv s0 "$(to tcp $S)" ;;
  l79) what . '[]' cli c0 ;;
  l80) what . '["PKT_TOO_BIG"]' rtr r0 ;;
  l81) what . '[]' srv '' ;;
  l82) what . '[]' cli c0 ;;
  *) die "no such incident" ;;
  esac
}

# ---- topologies ----------------------------------------------------------------------
pair6() { ns_add cli srv; link cli c0 $A/24,$A6/64 srv s0 $B/24,$B6/64; warm cli $B; warm cli $B6; }
rtr46() { # cli c0 -- r0 rtr r1 -- s0 srv, IPv4 and IPv6
  ns_add cli rtr srv
  link cli c0 $NET.1.1/24,$SIX:1::1/64 rtr r0 $NET.1.254/24,$SIX:1::fe/64; link rtr r1 $NET.2.254/24,$SIX:2::fe/64 srv s0 $S/24,$S6/64
  ns rtr sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  ns cli ip route add default via $NET.1.254; ns srv ip route add default via $NET.2.254
  ns cli ip route add default via $SIX:1::fe; ns srv ip route add default via $SIX:2::fe
  sleep 0.3; warm cli $S; warm cli $S6
}
contained() { # N [MTU]: namespaces tI (device eI, NET.5.I, SIX:5::I) on a bridge in sw (ports qI)
  local i
  ns_add sw; ns sw ip link add "$(dev br)" type bridge; ns sw ip link set "$(dev br)" up
  for ((i = 1; i <= $1; i++)); do
    ns_add t$i; link sw q$i - t$i e$i $NET.5.$i/24,$SIX:5::$i/64; ns sw ip link set "$(dev q$i)" master "$(dev br)"
  done
  sleep 0.3
  for ((i = 2; i <= $1; i++)); do warm t1 $NET.5.$i; warm t1 $SIX:5::$i; done
}
still() { ns "$1" ip neigh replace "$2" lladdr "$4" dev "$(dev "$3")" nud permanent; }    # NS ADDR DEV MAC: a fixed neighbour

# ---- traffic -------------------------------------------------------------------------
ready() { wait_for 5 test -s "$STATE/$1.log"; }
recv() { bg "$1" app $PY -m tool udp-recv "$2" $PORT "${3:-1}" recv.json 0 4000000; ready app; }                 # NS ADDR
serve() { bg "$1" app $LT tcp-serve "$2" $PORT 20; ready app; }
flood() { # NS ADDR N [SIZE [GAP]]: all of them are lost
  fault_begin; ns "$1" $PY -m tool udp-send "$2" $PORT "$3" "${4:-200}" "${5:-10000}" sent.json; fault_end; truthj sent "$3"; truthj expect_min_drops $(($3 * 9 / 10))
}
lossy() { # NS ADDR N [SIZE [GAP]]: what the receiver lacks
  fault_begin; ns "$1" $PY -m tool udp-send "$2" $PORT "$3" "${4:-200}" "${5:-5000}" sent.json; fault_end; wait_bg app
  truthj sent "$3"; truthj expect_min_drops $(($3 - $(jget recv.json received))); [ "$(jget recv.json received)" -lt "$3" ] || die "nothing lost"
}
tries() { fault_begin; ns "$1" $LT tcp-try "$2" $PORT "$3" "${4:-0.3}" "${5:-0}"; fault_end; }                  # NS ADDR N [TIMEOUT [TTL]]
frames() { # DST HOW N: frames from cli to srv
  fault_begin; ns cli $LT udp-frames "$(dev c0)" "$(mac srv s0)" "$(mac cli c0)" $A6 $B6 $PORT "$2" "$1"; fault_end
}
frames4() { fault_begin; ns cli $LT udp-frames "$(dev c0)" "$(mac srv s0)" "$(mac cli c0)" $A $B $PORT "$2" "$1"; fault_end; framed; }
frames6() { fault_begin; ns cli $LT udp-frames "$(dev c0)" "$(mac srv s0)" "$(mac cli c0)" $A6 $B6 $PORT "$2" "$1"; fault_end; framed; }
framed() { truthj sent "$(jget frames.json bad)"; truthj expect_min_drops "$(jget frames.json bad)"; }
attach() { bg "$1" prog $LT attach "${@:2}"; ready prog; grep -q ready "$STATE/prog.log" || die "no program: $(cat "$STATE/prog.log")"; }
cgdir() { local m; m=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts); [ -n "$m" ] || die "no cgroup2"; echo "$m/skbtape-$TAG"; }

inc_setup() {
  case $TAG in
  l01) ns_add cli srv; link cli c0 $A/24 srv s0 $B/24; ns srv ip link set "$(dev s0)" down; still cli $B c0 "$(mac srv s0)"
    link cli c1 $NET.9.1/24 srv s1 $NET.9.2/24; warm cli $NET.9.2 ;;
  l02 | l22 | l25 | l78 | l79 | l81 | l36 | l37 | l38 | l43 | l44) rtr46 ;;
  l03 | l06 | l08 | l10 | l16 | l17 | l68 | l69) contained 3 ;;
  l15) contained 3; ns sw ip link set "$(dev br)" type bridge stp_state 1 forward_delay 200; sleep 5 ;;
  l04) ns_add cli srv; link cli c0 $NET.9.1/24 srv s0 $NET.9.2/24; warm cli $NET.9.2 ;;
  l30) # the clients' answers go another way than their requests came
    ns_add cli rtr srv
    link cli c0 $NET.1.1/24 rtr r0 $NET.1.254/24; link rtr r1 $NET.2.254/24 srv s0 $NET.2.1/24; link cli c2 $NET.3.1/24 rtr r2 $NET.3.254/24
    ns rtr sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=1
    ns cli ip addr add $NET.8.1/24 dev lo; ns rtr ip route add $NET.8.0/24 via $NET.1.1; ns srv ip route add default via $NET.2.254
    ns cli ip route add $NET.2.0/24 via $NET.1.254; warm cli $NET.2.1; warm cli $NET.3.254 ;;
  l31) pair6; link cli c1 $NET.3.1/24 srv s1 $NET.3.2/24; ns srv sysctl -qw "net.ipv4.conf.$(dev s1).rp_filter=1" ;;
  l76) # three hosts of one wire by macvlan
    ns_add sw t1 t2 t3; ns sw ip link add "$(dev w0)" type veth peer name "$(dev w1)"; ns sw ip link set "$(dev w0)" up; ns sw ip link set "$(dev w1)" up
    for n in 1 2 3; do ns sw ip link add "$(dev m$n)" link "$(dev w0)" type macvlan mode bridge; ns sw ip link set "$(dev m$n)" netns "$(nsn t$n)"
      ns t$n ip addr add $NET.5.$n/24 dev "$(dev m$n)"; ns t$n ip link set "$(dev m$n)" up; done
    sleep 0.3; warm t1 $NET.5.2; warm t1 $NET.5.3 ;;
  l77) # two ends of a tunnel over IPv6 that do not agree
    pair6; ns cli ip link add "$(dev v0)" type vxlan id 77 local $A6 remote $B6 dev "$(dev c0)" dstport 4789; ns srv ip link add "$(dev v0)" type vxlan id 78 local $B6 remote $A6 dev "$(dev s0)" dstport 4789
    ns cli ip addr add $NET.7.1/24 dev "$(dev v0)"; ns srv ip addr add $NET.7.2/24 dev "$(dev v0)"; ns cli ip link set "$(dev v0)" up; ns srv ip link set "$(dev v0)" address 02:00:00:00:77:02 up
    still cli $NET.7.2 v0 02:00:00:00:77:02 ;;
  l80) # the way out is a tunnel, and the router says nothing
    pair6; ns_add rtr; link cli c1 $NET.3.1/24 rtr r0 $NET.3.254/24; link rtr r1 $NET.2.254/24 srv s1 $NET.2.1/24; ns rtr sysctl -qw net.ipv4.ip_forward=1
    ns rtr ip link add "$(dev v0)" type vxlan id 80 local $NET.2.254 remote $NET.2.1 dev "$(dev r1)" dstport 4789; ns srv ip link add "$(dev v0)" type vxlan id 80 local $NET.2.1 remote $NET.2.254 dev "$(dev s1)" dstport 4789
    ns rtr ip addr add $NET.7.254/24 dev "$(dev v0)"; ns srv ip addr add $NET.7.1/24 dev "$(dev v0)"; ns rtr ip link set "$(dev v0)" up; ns srv ip link set "$(dev v0)" up
    ns cli ip route add $NET.7.0/24 via $NET.3.254; ns srv ip route add $NET.3.0/24 via $NET.7.254; warm cli $NET.7.1
    ns cli nft 'table ip t { chain i { type filter hook input priority 0; icmp type destination-unreachable drop; }; }' ;;
  l34 | l35) # two routers, each with its default route to the other
    ns_add cli x y; link cli c0 $NET.1.1/24,$SIX:1::1/64 x x1 $NET.1.254/24,$SIX:1::fe/64; link x x0 $NET.2.1/24,$SIX:2::1/64 y y0 $NET.2.2/24,$SIX:2::2/64
    for n in x y; do ns $n sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; done
    ns cli ip route add default via $NET.1.254; ns cli ip route add default via $SIX:1::fe; ns x ip route add default via $NET.2.2; ns x ip route add default via $SIX:2::2
    ns y ip route add default via $NET.2.1; ns y ip route add default via $SIX:2::1; sleep 0.3; warm cli $NET.2.2; warm cli $SIX:2::2 ;;
  l39) ns_add cli srv; link cli c0 $A6/64 srv s0 $B6/64; sleep 0.3; warm cli $B6 ;;
  l41 | l42) rtr46; ns rtr true ;;
  l58 | l59) rtr46; ns rtr ip link set "$(dev r1)" mtu 1400
    if [ $TAG = l58 ]; then ns cli nft 'table ip6 t { chain i { type filter hook input priority 0; icmpv6 type packet-too-big drop; }; }'
    else ns rtr nft 'table ip t { chain o { type filter hook output priority 0; ip protocol icmp drop; }; }'; fi ;;
  l61) rtr46 ;;
  l64) pair6 ;;
  l65) rtr46 ;;
  l70 | l71 | l72) pair6; ns srv ip link add "$(dev v0)" type vxlan id 42 local $B remote $A dev "$(dev s0)" dstport 4789
    ns srv ip addr add $NET.7.2/24 dev "$(dev v0)"; ns srv ip link set "$(dev v0)" address 02:00:00:00:07:02 up ;;
  *) pair6 ;;
  esac
}
inc_trigger() {
  local m
  case $TAG in
  # ---- devices
  l01) # the other end was never set up; the neighbour is known from before
    healthy_start cli srv $NET.9.2 4; sleep 0.3; flood cli $B 250 ;;
  l02) # IPv6 and TCP through a router, whose link to the server fails
    healthy_start cli rtr $NET.1.254 6; bg srv app $LT tcp-serve $S6 $PORT 20; ready app; bg srv rcv $PY -m tool udp-recv $S6 $PORT 3 recv.json; ready rcv
    bg cli talk $LT tcp-talk $S6 $PORT 5; bg cli us $PY -m tool udp-send $S6 $PORT 400 300 10000 sent.json
    sleep 1.2; fault_begin; ns srv ip link set "$(dev s0)" down; sleep 2; fault_end; wait_bg us; wait_bg talk ;;
  l03) # one container's device goes down while the other talks to it
    healthy_start t1 t3 $NET.5.3 5; bg t2 app $PY -m tool udp-recv $NET.5.2 $PORT 3 recv.json; ready app
    bg t1 us $PY -m tool udp-send $NET.5.2 $PORT 400 300 8000 sent.json; sleep 1; fault_begin; ns t2 ip link set "$(dev e2)" down; wait_bg us; fault_end ;;
  l04) # a VPN in user space that is too slow for the TCP that is sent through it
    bg - vpn $LT relay "$(nsn cli),$(dev t0),$NET.6.1/24,20" "$(nsn srv),$(dev t1),$NET.6.2/24,20" 4 20; ready vpn; sleep 0.5
    healthy_start cli srv $NET.9.2 6; bg srv app $BT tserve addr=$NET.6.2 port=$PORT mode=sink; ready app
    fault_begin
    for i in 1 2 3 4 5 6 7 8; do bg cli b$i $BT tbulk dst=$NET.6.2 port=$PORT secs=3 out=b$i.json; done; for i in 1 2 3 4 5 6 7 8; do wait_bg b$i; done; fault_end; m=$(devctr cli t0 tx_dropped)
    [ "$m" -gt 4 ] || die "tx_dropped $m"; truthj expect_min_drops "$m" ;;
  l06) # jumbo frames between containers of which one is not set for them
    for i in 1 3; do ns t$i ip link set "$(dev e$i)" mtu 9000; done
    for i in 1 2 3; do ns sw ip link set "$(dev q$i)" mtu 9000; done
    healthy_start t1 t2 $NET.5.2 4; recv t2 $NET.5.2; flood t1 $NET.5.2 150 4000 ;;
  l07) ns cli ip link set "$(dev c0)" mtu 9000; healthy_start cli srv $B 4; bg srv app $PY -m tool udp-recv $B $PORT 1 recv.json; ready app
    bg cli small $PY -m tool udp-send $B $PORT 100 300 20000 small.json; fault_begin
    ns cli $PY -m tool udp-send $B $PORT 100 3000 20000 sent.json; fault_end; truthj sent 200; truthj expect_min_drops 90; wait_bg small ;;
  l08) # the port itself has the small MTU
    ns t1 ip link set "$(dev e1)" mtu 4000; ns sw ip link set "$(dev q1)" mtu 4000; ns sw ip link set "$(dev br)" mtu 4000 2>/dev/null || :
    healthy_start t1 t3 $NET.5.3 4; recv t2 $NET.5.2; flood t1 $NET.5.2 150 3000 ;;
  # ---- link layer
  l09) # TCP and UDP over IPv6 to the address of a card that was replaced
    still cli $B6 c0 02:00:00:aa:bb:01; healthy_start cli srv $B 6; serve srv $B6; bg cli us $PY -m tool udp-send $B6 $((PORT + 1)) 40 100 50000 u.json; tries cli $B6 12 0.4 ;;
  l10) # a stale entry at one container: the bridge floods, and every other container sees the frames
    still t1 $NET.5.2 e1 02:00:00:aa:bb:02; healthy_start t1 t3 $NET.5.3 4; recv t2 $NET.5.2; flood t1 $NET.5.2 200 ;;
  l11) healthy_start cli srv $B 4; frames4 vlan=100 150 ;;
  l12) healthy_start cli srv $B 4; frames6 vlan=7 120 ;;
  l13) # a third of the frames, among good ones to the same port
    healthy_start cli srv $B 4; recv srv $B 2; frames4 vlan=30,share=0.3 300 ;;
  l14) healthy_start cli srv $B 4; frames4 type=0x8847 150 ;;
  l15) # a port that is plugged in anew waits for the spanning tree's two delays
    healthy_start t3 t2 $NET.5.2 5; bg t2 app $PY -m tool udp-recv $NET.5.2 $PORT 3 recv.json; ready app; still t1 $NET.5.2 e1 "$(mac t2 e2)"
    bg t1 us $PY -m tool udp-send $NET.5.2 $PORT 300 300 10000 sent.json; sleep 1; fault_begin
    ns sw ip link set "$(dev q1)" nomaster; ns sw ip link set "$(dev q1)" master "$(dev br)"; wait_bg us; fault_end; truthj sent 300; truthj expect_min_drops 150 ;;
  l17) # a port that someone switched off
    still t1 $NET.5.2 e1 "$(mac t2 e2)"; ns sw bridge link set dev "$(dev q1)" state 0; healthy_start t3 t2 $NET.5.2 4; bg t2 app $LT tcp-serve $NET.5.2 $PORT 20; ready app; tries t1 $NET.5.2 15 0.2 ;;
  l16) # two tenants that may not see each other, though one serves the other, over IPv6
    for i in 1 2; do ns sw bridge link set dev "$(dev q$i)" isolated on; done
    healthy_start t3 t2 $SIX:5::2 4; recv t2 $SIX:5::2; flood t1 $SIX:5::2 150 ;;
  # ---- programs
  l20) attach srv xdp-native "$(dev s0)" udp $PORT; healthy_start cli srv $B 4; sleep 0.3; flood cli $B 200 ;;
  l21) attach srv xdp-generic "$(dev s0)" tcp $PORT 0.3 1; healthy_start cli srv $B 6; serve srv $B6; fault_begin; ns cli $LT tcp-talk $B6 $PORT 5; fault_end ;;
  l22) attach rtr tc-in "$(dev r0)" tcp $PORT 1 1; healthy_start cli srv $S 6; serve srv $S6; tries cli $S6 15 ;;
  l23) attach srv tc-in "$(dev s0)" udp $PORT 0.2; healthy_start cli srv $B 4; recv srv $B; lossy cli $B 600 ;;
  l24) ns cli tc qdisc add dev "$(dev c0)" clsact
    ns cli tc filter add dev "$(dev c0)" egress bpf da bytecode "8,40 0 0 12,21 0 5 2048,48 0 0 23,21 0 3 17,40 0 0 36,21 0 1 $PORT,6 0 0 2,6 0 0 0"
    healthy_start cli srv $B 4; recv srv $B; flood cli $B 200 ;;
  l25) attach rtr tc-out "$(dev r1)" tcp $PORT 0.5; healthy_start cli srv $S 6; serve srv $S; fault_begin; ns cli $LT tcp-talk $S $PORT 5; fault_end ;;
  l26 | l27 | l28 | l29) cgroups ;;
  # ---- IP
  l30) healthy_start cli rtr $NET.1.254 5; fault_begin; ns cli ip route add $NET.2.1/32 via $NET.3.254 src $NET.8.1; bg srv app $PY -m tool udp-recv $NET.2.1 $PORT 2 recv.json; ready app
    ns cli $PY -m tool udp-send $NET.2.1 $PORT 200 200 10000 sent.json $NET.8.1; fault_end; truthj sent 600; truthj expect_min_drops 180 ;;
  l31) # a second leg with the strict filter: clients of a far network come in there and have their way back by the first
    ns srv ip route add $NET.77.0/24 via $A; ns cli ip addr add $NET.77.1/24 dev lo; still cli $NET.3.2 c1 "$(mac srv s1)"
    healthy_start cli srv $B 6; bg srv app $LT tcp-serve $NET.3.2 $PORT 20; ready app
    fault_begin; ns cli $LT tcp-try $NET.3.2 $PORT 15 0.3 0 $NET.77.1; fault_end ;;
  l32) # from the loopback network
    healthy_start cli srv $B 4; fault_begin; ns cli $LT udp-frames "$(dev c0)" "$(mac srv s0)" "$(mac cli c0)" 127.0.0.5 $B $PORT 120; fault_end; framed ;;
  l33) # someone sends with this host's own address
    healthy_start cli srv $B 4; fault_begin; ns cli $LT udp-frames "$(dev c0)" "$(mac srv s0)" "$(mac cli c0)" $B $B $PORT 120; fault_end; framed ;;
  l34) healthy_start cli y $NET.2.2 4; fault_begin; ns cli $PY -m tool udp-send 198.51.100.7 $PORT 60 200 30000 sent.json; fault_end ;;
  l35) healthy_start cli y $SIX:2::2 6; tries cli 2001:db8:77::7 12 0.3 ;;
  l36) healthy_start cli srv $S 4; fault_begin; ns cli $LT udp-ttl $S6 $PORT 200 1; fault_end; truthj expect_min_drops 150 ;;
  l37) healthy_start cli srv $S 6; serve srv $S; tries cli $S 20 0.2 1; truthj expect_min_drops 15 ;;
  l38) # a rule of the policy database refuses one network
    ns rtr ip rule add to $NET.60.0/24 unreachable; healthy_start cli srv $S 4; flood cli $NET.60.9 150 ;;
  l39) # nothing but IPv6, and the default route is gone
    healthy_start cli srv $B6 4; fault_begin; ns cli $PY -m tool udp-send 2001:db8:99::1 $PORT 60 100 10000 sent.json; ns cli $LT tcp-try 2001:db8:99::1 $PORT 60; fault_end ;;
  l40) ns cli ip route add default via $B; ns cli ip rule add to 203.0.113.0/24 unreachable; healthy_start cli srv $B 4
    fault_begin; ns cli $LT tcp-try 203.0.113.9 $PORT 80; ns cli $PY -m tool udp-send 203.0.113.9 $PORT 80 100 5000 sent.json; fault_end ;;
  l41) # the server lost its route back: TCP
    ns srv ip route del default via $NET.2.254; healthy_start rtr srv $S 6; serve srv $S; tries cli $S 15 ;;
  l42) # and UDP
    ns srv ip route del default via $NET.2.254; healthy_start rtr srv $S 5; bg srv app $LT udp-serve $S $PORT 4; ready app; fault_begin
    ns cli $PY -m tool udp-send $S $PORT 150 100 15000 sent.json; fault_end ;;
  l43) ns rtr sysctl -qw net.ipv6.conf.all.forwarding=0; healthy_start cli rtr $NET.1.254 6; serve srv $S6; tries cli $S6 12 0.4; truthj expect_min_drops 10 ;;
  l44) # something switches it off for a while
    healthy_start cli rtr $NET.1.254 6; serve srv $S; bg cli talk $LT tcp-talk $S $PORT 4; sleep 1; fault_begin
    ns rtr sysctl -qw net.ipv4.ip_forward=0; tries cli $S 6 0.4; fault_end; ns rtr sysctl -qw net.ipv4.ip_forward=1; wait_bg talk; truthj expect_min_drops 5 ;;
  l45) healthy_start cli srv $B 4; recv srv $B; frames4 ipcsum,share=0.5 300 ;;
  l46) healthy_start cli srv $B 4; frames4 ihl 80 ;;
  l47) healthy_start cli srv $B 4; recv srv $B; frames4 short,share=0.4 300 ;;
  l48) healthy_start cli srv $B 4; frames6 exthdr 120 ;;
  l49) # from a tunnel's process
    bg srv vpn $LT tun-write "$(dev t9)" 1 $SIX:9::1 $B6 120 short; ready vpn; truth expect_dev "$(dev t9)"; fault_begin; healthy_start cli srv $B 4; wait_bg vpn; fault_end ;;
  l50) ns srv sysctl -qw net.ipv6.ip6frag_time=1; healthy_start cli srv $B 6; recv srv $B6 3; fault_begin
    ns cli $LT frag-frames "$(dev c0)" "$(mac srv s0)" "$(mac cli c0)" $A6 $B6 $PORT 80 0.4; sleep 2; fault_end; m=$(jget frags.json incomplete); truthj sent 80; truthj expect_min_drops "$m" ;;
  l51) ns srv sysctl -qw net.ipv4.ipfrag_time=1; healthy_start cli srv $B 6; recv srv $B 3; fault_begin
    ns cli $LT frag-frames "$(dev c0)" "$(mac srv s0)" "$(mac cli c0)" $A $B $PORT 120 0.8; sleep 2; fault_end; m=$(jget frags.json incomplete); truthj sent 120; truthj expect_min_drops "$m" ;;
  l52) # many incomplete datagrams, and little memory for them
    ns srv sysctl -qw net.ipv4.ipfrag_low_thresh=20000 net.ipv4.ipfrag_high_thresh=30000; healthy_start cli srv $B 5; recv srv $B 2
    fault_begin; for i in 1 2 3 4 5 6; do bg cli f$i $PY -m tool udp-send $B $PORT 120 60000 2000 f$i.json; done; for i in 1 2 3 4 5 6; do wait_bg f$i; done; fault_end ;;
  l53) ns srv sysctl -qw net.ipv6.ip6frag_low_thresh=10000 net.ipv6.ip6frag_high_thresh=20000; healthy_start cli srv $B 5; recv srv $B6 2
    fault_begin; for i in 1 2 3 4; do bg cli f$i $PY -m tool udp-send $B6 $PORT 150 40000 4000 f$i.json; done; for i in 1 2 3 4; do wait_bg f$i; done; fault_end ;;
  l54) healthy_start cli srv $B 4; fault_begin; ns cli $LT raw $B 132 120; fault_end; truthj sent 120; truthj expect_min_drops 110 ;;
  l55) # IPv6: an unknown next header
    healthy_start cli srv $B 4; fault_begin; ns cli $LT raw $B6 47 100; fault_end; truthj expect_reason '[]' ;;
  l56) # the receiver's program joins the group on its other leg
    ns cli ip route add 239.0.0.0/8 dev "$(dev c0)"; bg srv app $LT group 239.7.7.$N $PORT 127.0.0.1 8; ready app; healthy_start cli srv $B 4; flood cli 239.7.7.$N 250 ;;
  l57) # IPv6: bound to the port, joined nowhere; the device hears it all
    ns srv ip link set "$(dev s0)" allmulticast on; bg srv app $PY -m tool udp-recv :: $PORT 6 recv.json; ready app; healthy_start cli srv $B 4; flood cli ff05::7$N 200 ;;
  l58) healthy_start cli srv $S 6; bg srv app $INC_SINK $S6 $PORT; sleep 0.3; fault_begin; bg cli st $INC_SIDE stream $S6 $PORT; sleep 4; fault_end; stop st ;;
  l59) healthy_start cli srv $S 5; bg srv app $PY -m tool udp-recv $S $PORT 2 recv.json; ready app; flood cli $S 150 1450 ;;
  l60) # what comes in has to be protected, and is not
    ns srv ip xfrm policy add src ::/0 dst $B6/128 proto udp dport $PORT dir in tmpl src $A6 dst $B6 proto esp mode transport
    healthy_start cli srv $B 4; recv srv $B6; flood cli $B6 150 ;;
  l61) ns rtr ip xfrm policy add src $NET.1.0/24 dst $NET.2.0/24 proto tcp dport $PORT dir fwd action block; healthy_start cli srv $S 6; serve srv $S; tries cli $S 15 ;;
  l62) ns cli ip xfrm policy add src $A dst $B proto udp dport $PORT dir out action block; healthy_start cli srv $B 4; recv srv $B; flood cli $B 150; truthj expect_min_drops 1 ;;
  l63) # a policy whose keys are not there
    ns cli ip xfrm policy add src $A dst $B proto udp dport $PORT dir out tmpl src $A dst $B proto esp mode transport; healthy_start cli srv $B 4; recv srv $B; flood cli $B 150; truthj expect_min_drops 1 ;;
  # ---- neighbours
  l64) healthy_start cli srv $B 6; fault_begin; ns cli $LT tcp-try $SIX::99 $PORT 8 1; ns cli $PY -m tool udp-send $SIX::99 $PORT 100 100 20000 sent.json; fault_end ;;
  l65) # a router's: the server is gone, its network is not
    healthy_start cli srv $S 6; fault_begin; ns cli $PY -m tool udp-send $NET.2.77 $PORT 250 200 15000 sent.json; fault_end ;;
  l66) # a burst to a neighbour that is not known yet and answers late
    ns cli sysctl -qw "net.ipv4.neigh.$(dev c0).unres_qlen_bytes=2000"; ns srv ip addr add $NET.1.50/24 dev "$(dev s0)"; ns srv sysctl -qw "net.ipv4.conf.$(dev s0).arp_ignore=8"
    healthy_start cli srv $B 1; bg srv app $PY -m tool udp-recv $NET.1.50 $PORT 2 recv.json; ready app; healthy_wait; fault_begin
    bg cli us $PY -m tool udp-send $NET.1.50 $PORT 400 500 2000 sent.json; sleep 0.5; ns srv sysctl -qw "net.ipv4.conf.$(dev s0).arp_ignore=0"; wait_bg us; fault_end; wait_bg app
    truthj sent 400; truthj expect_min_drops $((400 - $(jget recv.json received) - 8)); return ;;
  l67) glock; m=$((16#$(awk 'NR == 2 { print $1 }' /proc/net/stat/ndisc_cache)))
    sysctl_set - net.ipv6.neigh.default.gc_thresh1 1; sysctl_set - net.ipv6.neigh.default.gc_thresh2 $((m + 10)); sysctl_set - net.ipv6.neigh.default.gc_thresh3 $((m + 30)); healthy_start cli srv $B 5
    fault_begin; ns cli $PY -c "
import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for i in range(400):
    try: s.sendto(b'x' * 64, ('$SIX::1:%x' % (i + 1), $PORT))
    except OSError: pass
    time.sleep(0.004)
time.sleep(1)"; fault_end; truthj expect_min_drops 1 ;;
  l68) # two containers with one address: both answer
    ns t3 ip addr add $NET.5.2/24 dev "$(dev e3)"; healthy_start t1 t2 $SIX:5::2 5; bg t2 app $LT tcp-serve $NET.5.2 $PORT 20; ready app; fault_begin
    for i in 1 2 3 4 5; do ns t1 ip neigh flush dev "$(dev e1)" 2>/dev/null || :; ns t1 $LT tcp-try $NET.5.2 $PORT 4 0.2; done; fault_end ;;
  l69) healthy_start t1 t2 $NET.5.2 4; ns t3 sysctl -qw "net.ipv6.conf.$(dev e3).accept_dad=1" "net.ipv6.conf.$(dev e3).dad_transmits=1"; fault_begin
    ns t3 ip addr add $SIX:5::2/64 dev "$(dev e3)"; sleep 2; fault_end ;;
  # ---- tunnels and checksums
  l70) healthy_start cli srv $B 4; vxframes 99 ''; truthj sent 150; truthj expect_min_drops 150 ;;
  l71) healthy_start cli srv $B 4; vxframes 42 outer; truthj sent 150; truthj expect_min_drops 150 ;;
  l72) healthy_start cli srv $B 4; bg srv app $PY -m tool udp-recv $NET.7.2 $PORT 2 recv.json; ready app; vxframes 42 inner; truthj sent 150; truthj expect_min_drops 150 ;;
  l73) healthy_start cli srv $B 4; recv srv $B6; frames6 csum,share=0.3 400 ;;
  l74) healthy_start cli srv $B 4; fault_begin; ns cli $LT icmp-frames "$(dev c0)" "$(mac srv s0)" "$(mac cli c0)" $A $B 150; fault_end; truthj sent 150; truthj expect_min_drops 150 ;;
  l75) healthy_start cli srv $B 4; serve srv $B; fault_begin; ns cli $LT tcp-frames "$(dev c0)" "$(mac srv s0)" "$(mac cli c0)" $A $B $PORT 100; fault_end; truthj sent 100; truthj expect_min_drops 100 ;;
  # ---- further ways
  l76) ns t3 ip addr add $NET.5.2/24 dev "$(dev m3)"; bg t2 app $LT tcp-serve $NET.5.2 $PORT 20; ready app; healthy_start t3 t1 $NET.5.1 5; fault_begin
    for i in 2 3 2 3; do # who announces itself last
      ns t1 ip neigh replace $NET.5.2 lladdr "$(mac t$i m$i)" dev "$(dev m1)" nud reachable; ns t1 $LT tcp-try $NET.5.2 $PORT 5 0.2; sleep 1; done; fault_end ;;
  l77) healthy_start cli srv $B 6; bg srv app $LT tcp-serve $NET.7.2 $PORT 20; ready app; tries cli $NET.7.2 15 0.3; truthj expect_min_drops 14 ;;
  l78) # the server's card was replaced, and the router does not know
    still rtr $S r1 02:00:00:aa:bb:78; healthy_start cli rtr $NET.1.254 6; serve srv $S; tries cli $S 15 0.3; truthj expect_min_drops 14 ;;
  l79) # the gateway is gone
    ns rtr ip link set "$(dev r0)" arp off; ns rtr sysctl -qw "net.ipv4.conf.$(dev r0).arp_ignore=8"; ns cli ip neigh flush dev "$(dev c0)"; healthy_start rtr srv $S 7
    fault_begin; bg cli us $PY -m tool udp-send 192.0.2.$N $PORT 100 100 40000 u.json; ns cli $LT tcp-try 198.51.100.$N $PORT 5 1; wait_bg us; fault_end ;;
  l80) healthy_start cli srv $B 6; recv srv $NET.7.1; flood cli $NET.7.1 150 1470; truthj expect_min_drops 100 ;;
  l81) ns srv ip route del default via $SIX:2::fe; healthy_start rtr srv $S 6; serve srv $S6; tries cli $S6 12 0.3 ;;
  l82) # its own end is switched off while programs send
    healthy_start srv srv $B 6; serve srv $B; bg srv rcv $PY -m tool udp-recv $B $((PORT + 1)) 4 recv.json; ready rcv; bg cli talk $LT tcp-talk $B $PORT 5; bg cli us $PY -m tool udp-send $B $((PORT + 1)) 300 200 12000 u.json
    sleep 1; fault_begin; ns cli ip link set "$(dev c0)" down; sleep 2.5; ns cli ip link set "$(dev c0)" up; fault_end; wait_bg us; wait_bg talk ;;
  esac
  healthy_wait
}
vxframes() { # VNI HOW
  fault_begin; ns cli $LT vxlan-frames "$(dev c0)" "$(mac srv s0)" "$(mac cli c0)" $A $B "$1" 02:00:00:00:07:02 $NET.7.1 $NET.7.2 $PORT 150 "$2"; fault_end
}
INC_SIDE="$PY $INC_DIR/beside.py"; INC_SINK="$INC_SIDE sink"
cgroups() { # a program at a control group of the sender (out) or of the receiver (in)
  local g; g=$(cgdir); mkdir -p "$g"
  case $TAG in
  l26) bg - prog $LT attach cgroup-out "$g" udp $PORT ;;
  l27) bg - prog $LT attach cgroup-out "$g" tcp $PORT 0.4 1 ;;
  l28) bg - prog $LT attach cgroup-in "$g" udp $PORT ;;
  l29) bg - prog $LT attach cgroup-in "$g" tcp $PORT 0.3 1 ;;
  esac
  ready prog; grep -q ready "$STATE/prog.log" || die "$(cat "$STATE/prog.log")"
  healthy_start cli srv $B 6
  case $TAG in
  l26) recv srv $B; fault_begin; incg "$g/cgroup.procs" ip netns exec "$(nsn cli)" $PY -m tool udp-send $B $PORT 200 200 8000 sent.json; fault_end; truthj sent 200; truthj expect_min_drops 200 ;;
  l27) serve srv $B6; fault_begin; incg "$g/cgroup.procs" ip netns exec "$(nsn cli)" $LT tcp-talk $B6 $PORT 5; fault_end ;;
  l28) bg - app bash -c "echo \$\$ >'$g/cgroup.procs'; exec ip netns exec $(nsn srv) $PY -m tool udp-recv $B $PORT 1 recv.json"; ready app
    flood cli $B 200; truthj expect_reason '[]' ;;
  l29) bg - app bash -c "echo \$\$ >'$g/cgroup.procs'; exec ip netns exec $(nsn srv) $LT tcp-serve $B6 $PORT 20"; ready app
    fault_begin; ns cli $LT tcp-talk $B6 $PORT 5; fault_end ;;
  esac
}
inc_cleanup() { case $TAG in l26 | l27 | l28 | l29)
    local p; for p in app prog; do stop $p 2>/dev/null; done; sleep 0.3; rmdir "$(cgdir)" 2>/dev/null ;; esac; return 0; }
inc_main "$@"

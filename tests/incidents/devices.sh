#!/bin/bash
# SPDX-License-Identifier: MIT
# Devices and qdiscs that not every kernel has (VLAN, bond, GRE, IPIP, netem): faults on them, and hosts that use them and are
# healthy. INC_ID=dNN-NAME ./devices.sh setup|trigger|truth|cleanup; tests/vm/incidents.sh runs them where they are.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
NET=10.$((180 + N)) PORT=$((5500 + N))

inc_truth() {
  t_ "devices: ${INC_ID#*-}" "${INC_ID#*-}" -; wrongs '[]'; reasons '[]' '' ''; flow '{}'; truthj expect_min_drops 1
  case $TAG in
  d01 | d02 | d03) needs '["8021q"]' ;;
  d04 | d05 | d06) needs '["sch_netem"]' ;;
  d07) needs '["ip_gre"]' ;;
  d08) needs '["ipip"]' ;;
  d09 | d10) needs '["bonding","8021q","sch_netem"]' ;;
  d11 | d12) needs '["8021q","ip_gre"]' ;;
  *) die "no such incident" ;;
  esac
  case $TAG in
  d01 | d02 | d03 | d11) truth expect_netns "$(nsn srv)" ;;
  d04) truthj expect_min_drops 0 ;;
  d05) truth expect_netns "$(nsn cli)"; truth expect_dev "$(dev c0)" ;;
  d06) truth expect_netns "$(nsn rtr)"; truth expect_dev "$(dev r1)" ;;
  d07) truth expect_netns "$(nsn rtr)"; truthj expect_min_drops 0 ;;
  d08) truth expect_netns "$(nsn srv)" ;;
  d09) truth expect_netns "$(nsn cli)" ;;
  d10 | d12) truthj expect_min_drops 0 ;;
  esac
}
vlan() { # NS DEV ID ADDR
  ns "$1" ip link add link "$(dev "$2")" name "$(dev "$2").$3" type vlan id "$3"
  ns "$1" ip addr add "$4" dev "$(dev "$2").$3"; ns "$1" ip link set "$(dev "$2").$3" up
}
fixed() { ns "$1" ip neigh replace "$3" lladdr "$(mac "$4" "$5")" dev "$2"; } # NS DEVICE ADDR PEERNS PEERDEV
send() { ns "$1" $PY -m tool udp-send "$2" $PORT "$3" "${4:-200}" "${5:-8000}" sent.json; }      # NS ADDR N [SIZE [GAP]]
bonded() { # two links between cli and srv, as one device on either side
  local n i
  ns_add cli srv
  for n in cli srv; do ns $n ip link add "$(dev bo)" type bond mode active-backup miimon 50; done
  for i in 0 1; do
    ip link add "$(dev c$i)" netns "$(nsn cli)" type veth peer name "$(dev s$i)" netns "$(nsn srv)"
    ns cli ip link set "$(dev c$i)" master "$(dev bo)"; ns srv ip link set "$(dev s$i)" master "$(dev bo)"
    ns cli ip link set "$(dev c$i)" up; ns srv ip link set "$(dev s$i)" up
  done
  ns cli ip addr add $NET.1.1/24 dev "$(dev bo)"; ns srv ip addr add $NET.1.2/24 dev "$(dev bo)"
  ns cli ip link set "$(dev bo)" up; ns srv ip link set "$(dev bo)" up
  sleep 1; warm cli $NET.1.2
}
inc_setup() {
  case $TAG in
  d01) pair; vlan cli c0 7 $NET.7.1/24; vlan srv s0 8 $NET.7.2/24; fixed cli "$(dev c0).7" $NET.7.2 srv s0 ;;
  d02) pair; vlan cli c0 7 $NET.7.1/24; ns srv ip addr add $NET.7.2/24 dev "$(dev s0)"; fixed cli "$(dev c0).7" $NET.7.2 srv s0 ;;
  d03) pair; vlan cli c0 7 $NET.7.1/24; vlan srv s0 7 $NET.7.2/24; fixed cli "$(dev c0).7" $NET.7.2 srv s0; ns srv ip link set "$(dev s0).7" down ;;
  d04) pair2; ns cli tc qdisc add dev "$(dev c0)" root netem delay 20ms reorder 30% 50% gap 3 limit 10000 ;;
  d05) pair2; ns cli tc qdisc add dev "$(dev c0)" root netem delay 100ms limit 8 ;;
  d06) rtr3; ns rtr tc qdisc add dev "$(dev r1)" root netem loss 20% limit 10000 ;;
  d07) rtr3
    ns rtr ip link add "$(dev g)" type gre local $NET.2.254 remote $NET.2.1 ttl 64; ns rtr ip addr add $NET.8.1/24 dev "$(dev g)"; ns rtr ip link set "$(dev g)" up
    ns srv ip link add "$(dev g)" type gre local $NET.2.1 remote $NET.2.254 ttl 64; ns srv ip addr add $NET.8.2/24 dev "$(dev g)"; ns srv ip link set "$(dev g)" up
    ns srv ip route add $NET.1.0/24 via $NET.8.1 advmss 1460
    ns rtr nft 'table ip f { chain o { type filter hook output priority 0; ip protocol icmp icmp type destination-unreachable drop; }; }' ;;
  d08) pair; ns cli ip link add "$(dev t)" type ipip local $NET.1.1 remote $NET.1.2; ns cli ip addr add $NET.8.1/24 dev "$(dev t)"; ns cli ip link set "$(dev t)" up ;;
  d09) bonded ;;
  d10) bonded; vlan cli bo 7 $NET.7.1/24; vlan srv bo 7 $NET.7.2/24; ns cli tc qdisc add dev "$(dev bo)" root netem delay 10ms limit 10000; sleep 0.5; warm cli $NET.7.2 ;;
  d11) pair; vlan cli c0 7 $NET.7.1/24; vlan srv s0 7 $NET.7.2/24; warm cli $NET.7.2
    ns srv nft "table ip f { chain i { type filter hook input priority 0; iifname \"$(dev s0).7\" udp dport $PORT counter drop; }; }" ;;
  d12) rtr3
    ns rtr ip link add "$(dev g)" type gre local $NET.2.254 remote $NET.2.1 ttl 64; ns rtr ip addr add $NET.8.1/24 dev "$(dev g)"; ns rtr ip link set "$(dev g)" up
    ns srv ip link add "$(dev g)" type gre local $NET.2.1 remote $NET.2.254 ttl 64; ns srv ip addr add $NET.8.2/24 dev "$(dev g)"; ns srv ip link set "$(dev g)" up
    ns srv ip route add $NET.1.0/24 via $NET.8.1; warm cli $NET.8.2 ;;
  esac
}
counted() { fault_begin; send "$1" "$2" "$3"; fault_end; truthj sent "$3"; truthj expect_min_drops "$3"; }
inc_trigger() {
  case $TAG in
  d01 | d02 | d03) healthy_start cli srv $NET.1.2 3; counted cli $NET.7.2 150; healthy_wait ;;
  d04) # one stream whose segments pass each other, none is lost
    bg srv tsrv $BT tserve addr=$NET.1.2 port=$PORT mode=sink; wait_for 5 test -s "$STATE/tsrv.log"
    fault_begin; ns cli $BT tbulk dst=$NET.1.2 port=$PORT secs=5 out=bulk.json; fault_end ;;
  d05) healthy_start cli srv $NET.9.2 3; bg srv recv $BT urecv addr=$NET.1.2 port=$PORT idle=2 out=recv.json rcvbuf=4000000; wait_for 5 test -s "$STATE/recv.log"
    fault_begin; send cli $NET.1.2 500 200 2000; fault_end; wait_bg recv 30; truthj sent 500; truthj expect_min_drops $((500 - $(jget recv.json received))); healthy_wait ;;
  d06) bg srv recv $BT urecv addr=$NET.2.1 port=$PORT idle=2 out=recv.json rcvbuf=4000000; wait_for 5 test -s "$STATE/recv.log"
    fault_begin; send cli $NET.2.1 500 200 3000; fault_end; wait_bg recv 30; truthj sent 500; truthj expect_min_drops $((500 - $(jget recv.json received))) ;;
  d07) healthy_start cli srv $NET.2.1 4; bg srv tsrv $BT tserve addr=$NET.8.2 port=$PORT mode=sink; wait_for 5 test -s "$STATE/tsrv.log"
    fault_begin; ns cli timeout 8 $BT tbulk dst=$NET.8.2 port=$PORT secs=4 total=300000 out=bulk.json || :; fault_end; healthy_wait ;;
  d08) healthy_start cli srv $NET.1.2 3; counted cli $NET.8.2 150; healthy_wait ;;
  d09) # both links lose their carrier
    healthy_start cli srv $NET.1.2 2; healthy_wait; fault_begin
    bg cli usend $PY -m tool udp-send $NET.1.2 $PORT 300 200 8000 sent.json; sleep 0.5
    ns srv ip link set "$(dev s0)" down; ns srv ip link set "$(dev s1)" down; wait_bg usend 20; fault_end ;;
  d10) healthy_start cli srv $NET.7.2 5; bg srv tsrv $BT tserve addr=$NET.1.2 port=$PORT mode=sink; wait_for 5 test -s "$STATE/tsrv.log"
    ns cli $BT tbulk dst=$NET.1.2 port=$PORT secs=3 out=bulk.json; healthy_wait ;;
  d11) healthy_start cli srv $NET.7.2 3; counted cli $NET.7.2 150; healthy_wait ;;
  d12) healthy_start cli srv $NET.8.2 5; bg srv tsrv $BT tserve addr=$NET.8.2 port=$PORT mode=sink; wait_for 5 test -s "$STATE/tsrv.log"
    ns cli $BT tbulk dst=$NET.8.2 port=$PORT secs=3 out=bulk.json; healthy_wait ;;
  esac
}
inc_main "$@"

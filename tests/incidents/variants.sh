#!/bin/bash
# SPDX-License-Identifier: MIT
# Known causes in other layouts, protocols, amounts and times, two at once, and recorded with less:
# INC_ID=vNN-NAME ./variants.sh setup|trigger|truth|cleanup. The recorder's options are in expected.tsv.
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
NET=10.$((150 + N)); SIX=fd00:5$N
PORT=$((5300 + N))

loss() { # REASON FUNCTION NS DEV PROTO SRC DST: where and whose
  reasons "[\"$1\"]" "$2" "$(dev "$4")"; truth expect_netns "$(nsn "$3")"
  flow "{\"proto\":\"$5\",\"src\":\"$6\",\"dst\":\"$7\",\"dport\":$PORT}"
}
inc_truth() {
  t_ "variant: ${INC_ID#*-}" "${INC_ID#*-}" -; wrongs '[]'; truthj expect_min_drops 1
  case $TAG in
  v01) loss SOCKET_RCVBUFF queue_rcv t2 e2 udp $NET.5.1 $NET.5.2 ;;
  v02) loss NO_SOCKET udp srv s0 udp $NET.1.1 $NET.2.1 ;;
  v03) loss NO_SOCKET udp srv s0 udp $SIX::1 $SIX::2 ;;
  v04) loss NETFILTER_DROP nft t13 none udp $NET.5.1 $NET.5.13 ;;
  v05) loss TCP_OVERFLOW tcp t7 none tcp $NET.5.1 $NET.5.7; truthj expect_reason '[]' ;;
  v06 | v11 | v12 | v13 | v14 | v15 | v16) loss SOCKET_RCVBUFF queue_rcv srv s0 udp $NET.1.1 $NET.1.2 ;;
  v08 | v20) reasons '["SOCKET_RCVBUFF","NETFILTER_DROP"]' . "$(dev s0)"; flow '{}' ;;
  v09 | v10) loss NETFILTER_DROP nft srv s0 udp $NET.1.1 $NET.1.2 ;;
  v18) reasons '[]' tcp "$(dev s0)"; flow "{\"proto\":\"tcp\",\"dst\":\"$SIX::2\",\"dport\":$PORT}"; truth expect_netns "$(nsn srv)" ;;
  v19) reasons '["IP_OUTNOROUTES"]' ip6 "$(dev r0)"; flow "{\"dst\":\"$SIX:9::1\"}"; truth expect_netns "$(nsn rtr)"; truthj expect_reason '[]' ;;
  v21) reasons '["QDISC_DROP"]' qdisc "$(dev r1)"; truth expect_netns "$(nsn rtr)"; flow "{\"proto\":\"udp\",\"dst\":\"$NET.2.1\",\"dport\":$PORT}" ;;
  v22) reasons '["NETFILTER_DROP"]' nft .; truth expect_netns "$(nsn srv)"; flow "{\"proto\":\"tcp\",\"dst\":\"$NET.1.2\",\"dport\":$PORT}" ;;
  v23) loss VXLAN_INVALID_HDR vxlan_rcv srv s0 udp $NET.1.1 $NET.1.2 ;;
  v24 | v25 | v26) reasons '[]' ip_error "$(dev r0)"; flow "{\"proto\":\"udp\",\"dst\":\"$NET.9.1\"}"; truth expect_netns "$(nsn rtr)" ;;
  v27) reasons '["IP_INADDRERRORS"]' ip_error "$(dev r0)"; flow "{\"proto\":\"udp\",\"dst\":\"$NET.2.1\"}"; truth expect_netns "$(nsn rtr)" ;;
  v28) loss IPV6DISABLED ip6 srv s0 udp $SIX::1 $SIX::2; truthj expect_flow '{}' ;;
  v29) reasons '["NEIGH_CREATEFAIL"]' ip_finish_output2 ''; flow '{}' ;;
  v30) reasons '["NETFILTER_DROP"]' nf_hook_slow ''; truth expect_netns "$(nsn rtr)"; truthj expect_reason '[]'; flow "{\"proto\":\"udp\",\"dst\":\"$NET.2.1\",\"dport\":$PORT}" ;;
  v31) reasons '["NETFILTER_DROP"]' nf_hook_slow ''; truth expect_netns "$(nsn srv)"; flow '{}' ;;
  *) die "no such variant" ;;
  esac
}
pair6() { ns_add cli srv; link cli c0 $NET.1.1/24,$SIX::1/64 srv s0 $NET.1.2/24,$SIX::2/64; warm cli $NET.1.2; warm cli $SIX::2; }
drop() { ns "${2:-srv}" nft "table ip f { chain i { type filter hook input priority 0; ${1:-udp} dport $PORT counter drop; }; }"; }
contained() { # N: so many namespaces with an eth0 each on one bridge in a further one
  local i
  ns_add sw; ns sw ip link add "$(dev br)" type bridge; ns sw ip link set "$(dev br)" up
  for ((i = 1; i <= $1; i++)); do
    ns_add t$i; ip link add "$(dev q$i)" netns "$(nsn sw)" type veth peer name eth0 netns "$(nsn t$i)"
    ns t$i ip addr add $NET.5.$i/24 dev eth0; ns t$i ip link set eth0 up
    ns sw ip link set "$(dev q$i)" master "$(dev br)" up
  done
  sleep 0.3
  for ((i = 2; i <= $1; i++)); do warm t1 $NET.5.$i; done
}
slow() { # NS ADDR IDLE: a reader that sleeps 20 ms after each datagram, with a small buffer
  bg "$1" slow $PY -m tool udp-recv "$2" $PORT "${3:-1}" recv.json 20000 8000; wait_for 5 test -s "$STATE/slow.log"
}
send() { ns "$1" $PY -m tool udp-send "$2" $PORT "$3" "${4:-200}" "${5:-2000}" sent.json; }      # NS ADDR N [SIZE [GAP]]
lost() { # the reader's losses
  wait_bg slow 40; truthj sent "$(jget sent.json sent)"; truthj expect_min_drops $(($(jget sent.json sent) - $(jget recv.json received)))
}
inc_setup() {
  local i
  case $TAG in
  v01) ns_add sw; ns sw ip link add "$(dev br)" type bridge; ns sw ip link set "$(dev br)" up
    for i in 1 2 3; do ns_add t$i; link sw q$i - t$i e$i $NET.5.$i/24; ns sw ip link set "$(dev q$i)" master "$(dev br)"; done
    sleep 0.3; warm t1 $NET.5.2; warm t1 $NET.5.3 ;;
  v02 | v21) rtr3; [ "$TAG" = v02 ] || ns rtr tc qdisc add dev "$(dev r1)" root tbf rate 2mbit burst 3000 limit 9000 ;;
  v24 | v25 | v26 | v27) rtr3 ;;
  v30) rtr3; ns rtr nft "table ip n { chain p { type nat hook postrouting priority 100; oifname $(dev r1) udp dport $PORT masquerade to :2000-2020; }; }" ;;
  v31) pair6; ns srv nft "table ip f { chain i { type filter hook input priority 0; ct state new tcp dport $PORT counter accept; }; }" ;;
  v04) contained 20; drop udp t13 ;;
  v05) contained 20 ;;
  v09) pair6; drop
    bg cli usend $PY -m tool udp-send $NET.1.2 $PORT 20000 200 5000 sent.json; sleep 1 ;;
  v19) ns_add cli rtr srv; link cli c0 $SIX:1::1/64 rtr r0 $SIX:1::fe/64; link rtr r1 $SIX:2::fe/64 srv s0 $SIX:2::1/64
    ns rtr sysctl -qw net.ipv6.conf.all.forwarding=1; ns cli ip route add default via $SIX:1::fe; ns srv ip route add default via $SIX:2::fe; sleep 0.5; warm cli $SIX:2::1 ;;
  *) pair6 ;;
  esac
}
overflow() { # NS ADDR CLIENTNS: nobody accepts
  bg "$1" tsrv $BT tserve addr=$2 port=$PORT mode=slowaccept pause=3 backlog=4; wait_for 5 test -s "$STATE/tsrv.log"
  ctr_mark "$1" TcpExt.ListenOverflows; fault_begin
  for i in $(seq 25); do bg "$3" c$i $PY -c "
import socket, time
s = socket.socket(socket.AF_INET6 if ':' in '$2' else socket.AF_INET); s.settimeout(3)
try: s.connect(('$2', $PORT)); s.send(b'x' * 64)
except OSError: pass
time.sleep(1)"; done
  for i in $(seq 25); do wait_bg c$i 10; done; fault_end
  truthj expect_min_drops "$(ctr_delta "$1" TcpExt.ListenOverflows)"; [ "$(ctr_delta "$1" TcpExt.ListenOverflows)" -gt 5 ] || die "no overflow"
}
inc_trigger() {
  case $TAG in
  v01) healthy_start t1 t3 $NET.5.3 3; slow t2 $NET.5.2; fault_begin; send t1 $NET.5.2 500; fault_end; lost; healthy_wait ;;
  v02) healthy_start cli srv $NET.2.1 3; fault_begin; send cli $NET.2.1 200 200 5000; fault_end; truthj sent 200; healthy_wait ;;
  v03) healthy_start cli srv $SIX::2 3; fault_begin; send cli $SIX::2 200 200 5000; fault_end; truthj sent 200; healthy_wait ;;
  v04) healthy_start t1 t12 $NET.5.12 3; fault_begin; send t1 $NET.5.13 200 200 5000; fault_end; truthj sent 200; truthj expect_min_drops 200; healthy_wait ;;
  v05) healthy_start t1 t12 $NET.5.12 3; overflow t7 $NET.5.7 t1; healthy_wait ;;
  v06) healthy_start cli srv $NET.1.2 3; slow srv $NET.1.2; fault_begin; send cli $NET.1.2 70 1000 1000; fault_end; lost; healthy_wait ;;
  v08) drop; PORT=$((PORT + 500)); healthy_start cli srv $NET.1.2 4; slow srv $NET.1.2; fault_begin
    bg cli other $PY -m tool udp-send $NET.1.2 $((PORT - 500)) 60 200 20000 other.json; send cli $NET.1.2 1000; wait_bg other; fault_end; lost; healthy_wait ;;
  v09) healthy_start cli srv $NET.1.2 3; healthy_wait; stop usend; truthj expect_min_drops 200 ;;
  v10) drop; healthy_start cli srv $NET.1.2 4; bg srv recv $PY -m tool udp-recv $NET.1.2 $PORT 1 recv.json; wait_for 5 test -s "$STATE/recv.log"
    fault_begin; bg cli usend $PY -m tool udp-send $NET.1.2 $PORT 600 200 5000 sent.json; sleep 1.5; ns srv nft delete table ip f; fault_end
    wait_bg usend 20; wait_bg recv 20; truthj sent 600; truthj expect_min_drops $((600 - $(jget recv.json received))); healthy_wait ;;
  v16) healthy_start cli srv $NET.1.2 1; slow srv $NET.1.2 0.3; fault_begin; send cli $NET.1.2 400 200 1000; fault_end; lost; healthy_wait ;;
  v18) overflow srv $SIX::2 cli ;;
  v19) healthy_start cli srv $SIX:2::1 3; fault_begin; send cli $SIX:9::1 150 200 8000; fault_end; healthy_wait ;;
  v20) # a reader without its share of the CPU that loses nothing much, and a rule that drops more
    drop; bg srv hog $BT hog secs=6 cpu=1 fifo=20 on_ms=60 off_ms=15; PORT=$((PORT + 500)); slow srv $NET.1.2
    fault_begin; bg cli other $PY -m tool udp-send $NET.1.2 $((PORT - 500)) 1000 200 3000 other.json; send cli $NET.1.2 150; wait_bg other; fault_end; lost; truthj sent 1150; truthj expect_min_drops 1000; stop hog ;;
  v21) healthy_start cli rtr $NET.1.254 3; bg srv recv $BT urecv addr=$NET.2.1 port=$PORT idle=1 out=recv.json rcvbuf=4000000; wait_for 5 test -s "$STATE/recv.log"
    fault_begin; send cli $NET.2.1 800 1000 1500; fault_end; wait_bg recv 20; truthj sent 800; truthj expect_min_drops $((800 - $(jget recv.json received))); healthy_wait ;;
  v22) # a connection that stands, and is cut
    healthy_start cli srv $NET.1.2 5; bg srv tsrv $BT tserve addr=$NET.1.2 port=$PORT; wait_for 5 test -s "$STATE/tsrv.log"
    bg cli treq $BT treq dst=$NET.1.2 port=$PORT n=100 rps=40 timeout=2 out=treq.json; sleep 1; fault_begin; drop tcp; sleep 2.5; ns srv nft delete table ip f; fault_end; wait_bg treq 20; healthy_wait ;;
  v23) # datagrams that are no VXLAN at a tunnel's port: a reason that no rule looks for
    ns srv ip link add "$(dev x0)" type vxlan id 42 local $NET.1.2 dev "$(dev s0)" dstport $PORT; ns srv ip link set "$(dev x0)" up
    healthy_start cli srv $NET.1.2 3; fault_begin; send cli $NET.1.2 150 200 4000; fault_end; truthj sent 150; truthj expect_min_drops 150; healthy_wait ;;
  v24 | v25 | v26) # routes that refuse
    ns rtr ip route add "$(case $TAG in v24) echo unreachable ;; v25) echo prohibit ;; *) echo blackhole ;; esac)" $NET.9.0/24
    healthy_start cli srv $NET.2.1 3; fault_begin; send cli $NET.9.1 150 200 8000; fault_end; truthj sent 150; truthj expect_min_drops 140; healthy_wait ;;
  v27) # the setting of one device; the other way goes on
    ns rtr sysctl -qw "net.ipv4.conf.$(dev r0).forwarding=0"; healthy_start srv rtr $NET.2.254 3
    fault_begin; send cli $NET.2.1 150 200 8000; fault_end; truthj sent 150; truthj expect_min_drops 140; healthy_wait ;;
  v28) ns cli ip neigh replace $SIX::2 lladdr "$(mac srv s0)" dev "$(dev c0)"; ns srv sysctl -qw "net.ipv6.conf.$(dev s0).disable_ipv6=1"
    healthy_start cli srv $NET.1.2 3; fault_begin; send cli $SIX::2 150 200 8000; fault_end; truthj sent 150; truthj expect_min_drops 140; healthy_wait ;;
  v29) # more neighbours than the table of the machine takes
    glock; local n; n=$((16#$(awk 'NR == 2 { print $1 }' /proc/net/stat/arp_cache)))
    sysctl_set - net.ipv4.neigh.default.gc_thresh2 $((n + 20)); sysctl_set - net.ipv4.neigh.default.gc_thresh3 $((n + 40))
    ns cli ip addr add $NET.128.1/17 dev "$(dev c0)"; fault_begin
    ns cli $PY -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(400):
    try: s.sendto(b'x' * 64, ('$NET.%d.%d' % (130 + i // 200, 1 + i % 200), $PORT))
    except OSError: pass
    time.sleep(0.002)
time.sleep(1)"; fault_end; truthj expect_min_drops 200 ;;
  v30) # more flows than the source NAT has ports for
    healthy_start cli srv $NET.2.1 3; bg srv recv $BT urecv addr=$NET.2.1 port=$PORT idle=2 out=recv.json rcvbuf=4000000; wait_for 5 test -s "$STATE/recv.log"
    fault_begin; ns cli $PY -c "
import socket, time
held = []
for i in range(120):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); held.append(s)
    try: s.sendto(b'x' * 64, ('$NET.2.1', $PORT))
    except OSError: pass
    time.sleep(0.01)"; fault_end; wait_bg recv 20; truthj sent 120; truthj expect_min_drops 90; healthy_wait ;;
  v31) # closed connections fill connection tracking
    glock; bg srv tsrv $BT tserve addr=$NET.1.2 port=$PORT; wait_for 5 test -s "$STATE/tsrv.log"
    sysctl_set - net.netfilter.nf_conntrack_max 100; fault_begin
    ns cli $PY -c "
import socket, time
for i in range(250):
    s = socket.socket(); s.settimeout(0.05)
    try: s.connect(('$NET.1.2', $PORT))
    except OSError: pass
    s.close(); time.sleep(0.004)"; fault_end; truthj expect_min_drops 100 ;;
  *) healthy_start cli srv $NET.1.2 4; slow srv $NET.1.2; fault_begin; send cli $NET.1.2 700; fault_end; lost; healthy_wait ;;
  esac
}
inc_main "$@"

#!/bin/bash
# SPDX-License-Identifier: MIT
# Hosts on which nothing is wrong: INC_ID=hNN-NAME ./healthy.sh setup|trigger|truth|cleanup. No finding above info may come
# of them. Each has traffic that is answered completely (lib.sh's healthy_start) beside what its name says.
. "$(dirname "$0")/lib.sh"
NET=10.$((200 + 10#${TAG#h}))
BT="$PY -m btool"
ST="$PY -m stool"
SIDE="$PY $INC_DIR/beside.py"

inc_truth() {
  truth title "healthy: ${INC_ID#*-}"; truth root_cause none; truth layer none
  truthj expect_reason '[]'; truth expect_dev ''; truthj expect_flow '{}'; truthj expect_min_drops 0
}
pair() { ns_add cli srv; link cli c0 $NET.1.1/24,fd00:${TAG#h}::1/64 srv s0 $NET.1.2/24,fd00:${TAG#h}::2/64; warm cli $NET.1.2; warm cli fd00:${TAG#h}::2; }
routed() {
  ns_add cli rtr srv
  link cli c0 $NET.1.1/24 rtr r0 $NET.1.254/24; link rtr r1 $NET.2.254/24 srv s0 $NET.2.1/24
  ns rtr sysctl -qw net.ipv4.ip_forward=1
  ns cli ip route add default via $NET.1.254; ns srv ip route add default via $NET.2.254
  warm cli $NET.2.1
}
SIX=fd00:${TAG#h}::2

inc_setup() {
  case $INC_ID in
  h31-* | h33-*) routed ;;
  h10-* | h12-*) routed
    [ "$TAG" = h12 ] || ns rtr nft 'table ip nat { chain p { type nat hook postrouting priority 100; oifname "'$(dev r1)'" masquerade; }; }' ;;
  *) pair ;;
  esac
}
all_received() { # SENT RECEIVED: a healthy host that loses is no test
  [ "$(jget "$1" sent)" = "$(jget "$2" received)" ] || die "sent $(jget "$1" sent), received $(jget "$2" received)"
}
serve() { bg srv tsrv $BT tserve "$@"; wait_for 5 test -s "$STATE/tsrv.log"; }

inc_trigger() {
  local to=$NET.1.2 i; case $TAG in h10 | h12 | h31 | h33) to=$NET.2.1 ;; esac
  healthy_start cli srv $to 4
  case $INC_ID in
  h01-bulk-tcp)
    serve addr=$to port=5201 mode=sink; ns cli $BT tbulk dst=$to port=5201 secs=2 out=bulk.json ;;
  h02-short-connections)
    serve addr=$to port=8080; ns cli $BT treq dst=$to port=8080 n=2500 rps=900 new=1 out=req.json ;;
  h03-udp-streams)
    for i in 1 2 3; do bg srv r$i $BT urecv addr=$to port=600$i idle=1 rcvbuf=4000000 out=r$i.json; wait_for 5 test -s "$STATE/r$i.log"; done
    for i in 1 2 3; do bg cli s$i $BT usend dst=$to port=600$i n=2500 pps=1000 size=900 out=s$i.json; done
    for i in 1 2 3; do wait_bg r$i; all_received s$i.json r$i.json; done ;;
  h04-containers) # start and stop: namespaces and devices come and go on a bridge, each with a few requests
    ns_add sw; ns sw ip link add "$(dev br)" type bridge; ns sw ip addr add $NET.5.254/24 dev "$(dev br)"; ns sw ip link set "$(dev br)" up
    bg sw web $BT tserve addr=$NET.5.254 port=80; wait_for 5 test -s "$STATE/web.log"
    for i in 1 2 3 4 5 6; do
      ns_add t$i; link sw q$i - t$i e$i $NET.5.$i/24; ns sw ip link set "$(dev q$i)" master "$(dev br)"
      ns t$i $BT treq dst=$NET.5.254 port=80 n=10 rps=100 out=t$i.json; ip netns del "$(nsn t$i)"
    done ;;
  h05-up-down) # by the administrator, with nothing running over them
    for i in 1 2 3 4 5; do
      ns cli ip link add "$(dev d$i)" type veth peer name "$(dev e$i)"; ns cli ip link set "$(dev e$i)" up; ns cli ip addr add $NET.7.$i/32 dev "$(dev d$i)"
      ns cli ip link set "$(dev d$i)" up; sleep 0.2; ns cli ip link set "$(dev d$i)" down; ns cli ip link del "$(dev d$i)"
    done
    ns cli ip link add "$(dev x0)" type veth peer name "$(dev x1)"; ns cli ip link set "$(dev x0)" up; ns cli ip link set "$(dev x1)" up
    for i in 1 2 3; do sleep 0.3; ns cli ip link set "$(dev x1)" down; sleep 0.2; ns cli ip link set "$(dev x1)" up; done ;;
  h06-high-load)
    bg srv sink $SIDE sink $to 5201; bg srv u $BT urecv addr=$to port=6001 idle=1 rcvbuf=16000000 out=u.json; wait_for 5 test -s "$STATE/u.log"
    for i in 1 2 3 4; do bg cli st$i $SIDE stream $to 5201; done
    ns cli $BT usend dst=$to port=6001 n=15000 pps=6000 size=500 burst=10 out=us.json; wait_bg u; all_received us.json u.json
    for i in 1 2 3 4; do stop st$i; done ;;
  h07-port-scan)
    ns cli $SIDE scan $to 20000 400; ns cli $SIDE scan $SIX 20000 200 ;;
  h08-loopback-database)
    bg srv db $BT tserve addr=127.0.0.1 port=5432; wait_for 5 test -s "$STATE/db.log"
    for i in 1 2 3 4; do bg srv q$i $BT treq dst=127.0.0.1 port=5432 n=1500 rps=500 out=q$i.json; done
    for i in 1 2 3 4; do wait_bg q$i; done ;;
  h09-idle) ;;
  h10-router-nat)
    serve addr=$to port=8080; bg srv u $BT urecv addr=$to port=6001 idle=1 rcvbuf=2000000 out=u.json; wait_for 5 test -s "$STATE/u.log"
    bg cli us $BT spray dst=$to port=6001 n=400 pps=300 out=us.json; ns cli $BT treq dst=$to port=8080 n=400 rps=200 new=1 out=req.json; wait_bg u; all_received us.json u.json ;;
  h11-ipv6-bulk)
    bg srv sink $SIDE sink $SIX 5201; bg cli st $SIDE stream $SIX 5201; ns cli $SIDE short $SIX 5201 600; stop st ;;
  h12-ping-traceroute)
    bg cli ping $SIDE ping $to 60; ns cli $SIDE trace $to 25; wait_bg ping ;;
  h13-dns) # some clients give up before the answer comes: the server's answers meet a closed port
    bg srv dns $SIDE dns $to 53; sleep 0.3; ns cli $SIDE lookups $to 53 600 ;;
  h14-aborting-clients)
    bg srv sink $SIDE sink $to 5201; sleep 0.3; ns cli $SIDE abort $to 5201 150 ;;
  h15-ipv6-dns)
    bg srv dns $SIDE dns $SIX 53; sleep 0.3; ns cli $SIDE lookups $SIX 53 400 ;;
  h16-firewall) # a host that lets in what it serves; what strangers try is dropped
    ns srv nft 'table inet fw { chain in { type filter hook input priority 0; policy drop; ct state established,related accept; iif lo accept; meta l4proto { icmp, ipv6-icmp } accept; udp dport { 7001, 7002 } accept; tcp dport { 7001, 7002, 8080 } accept; }; }'
    serve addr=$to port=8080; bg cli scan $SIDE scan $to 20000 60; ns cli $BT treq dst=$to port=8080 n=300 rps=150 new=1 out=req.json; wait_bg scan ;;
  h17-restart) # a service restarts; its clients try again
    serve addr=$to port=8080; bg cli req $BT treq dst=$to port=8080 n=150 rps=50 new=1 timeout=1 out=req.json
    sleep 1; stop tsrv; : >"$STATE/tsrv.log"; serve addr=$to port=8080; wait_bg req ;;
  h18-multicast)
    bg srv group $SIDE group $to 239.9.9.9 6009; sleep 0.3; ns cli $SIDE announce $NET.1.1 239.9.9.9 6009 100 ;;
  h40-health-checks) # a load balancer connects and resets, another one asks and resets; a few clients are served
    serve addr=$to port=8080; bg cli req $BT treq dst=$to port=8080 n=100 rps=30 new=1 out=req.json
    bg cli probe $ST task dst=$to port=8080 n=40 gap=0.05 want=0 size=0 rst=1; ns cli $ST task dst=$to port=8080 n=40 gap=0.05 rst=1; wait_bg probe; wait_bg req ;;
  h41-happy-eyeballs) # the service has IPv4 only; its clients try IPv6 first
    serve addr=0.0.0.0 port=8080
    for i in $(seq 40); do ns cli $ST task dst=$SIX port=8080 n=1 gap=0; ns cli $ST task dst=$to port=8080 n=1 gap=0; done >"$STATE/eyes.log" ;;
  h42-keep-alive-ends) # idle connections that the server ends, in peace
    bg srv web $ST serve addr=$to port=8080 mode=echo idle=0.7; wait_for 5 test -s "$STATE/web.log"; for i in 1 2; do bg cli idle$i $ST idle dst=$to port=8080 n=30 secs=2; done; for i in 1 2; do wait_bg idle$i; done ;;
  h43-window-full-briefly) # a reader that lets its window close for some milliseconds now and then
    bg srv web $ST serve addr=$to port=8080 mode=slow before=0.02 read=400000 rcvbuf=40000; wait_for 5 test -s "$STATE/web.log"
    ns cli $ST stream dst=$to port=8080 secs=2.5 chunk=20000 gap=0.01 ;;
  h44-client-before-server) # a client that starts first
    bg cli early $ST uask dst=$to port=6001 n=60 gap=0.04 conn=1; sleep 0.15; bg srv u $ST usink addr=$to port=6001 echo=1; wait_bg early 20 ;;
  h45-closed-by-server) # short connections that leave TIME_WAIT on both sides
    bg srv web $ST serve addr=$to port=8080 mode=shutecho; wait_for 5 test -s "$STATE/web.log"; ns cli $ST task dst=$to port=8080 n=500 gap=0.003 ;;
  h46-restart6) # gone for 300 ms
    serve addr=$SIX port=8080; bg cli req $ST task dst=$SIX port=8080 n=60 gap=0.05; sleep 1; stop tsrv; sleep 0.2; : >"$STATE/tsrv.log"; serve addr=$SIX port=8080; wait_bg req 20 ;;
  h21-jumbo-one-end) # TCP learns the other end's size, and small datagrams fit
    ns cli ip link set "$(dev c0)" mtu 9000; serve addr=$to port=5201 mode=sink; ns cli $BT tbulk dst=$to port=5201 secs=2 out=bulk.json ;;
  h22-multicast-flooded) # one container takes a stream, and the bridge shows it to the others too
    ns_add sw; ns sw ip link add "$(dev br)" type bridge mcast_snooping 0; ns sw ip link set "$(dev br)" up
    for i in 1 2 3 4; do ns_add t$i; link sw q$i - t$i e$i $NET.5.$i/24; ns sw ip link set "$(dev q$i)" master "$(dev br)"; done
    ns t1 ip route add 239.0.0.0/8 dev "$(dev e1)"; sleep 0.3; bg t2 group $PY -m ltool group 239.6.6.6 6010 $NET.5.2 4; wait_for 5 test -s "$STATE/group.log"
    ns t1 $PY -m tool udp-send 239.6.6.6 6010 300 400 8000 s.json ;;
  h23-no-ipv6-outside) # IPv6 at home only: programs try it and go on with IPv4
    ns cli ip route add default via $to; serve addr=$to port=8080; bg cli six $PY -m ltool tcp-try 2001:db8:9::1 443 80; ns cli $BT treq dst=$to port=8080 n=200 rps=100 new=1 out=req.json; wait_bg six ;;
  h24-spare-port) # two links to one bridge: the spanning tree blocks one of them, which hears every broadcast
    for i in x y; do ns_add $i; ns $i ip link add "$(dev b$i)" type bridge stp_state 1 forward_delay 200; ns $i ip link set "$(dev b$i)" up; ns $i ip addr add $NET.6.$([ $i = x ] && echo 1 || echo 2)/24 dev "$(dev b$i)"; done
    for i in 1 2; do link x px$i - y py$i -; ns x ip link set "$(dev px$i)" master "$(dev bx)"; ns y ip link set "$(dev py$i)" master "$(dev by)"; done
    sleep 6; bg y web $BT tserve addr=$NET.6.2 port=80; wait_for 5 test -s "$STATE/web.log"
    bg x arp $PY -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for _ in range(60):
    s.sendto(b'hello', ('$NET.6.255', 9999)); time.sleep(0.02)"
    ns x $BT treq dst=$NET.6.2 port=80 n=100 rps=50 out=req.json; wait_bg arp ;;
  h25-unused-device) # one end was never set up, and nobody sends there
    ns cli ip link add "$(dev u0)" type veth peer name "$(dev u1)"; ns cli ip addr add $NET.8.1/24 dev "$(dev u0)"; ns cli ip link set "$(dev u0)" up
    serve addr=$to port=8080; ns cli $BT treq dst=$to port=8080 n=200 rps=100 out=req.json ;;
  h26-cgroup-programs) # as systemd's: they count or allow what this service does
    local g; g=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/skbtape-$TAG; mkdir -p "$g"
    for i in in out; do bg - prog$i $PY -m ltool attach cgroup-$i "$g" udp 9; wait_for 5 test -s "$STATE/prog$i.log"; done
    bg - tsrv bash -c "echo \$\$ >'$g/cgroup.procs'; exec ip netns exec $(nsn srv) $BT tserve addr=$to port=8080"; wait_for 5 test -s "$STATE/tsrv.log"
    ns cli $BT treq dst=$to port=8080 n=300 rps=150 new=1 out=req.json; stop tsrv; stop progin; stop progout; sleep 0.3; rmdir "$g" 2>/dev/null || : ;;
  h31-stateful-router) # what comes behind the end of a connection is INVALID, and dropped; clients that abort, and some that are idle for less than the table keeps them
    ns rtr sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=30
    ns rtr nft 'table inet fw { chain f { type filter hook forward priority 0; policy drop; ct state vmap { established : accept, related : accept, invalid : drop }; meta l4proto { icmp, ipv6-icmp } accept; ct state new tcp dport { 7002, 5201, 8080 } accept; udp dport 7001 accept; }; }'
    bg srv sink $SIDE sink $to 5201; serve addr=$to port=8080; bg cli idle $BT idle dst=$to port=8080 n=4 idle=2.5 after=1 out=idle.json
    ns cli $SIDE abort $to 5201 40; ns cli $BT treq dst=$to port=8080 n=200 rps=150 new=1 out=req.json; wait_bg idle; [ "$(jget idle.json went_on)" = 4 ] || die "an idle connection ended" ;;
  h32-large-set) # thousands of addresses in one rule
    { echo "table inet fw { set bad { type ipv4_addr; elements = { 192.0.2.1"; for ((i = 0; i < 3000; i++)); do echo ", 198.18.$((i / 250)).$((i % 250))"; done
      echo "}; }; chain i { type filter hook input priority 0; ip saddr @bad counter drop; ct state established accept; }; }"; } | ns srv nft -f -
    serve addr=$to port=8080; ns cli $BT treq dst=$to port=8080 n=900 rps=300 out=req.json ;;
  h33-shaped-below-rate) # a shaper with a deep queue that the traffic does not fill
    ns rtr tc qdisc add dev "$(dev r1)" root handle 1: htb default 10; ns rtr tc class add dev "$(dev r1)" parent 1: classid 1:10 htb rate 50mbit; ns rtr tc qdisc add dev "$(dev r1)" parent 1:10 pfifo limit 2000
    bg srv u $BT urecv addr=$to port=6001 idle=1 rcvbuf=4000000 out=u.json; wait_for 5 test -s "$STATE/u.log"; ns cli $BT usend dst=$to port=6001 n=3000 pps=1000 size=900 out=us.json; wait_bg u; all_received us.json u.json ;;
  h34-nice-reader) # that has little to do: it gets its turn now and then, and that is enough
    bg srv u $BT urecv addr=$to port=6001 idle=1 rcvbuf=4000000 nice=15 out=u.json; wait_for 5 test -s "$STATE/u.log"
    bg - hog $BT hog secs=3 cpu=0 on_ms=15 off_ms=5; ns cli $BT usend dst=$to port=6001 n=900 pps=300 size=300 out=us.json; wait_bg u; all_received us.json u.json ;;
  *) die "no such workload" ;;
  esac
  healthy_wait
}
inc_main "$@"

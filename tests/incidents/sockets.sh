#!/bin/bash
# SPDX-License-Identifier: MIT
# Faults of TCP, UDP, sockets and applications: INC_ID=sNN-NAME ./sockets.sh setup|trigger|truth|cleanup
. "$(dirname "$0")/lib.sh"; . "$INC_DIR/blib.sh"
NET=10.$((140 + N)); SIX=fd00:7$N
PORT=$((8400 + N))
ST="$PY -m stool"
four=$NET.1.2; six=$SIX::2

tells() { # REASONS NS DEV PROTO DST: what is lost, and where; no port is told where it is the client's
  reasons "$1" . "${3:+$(dev "$3")}"; truth expect_netns "$(nsn "$2")"; truthj expect_min_drops 0
  flow "{\"proto\":\"$4\",\"dst\":\"$5\",\"dport\":$PORT}"
}
inc_truth() {
  t_ "sockets: ${INC_ID#*-}" "${INC_ID#*-}" -; wrongs '[]'; truthj expect_min_drops 0
  case $TAG in
  s01) tells '["NO_SOCKET"]' srv s0 udp $NET.2.1 ;;
  s02) tells '["NO_SOCKET"]' srv s0 udp $six ;;
  s03) tells '["NO_SOCKET"]' srv s0 tcp $four ;;
  s04) tells '["NO_SOCKET"]' srv s0 tcp $six ;;
  s05) tells '[]' t3 '' tcp $NET.5.3 ;;
  s06 | s07) tells '[]' srv s0 tcp $four ;;
  s08) tells '[]' srv s0 tcp $six ;;
  s09) tells '[]' srv s0 tcp $six ;;
  s10) tells '["TCP_RFC7323_PAWS"]' srv '' tcp $NET.3.1 ;;
  s11) tells '[]' srv '' tcp $NET.3.1 ;;
  s12) tells '["TCP_OFO_QUEUE_PRUNE"]' srv '' tcp $NET.3.1 ;;
  s13) tells '["PROTO_MEM"]' srv s0 tcp $four ;;
  s14) tells '["PROTO_MEM"]' srv s0 udp $four ;;
  s16) tells '["SOCKET_BACKLOG"]' srv '' tcp $NET.3.1 ;;
  s17) tells '[]' srv s0 tcp $six ;;
  s18) tells '[]' t4 '' tcp $NET.5.4 ;;
  s19) tells '[]' srv s0 tcp $four ;;
  s20) tells '[]' cli c0 tcp $six ;;
  s21 | s22 | s23 | s24) tells '[]' cli '' tcp $NET.4.2 ;;
  s25) tells '[]' cli '' tcp $NET.4.2; truthj expect_flow '{}' ;;
  s26) tells '["SOCKET_RCVBUFF"]' srv s0 udp $six ;;
  s27) tells '["SOCKET_RCVBUFF"]' t3 '' udp 239.7.7.7 ;;
  s28 | s29) tells '["SOCKET_RCVBUFF"]' srv s0 udp $four ;;
  s30) tells '["SOCKET_FILTER"]' srv s0 udp $four ;;
  s31) tells '["SOCKET_FILTER"]' srv s0 udp $six ;;
  s32 | s33) tells '[]' cli c0 udp $four; truthj expect_flow '{}' ;;
  s34) tells '[]' cli '' tcp $NET.4.2 ;;
  s35) tells '[]' cli '' tcp $NET.4.2 ;;
  s36) tells '[]' cli c0 tcp $four ;;
  s54) tells '[]' srv s0 tcp $four ;;
  s55) tells '[]' srv s0 tcp $four ;;
  s56) tells '["SOCKET_RCVBUFF"]' srv lo udp 127.0.0.1; truth expect_dev lo ;;
  s57) tells '[]' srv '' tcp 127.0.0.1 ;;
  s58) tells '[]' srv '' udp $SIX::3; truthj expect_flow '{}' ;;
  s59 | s60) tells '[]' srv s0 tcp $four; truthj expect_flow '{}' ;;
  s61) tells '["SOCKET_RCVBUFF"]' srv v1 udp $NET.6.2 ;;
  s62) tells '[]' box '' tcp $NET.1.9 ;;
  s63) tells '[]' srv s0 tcp $six ;;
  s38) tells '[]' cli '' tcp $six ;;
  s39) tells '[]' cli '' udp $four; truthj expect_flow '{}' ;;
  s40) tells '[]' cli '' tcp $four ;;
  s41) tells '["TCP_MD5NOTFOUND"]' srv s0 tcp $four ;;
  s42) tells '["TCP_MD5UNEXPECTED"]' srv s0 tcp $four ;;
  s43) tells '["TCP_MD5FAILURE"]' srv s0 tcp $six ;;
  s44) tells '["NO_SOCKET"]' srv s0 tcp $six ;;
  s45) tells '["NO_SOCKET"]' t2 '' udp $NET.5.2 ;;
  s46) tells '[]' srv '' udp $NET.1.3; truthj expect_flow '{}' ;;
  s47) tells '[]' cli c0 tcp $four ;;
  s48) tells '[]' cli c0 tcp $six ;;
  s49) tells '["NO_SOCKET"]' srv s0 tcp $six ;;
  s50) reasons '["SOCKET_RCVBUFF"]' . ''; truthj expect_min_drops 0; flow '{}' ;;
  s51) tells '["SOCKET_RCVBUFF"]' srv s0 udp $four ;;
  s52) tells '["SOCKET_RCVBUFF"]' srv s0 udp $four ;;
  s53) tells '[]' srv s0 tcp $four ;;
  *) die "no such incident" ;;
  esac
}
pair6() { ns_add cli srv; link cli c0 $NET.1.1/24,$SIX::1/64 srv s0 $NET.1.2/24,$SIX::2/64; warm cli $four; warm cli $six; }
contained() { # N: so many containers with an eth0 each on a bridge, whose namespace has 254
  local i
  ns_add sw; ns sw ip link add "$(dev br)" type bridge mcast_snooping 0; ns sw ip addr add $NET.5.254/24 dev "$(dev br)"; ns sw ip link set "$(dev br)" up
  for ((i = 1; i <= $1; i++)); do
    ns_add t$i; ip link add "$(dev q$i)" netns "$(nsn sw)" type veth peer name eth0 netns "$(nsn t$i)"
    ns t$i ip addr add $NET.5.$i/24 dev eth0; ns t$i ip link set eth0 up; ns t$i ip route add default via $NET.5.254
    ns sw ip link set "$(dev q$i)" master "$(dev br)" up
  done
  sleep 0.3
  for ((i = 2; i <= $1; i++)); do warm t1 $NET.5.$i; done
}
tunned() { # a tun device of the server, whose other end is a program (run by name tun)
  bg srv tun "$@" dev="$(dev u0)"; wait_for 5 test -s "$STATE/tun.log"
  ns srv ip addr add $NET.3.1/24 dev "$(dev u0)"; ns srv ip link set "$(dev u0)" up
}
wired() { # OPTIONS of the path: cli NET.4.1 -- NET.4.2 srv beside the pair
  bg - wire $ST wire a="$(nsn cli),$(dev w0)" b="$(nsn srv),$(dev w1)" "$@"; wait_for 5 test -s "$STATE/wire.log"
  ns cli ip addr add $NET.4.1/24 dev "$(dev w0)"; ns srv ip addr add $NET.4.2/24 dev "$(dev w1)"
  ns cli ip link set "$(dev w0)" txqueuelen 2000 up; ns srv ip link set "$(dev w1)" txqueuelen 2000 up
}
inc_setup() {
  case $TAG in
  s01) rtr3 ;;
  s06 | s07 | s08) pair6; ns srv ip route add default via $NET.1.1; ns srv ip route add default via $SIX::1
    ns srv sysctl -qw net.ipv4.tcp_syncookies=$([ "$TAG" = s07 ] && echo 1 || echo 0) net.ipv4.tcp_max_syn_backlog=64 ;;
  s05) contained 5; ns t3 sysctl -qw net.core.somaxconn=4 ;;
  s18 | s27 | s45 | s50) contained 5 ;;
  s10) pair6; tunned $ST tuns src=$NET.3.9 dst=$NET.3.1 port=$PORT mode=jump out=peer.json ;;
  s11) pair6; tunned $ST tuns src=$NET.3.9 dst=$NET.3.1 port=$PORT mode=natted n=12 out=peer.json ;;
  s16) pair6; tunned $ST small src=$NET.3.9 dst=$NET.3.1 port=$PORT n=12000 size=1 holes=0 gap=0.00005 burst=50 out=peer.json ;;
  s12) pair6; tunned $ST small src=$NET.3.9 dst=$NET.3.1 port=$PORT n=3000 size=1 out=peer.json ;;
  s21) pair6; wired delay=0.01 loss=0.05 what=data ;;
  s22) pair6; wired delay=0.005 loss=1 what=syn ;;
  s23) pair6; wired delay=0.005 loss=0.6 what=ack way=ba first=20 ;;
  s24) pair6; wired delay=0.005 loss=0.3 what=tail ;;
  s25) pair6; wired delay=0.005 late=0.05 by=0.02 what=data ;;
  s35) pair6; wired delay=0.03; ns cli sysctl -qw net.ipv4.tcp_wmem="4096 12000 12000" ;;
  s36) pair6; ns cli tc qdisc add dev "$(dev c0)" root tbf rate 4mbit burst 5000 limit 400000 ;;
  s55) pair6; serve srv $four mode=once stall=60 after=1 name=hungd; bg cli st $ST stream dst=$four port=$PORT secs=60; sleep 2 ;;
  s58) ns_add cli srv; link cli c0 $NET.1.1/24,$SIX::1/64 srv s0 $NET.1.2/24,$SIX::3/64,$SIX::2/64; warm cli $four; warm cli $SIX::2; warm cli $SIX::3 ;;
  s61) pair6
    ns cli ip link add "$(dev v0)" type vxlan id 7 local $NET.1.1 remote $four dstport 4789 dev "$(dev c0)"; ns srv ip link add "$(dev v1)" type vxlan id 7 local $four remote $NET.1.1 dstport 4789 dev "$(dev s0)"
    ns cli ip addr add $NET.6.1/24 dev "$(dev v0)"; ns srv ip addr add $NET.6.2/24 dev "$(dev v1)"; ns cli ip link set "$(dev v0)" up; ns srv ip link set "$(dev v1)" up; warm cli $NET.6.2 ;;
  s62) pair6; ns_add box; ip link add "$(dev m0)" netns "$(nsn srv)" link "$(dev s0)" type macvlan mode bridge 2>/dev/null || ns srv ip link add "$(dev m0)" link "$(dev s0)" type macvlan mode bridge
    ns srv ip link set "$(dev m0)" netns "$(nsn box)"; ns box ip addr add $NET.1.9/24 dev "$(dev m0)"; ns box ip link set "$(dev m0)" up; warm cli $NET.1.9 ;;
  s34) pair6; wired delay=0.025 ;;
  s46) ns_add cli srv; link cli c0 $NET.1.1/24 srv s0 $NET.1.2/24,$NET.1.3/24; warm cli $NET.1.2; warm cli $NET.1.3 ;;
  s53) pair6; serve srv $four mode=never backlog=3; bg cli early $ST many dst=$four port=$PORT n=12 hold=60; sleep 1 ;;
  *) pair6 ;;
  esac
}
serve() { local n=$1 a=$2; shift 2; : >"$STATE/srv.log"; bg "$n" srv $ST serve addr=$a port=$PORT "$@"; wait_for 5 test -s "$STATE/srv.log"; }
sink() { local n=$1 a=$2; shift 2; : >"$STATE/sink.log"; bg "$n" sink $ST usink addr=$a port=$PORT out=sink.json "$@"; wait_for 5 test -s "$STATE/sink.log"; }
lost() { # of what was sent (file) what the reader did not get
  wait_bg sink 40; truthj sent "$(jget ${1:-sent.json} sent)"; truthj expect_min_drops $(($(jget ${1:-sent.json} sent) - $(jget sink.json received)))
  [ $(($(jget ${1:-sent.json} sent) - $(jget sink.json received))) -ge 5 ] || die "nothing was lost"
}
grew() { [ "$(ctr_delta "$1" "$2")" -ge "$3" ] || die "$2 grew by $(ctr_delta "$1" "$2") only"; } # NS COUNTER LEAST
ask() { local n=$1 d=$2; shift 2; ns "$n" $ST task dst=$d port=$PORT out=ask.json "$@"; }
send() { local n=$1 d=$2; shift 2; ns "$n" $ST usend dst=$d port=$PORT out=sent.json "$@"; }
flood() { # DST PREFIX
  ctr_mark srv TcpExt.ListenDrops; ctr_mark srv TcpExt.TCPReqQFullDoCookies; ctr_mark srv TcpExt.TCPReqQFullDrop
  ns cli $ST synflood dev="$(dev c0)" dmac="$(mac srv s0)" net=$2 dst=$1 port=$PORT n=500 pps=200 out=sent.json
}
inc_trigger() {
  local i h=4
  case $TAG in
  s01) healthy_start cli srv $NET.2.1 $h ;;
  s05 | s18 | s27 | s45 | s50) healthy_start t1 t5 $NET.5.5 $h ;;
  *) healthy_start cli srv $four $h ;;
  esac
  fault_begin
  case $TAG in
  s01) ns cli $ST uask dst=$NET.2.1 port=$PORT n=120 burst=4 gap=0.1 conn=1 out=sent.json; truthj expect_min_drops 60 ;;
  s02) # a resolver that is killed
    sink srv $six echo=1 name=resolved; bg cli ask $ST uask dst=$six port=$PORT n=120 gap=0.02 conn=0 socks=8 out=sent.json
    sleep 1.2; kill -9 "$(bgpid sink)"; wait_bg ask 20; truthj sent 120 ;;
  s03) ask cli $four n=30 gap=0.1; truthj expect_min_drops 30 ;;
  s04) serve srv $six name=billing; bg cli ask $ST task dst=$six port=$PORT n=60 gap=0.05 out=ask.json; sleep 1.2; kill -9 "$(bgpid srv)"; wait_bg ask 20 ;;
  s05) # the application asks for 511, the system allows 4
    serve t3 $NET.5.3 mode=slowaccept before=0.4 backlog=511 name=webapp; ctr_mark t3 TcpExt.ListenOverflows
    ns t1 $ST many dst=$NET.5.3 port=$PORT n=25 gap=0.05 hold=2; grew t3 TcpExt.ListenOverflows 5 ;;
  s06) serve srv $four backlog=256; flood $four $NET.9. ;;&
  s07) serve srv $four backlog=32; flood $four $NET.9. ;;&
  s08) serve srv $six backlog=256; flood $six fd00:9::a: ;;&
  s06 | s07 | s08)
    if [ "$TAG" = s07 ]; then grew srv TcpExt.TCPReqQFullDoCookies 50; else grew srv TcpExt.ListenDrops 50; fi ;;
  s09) # an event loop that computes
    serve srv $six busy=1.4 backlog=128 name=reportd; sleep 0.4
    for i in 1 2 3 4 5 6; do bg cli ask$i $ST task dst=$six port=$PORT n=12 gap=0.15 out=ask$i.json; done; for i in 1 2 3 4 5 6; do wait_bg ask$i 20; done ;;
  s10 | s11) ctr_mark srv TcpExt.PAWSEstab; serve srv $NET.3.1 mode=$([ "$TAG" = s11 ] && echo shut || echo echo); touch "$STATE/go"; wait_bg tun 30 ;;
  s12) ctr_mark srv TcpExt.OfoPruned; serve srv $NET.3.1 rcvbuf=16000; touch "$STATE/go"; wait_bg tun 30; grew srv TcpExt.OfoPruned 1 ;;
  s13) # many connections whose data no one reads, and a limit of the machine that they reach
    glock; serve srv $four mode=once stall=60 after=1 backlog=200 name=hoarder; sysctl_set - net.ipv4.tcp_mem "100 150 200"
    bg cli many $ST many dst=$four port=$PORT n=60 gap=0.005 data=60000 hold=3; for i in 1 2; do bg cli st$i $ST stream dst=$four port=$PORT secs=3 chunk=20000; done; sleep 3.5 ;;
  s14) glock; for i in 0 1 2 3; do bg srv k$i $ST usink addr=$four port=$((PORT + 100 * i)) pause=3 rcvbuf=2000000 idle=1; done; sleep 0.7
    sysctl_set - net.ipv4.udp_mem "100 200 300"
    for i in 0 1 2 3; do bg cli us$i $ST usend dst=$four port=$((PORT + 100 * i)) n=800 pps=500 size=1000; done; for i in 0 1 2 3; do wait_bg us$i 20; done ;;
  s16) # recv() waits for a page with the socket locked, while tiny segments come
    ctr_mark srv TcpExt.TCPBacklogDrop; : >"$STATE/stuck.log"; bg srv stuck $ST stuck addr=$NET.3.1 port=$PORT hold=0.4 times=6 name=migrated; wait_for 5 test -s "$STATE/stuck.log"
    touch "$STATE/go"; wait_bg tun 30; grew srv TcpExt.TCPBacklogDrop 5 ;;
  s17) serve srv $six mode=sink name=ingest; bg cli st $ST stream dst=$six port=$PORT secs=3.5 chunk=30000; sleep 1; kill -STOP "$(bgpid srv)"; sleep 1.6; kill -CONT "$(bgpid srv)"; wait_bg st 20 ;;
  s18) serve t4 $NET.5.4 mode=slow before=0.35 read=60000 rcvbuf=60000 name=slowpoke; ns t1 $ST stream dst=$NET.5.4 port=$PORT secs=4 chunk=30000 ;;
  s19) serve srv $four mode=shut read=10 before=0.01 name=frontend; ask cli $four n=40 gap=0.04 size=4000 ;;
  s20) serve srv $six mode=answer name=api; ask cli $six n=60 gap=0.01 split=1 new=0 want=20 ;;
  s21) serve srv $NET.4.2 mode=sink; ns cli $ST stream dst=$NET.4.2 port=$PORT secs=4 chunk=20000 out=st.json; [ "$(jget st.json total_retrans)" -ge 20 ] || die "hardly any loss" ;;
  s22) serve srv $NET.4.2; ns cli $ST many dst=$NET.4.2 port=$PORT n=15 hold=4 out=m.json ;;
  s23) serve srv $NET.4.2 mode=answer; for i in 1 2 3 4; do bg cli ask$i $ST task dst=$NET.4.2 port=$PORT n=30 gap=0.02 new=0 want=0 out=ask$i.json; done; for i in 1 2 3 4; do wait_bg ask$i 30; done ;;
  s24) serve srv $NET.4.2; for i in 1 2 3 4; do bg cli ask$i $ST task dst=$NET.4.2 port=$PORT n=40 gap=0.02 new=0 size=500 out=ask$i.json; done; for i in 1 2 3 4; do wait_bg ask$i 40; done ;;
  s25) serve srv $NET.4.2 mode=sink; ns cli $ST stream dst=$NET.4.2 port=$PORT secs=3 chunk=20000 out=st.json ;;
  s26) # four readers share the port, one of them is slow
    sink srv $six reuse=4 slow=2 work=0.02 rcvbuf=20000 name=syslogd; send cli $six n=1500 pps=600 size=600 socks=32; lost ;;
  s27) sink t3 239.7.7.7 group=239.7.7.7 dev=eth0 work=0.01 rcvbuf=20000 name=feedhandler
    for i in 2 4; do bg t$i other$i $ST usink addr=239.7.7.7 port=$PORT group=239.7.7.7 dev=eth0; done; sleep 0.3; send t1 239.7.7.7 n=900 pps=400 size=800; lost; truthj sent $(($(jget sent.json sent) * 3)) ;;
  s28) sink srv $four idle=2 name=statsd; bg cli us $ST usend dst=$four port=$PORT n=1500 pps=500 size=800 out=sent.json; sleep 0.8; kill -STOP "$(bgpid sink)"; sleep 1.5; kill -CONT "$(bgpid sink)"; wait_bg us 20; lost ;;
  s29) glock; sysctl_set - net.core.rmem_default 4608
    sink srv $four name=tftpd; send cli $four n=600 pps=200 burst=30 size=1000; lost ;;
  s30) sink srv $four filt=classic; send cli $four n=200 pps=100 first=B; truthj expect_min_drops 200 ;;
  s31) sink srv $six filt=ebpf; send cli $six n=200 pps=100 size=400; truthj expect_min_drops 200 ;;
  s32 | s33) ns cli tc qdisc add dev "$(dev c0)" root tbf rate 2mbit burst 3000 limit 4000000; ctr_mark cli Udp.SndbufErrors
    sink srv $four idle=3 name=sinkd; ns cli $ST usend dst=$four port=$PORT n=3000 pps=800 size=1000 sndbuf=20000 nb=$([ "$TAG" = s32 ] && echo 1 || echo 0) out=sent.json
    [ "$TAG" = s33 ] || grew cli Udp.SndbufErrors 10 ;;
  s34) serve srv $NET.4.2 mode=sink name=archive; ns cli $ST stream dst=$NET.4.2 port=$PORT secs=3.5 sndbuf=8000 out=st.json ;;
  s35) serve srv $NET.4.2 mode=sink name=archive; ns cli $ST stream dst=$NET.4.2 port=$PORT secs=3.5 out=st.json ;;
  s36) serve srv $four mode=sink name=archive; ns cli $ST stream dst=$four port=$PORT secs=3.5 sndbuf=8000 out=st.json ;;
  s54) # the server is stopped for a while, and its backlog is deep
    serve srv $four backlog=500 name=gateway; for i in 1 2 3 4 5; do bg cli ask$i $ST task dst=$four port=$PORT n=16 gap=0.15 timeout=4 out=ask$i.json; done
    sleep 1; kill -STOP "$(bgpid srv)"; sleep 1.5; kill -CONT "$(bgpid srv)"; for i in 1 2 3 4 5; do wait_bg ask$i 20; done ;;
  s55) sleep 4; stop st ;;
  s56) sink srv 127.0.0.1 work=0.01 rcvbuf=10000 name=localsyslog; send srv 127.0.0.1 n=900 pps=400; lost ;;
  s57) ns srv sysctl -qw net.ipv4.ip_local_port_range="52000 52015"; serve srv 127.0.0.1 mode=sink name=sidecar; bg srv pool $ST many dst=127.0.0.1 port=$PORT n=16 hold=3; sleep 1; ask srv 127.0.0.1 n=30 gap=0.05 want=0 ;;
  s58) sink srv :: echo=1 name=radiusd; ns srv ip -6 route replace $SIX::/64 dev "$(dev s0)" src $SIX::2 metric 1; ns cli $ST uask dst=$SIX::3 port=$PORT n=30 conn=1 gap=0.03 wait=0.1 out=sent.json
    [ "$(jget sent.json answered)" -lt 5 ] || die "answered" ;;
  s59) serve srv $four mode=answer cork=1 name=httpd; ask cli $four n=16 new=0 want=20 ;;
  s60) serve srv $four mode=answer parts=2 name=rpcd; ask cli $four n=60 gap=0.01 new=0 want=20 ;;
  s61) sink srv $NET.6.2 work=0.01 rcvbuf=20000 name=metricsd; send cli $NET.6.2 n=800 pps=300 size=400; lost ;;
  s62) serve box $NET.1.9 mode=never backlog=2 name=boxed; ctr_mark box TcpExt.ListenOverflows; ns cli $ST many dst=$NET.1.9 port=$PORT n=15 hold=3; grew box TcpExt.ListenOverflows 5 ;;
  s63) # resets instead of silence
    ns srv sysctl -qw net.ipv4.tcp_abort_on_overflow=1; serve srv $six mode=never backlog=3 name=queued; ctr_mark srv TcpExt.ListenOverflows; ns cli $ST many dst=$six port=$PORT n=20 hold=3; grew srv TcpExt.ListenOverflows 3 ;;
  s38) ns cli sysctl -qw net.ipv4.ip_local_port_range="52000 52015"; serve srv $six mode=sink name=dbd; bg cli pool $ST many dst=$six port=$PORT n=16 hold=3; sleep 1; ask cli $six n=30 gap=0.05 want=0 ;;
  s39) ns cli sysctl -qw net.ipv4.ip_local_port_range="52000 52015"; sink srv $four; ns cli $ST uhold dst=$four port=$PORT n=40 secs=2 out=held.json ;;
  s40) ns cli sysctl -qw net.ipv4.ip_local_port_range="52000 52015" net.ipv4.tcp_tw_reuse=0; serve srv $four name=cache; ask cli $four n=60 gap=0.03 ;;
  s41) serve srv $four md5=secret md5peer=$NET.1.1; ns cli $ST many dst=$four port=$PORT n=8 hold=2.5 ;;
  s42) serve srv $four; for i in 1 2 3 4 5; do bg cli ask$i $ST task dst=$four port=$PORT n=1 timeout=3 md5=secret; done; for i in 1 2 3 4 5; do wait_bg ask$i; done ;;
  s43) serve srv $six md5=secret md5peer=$SIX::1; for i in 1 2 3 4 5; do bg cli ask$i $ST task dst=$six port=$PORT n=1 timeout=3 md5=sekret; done; for i in 1 2 3 4 5; do wait_bg ask$i; done ;;
  s44) serve srv ::1 name=adminapi; ask cli $six n=20 gap=0.1 ;;
  s45) sink t2 127.0.0.1 idle=3 name=unbound; ns t1 $ST uask dst=$NET.5.2 port=$PORT n=40 gap=0.05 conn=0 out=sent.json ;;
  s46) sink srv 0.0.0.0 echo=1 name=sipd; ns cli $ST uask dst=$NET.1.3 port=$PORT n=30 conn=1 gap=0.03 wait=0.1 out=sent.json ;;
  s47) serve srv $four mode=answer name=api; ask cli $four n=16 cork=1 new=0 want=20 ;;
  s48) serve srv $six mode=answer name=api; ask cli $six n=16 more=1 new=0 want=20 ;;
  s49) # all addresses of IPv4, none of IPv6, which is all that the clients know
    serve srv 0.0.0.0 name=legacyd; ask cli $six n=20 gap=0.1 ;;
  s50) serve t3 $NET.5.3 mode=never backlog=3 name=stuckd; ctr_mark t3 TcpExt.ListenOverflows; sink t4 $NET.5.4 work=0.02 rcvbuf=8000 name=slowd
    bg t1 m $ST many dst=$NET.5.3 port=$PORT n=15 hold=3; send t1 $NET.5.4 n=900 pps=400; lost; wait_bg m 20; grew t3 TcpExt.ListenOverflows 3 ;;
  s51) bg srv bulk $ST serve addr=$four port=5201 mode=sink; wait_for 5 test -s "$STATE/bulk.log"
    for i in 1 2 3; do bg cli st$i $ST stream dst=$four port=5201 secs=3; done; sink srv $four work=0.01 rcvbuf=20000 name=collectd; send cli $four n=800 pps=300; lost; for i in 1 2 3; do wait_bg st$i 20; done ;;
  s52) sink srv $four rcvbuf=60000 name=snmptrapd; bg cli us $ST usend dst=$four port=$PORT n=3000 pps=1000 size=300 out=sent.json; sleep 1.3; kill -STOP "$(bgpid sink)"; sleep 0.2; kill -CONT "$(bgpid sink)"; wait_bg us 20; lost ;;
  s53) sleep 4; stop early ;;
  esac
  fault_end; healthy_wait
}
inc_main "$@"

#!/bin/sh
# SPDX-License-Identifier: MIT
# folders: copies of /proc and /sys, and sosreports, as directories and archives: what they tell is found with its numbers, links
# out of them are not followed, totals since the boot are told as such, and two copies give what grew between.
. tests/lib.sh
sq() { sqlite3 -batch "$1" "$2" 2>&1; }
list() { sqlite3 -batch "$1" "SELECT group_concat(x, ' ') FROM ($2)" 2>&1; }

# a copy of this host
d=$TMP/here
mkdir -p "$d/proc/sys" "$d/sys/class/net"
cp -r /proc/net/. "$d/proc/net" 2>/dev/null
cp -r /proc/sys/net "$d/proc/sys/" 2>/dev/null
for f in stat softirqs interrupts schedstat uptime version sys/kernel/hostname; do
	mkdir -p "$(dirname "$d/proc/$f")"
	cat "/proc/$f" >"$d/proc/$f" 2>/dev/null || rm -f "$d/proc/$f"
done
for x in /sys/class/net/*/; do
	n=$(basename "$x")
	mkdir -p "$d/sys/class/net/$n/statistics"
	for f in ifindex mtu address flags type operstate tx_queue_len; do cat "$x/$f" >"$d/sys/class/net/$n/$f" 2>/dev/null; done
	cp "$x"/statistics/* "$d/sys/class/net/$n/statistics/" 2>/dev/null
done
"$SKBTAPE" analyze -q "$d" -o "$TMP/here.db" 2>"$TMP/err"
eq "this host: status" "$? $(cat "$TMP/err")" "0 "
eq "this host: name" "$(q "$TMP/here.db" "SELECT value FROM tape WHERE key = 'host'")" "$(cat /proc/sys/kernel/hostname)"
eq "this host: a counter as its file has it" "$(q "$TMP/here.db" "SELECT value FROM counter WHERE name = 'Udp.InDatagrams'")" \
	"$(awk '/^Udp:/ && n++ { print $2 }' "$d/proc/net/snmp")"
eq "this host: devices" "$(list "$TMP/here.db" "SELECT name || '/' || ifindex || '/' || mtu AS x FROM netdev ORDER BY ifindex")" \
	"$(for x in "$d"/sys/class/net/*/; do echo "$(cat "$x/ifindex") $(basename "$x")/$(cat "$x/ifindex")/$(cat "$x/mtu")"; done | sort -n | cut -d' ' -f2 | tr '\n' ' ' | sed 's/ $//')"
eq "this host: time of it" "$(q "$TMP/here.db" "SELECT CAST(value AS INTEGER) / 1000000000 FROM tape WHERE key = 'start_ns'")" \
	"$(($(awk '$1 == "btime" { print $2 }' "$d/proc/stat") + $(cut -d. -f1 "$d/proc/uptime")))"
eq "this host: settings" "$(q "$TMP/here.db" "SELECT count(*) FROM sysctl")" \
	"$(find "$d/proc/sys/net" -type f -size +0 ! -name '*secret' ! -name '*_key' ! -name base_reachable_time ! -name retrans_time | wc -l)"
if [ -s /proc/net/route ] && command -v ip >/dev/null; then
	eq "this host: routes of IPv4" "$(list "$TMP/here.db" "SELECT dst || '/' || coalesce(gateway, '-') || '/' || dev AS x FROM route WHERE family = 2 ORDER BY 1")" \
		"$(ip -4 route show table main | awk '$2 == "via" { print $1 "/" $3 "/" $5; next } $2 == "dev" { print $1 "/-/" $3 }' | sort | tr '\n' ' ' | sed 's/ $//')"
	eq "this host: neighbours of IPv4 with an address" "$(list "$TMP/here.db" "SELECT address || '/' || mac AS x FROM neigh WHERE family = 2 AND mac IS NOT NULL ORDER BY 1")" \
		"$(awk 'NR > 1 && $3 != "0x0" { print $1 "/" $4 }' "$d/proc/net/arp" | sort | tr '\n' ' ' | sed 's/ $//')"
fi
eq "this host: nothing above info" "$(q "$TMP/here.db" "SELECT count(*) FROM finding WHERE severity <> 'info'")" 0

# a sosreport of known content
s=$TMP/sosreport-web1
n=$s/sos_commands/networking
mkdir -p "$n/namespaces/blue" "$s/sos_commands/kernel" "$s/sos_commands/host" "$s/sos_commands/date" "$s/proc/net/stat" "$s/proc/irq/40/nic-rx-0" \
	"$s/sys/devices/pci0/net/eth0/statistics" "$s/sys/devices/pci0/net/eth0/queues/rx-0" "$s/sys/class/net"
cat >"$s/proc/net/snmp" <<'EOF'
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 100000 0 500 100000 500 0 0 0 0
EOF
printf 'entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n000003d0  0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n' >"$s/proc/net/stat/nf_conntrack"
printf 'cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\nbtime 1700000000\n' >"$s/proc/stat"
echo 0 >"$s/proc/irq/40/smp_affinity_list"
cat >"$s/sos_commands/kernel/sysctl_-a" <<'EOF'
kernel.hostname = web1
net.core.somaxconn = 4096
net.ipv4.conf.eth0/100.rp_filter = 2
net.ipv4.tcp_rmem = 4096	131072	6291456
net.ipv4.tcp_fastopen_key = 01234567-89abcdef-01234567-89abcdef
net.netfilter.nf_conntrack_max = 1000
EOF
echo 'Linux web1 5.14.0-made #1 SMP x86_64 x86_64 x86_64 GNU/Linux' >"$s/sos_commands/kernel/uname_-a"
printf '[    1.500000] nf_conntrack: table full \\ dropping packet\n' >"$s/sos_commands/kernel/dmesg"
echo web1 >"$s/sos_commands/host/hostname"
echo 'Fri Mar  1 00:00:07 UTC 2024' >"$s/sos_commands/date/date_--utc"
cat >"$n/ip_-s_-d_link" <<'EOF'
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0 minmtu 0 maxmtu 0 addrgenmode eui64 numtxqueues 1 numrxqueues 1
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq master br0 state UP mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff promiscuity 1 minmtu 68 maxmtu 9216 addrgenmode eui64 numtxqueues 4 numrxqueues 4
3: br0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN mode DEFAULT group default qlen 1000
    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff promiscuity 0 minmtu 68 maxmtu 65535
    bridge forward_delay 1500 hello_time 200 max_age 2000 addrgenmode eui64 numtxqueues 1 numrxqueues 1
EOF
printf '2: eth0    inet 192.0.2.7/24 brd 192.0.2.255 scope global eth0\\       valid_lft forever\n1: lo    inet6 ::1/128 scope host\n' >"$n/ip_-o_addr"
cat >"$n/ss_-peaonmi" <<'EOF'
Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
u_str ESTAB  0      0      * 100                  * 101          users:(("a",pid=1,fd=3))
udp   UNCONN 0      0      127.0.0.53%lo:53   0.0.0.0:*          users:(("r",pid=9,fd=3)) uid:101 ino:70 sk:a <->
	 skmem:(r0,rb212992,t0,tb212992,f0,w0,o0,bl0,d0)
udp   UNCONN 200000 0      0.0.0.0:7000       0.0.0.0:*          ino:71 sk:b <->	 skmem:(r200000,rb212992,t0,tb212992,f0,w0,o0,bl0,d500)
tcp   LISTEN 7      8      *:80               *:*                users:(("nginx",pid=10,fd=6)) ino:72 sk:1c <->
	 skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d0) cubic cwnd:10
tcp   ESTAB  0      36     192.0.2.7:22       [2001:db8::9]:50000
tcp   ESTAB  0      0      [::ffff:192.0.2.7]:22 [::ffff:192.0.2.9]:50001 ino:74 sk:1e
tcp   ESTAB  0      36     192.0.2.7:22       192.0.2.9:50000    timer:(on,204ms,2) ino:73 sk:1d
EOF
cat >"$n/tc_-s_qdisc_show" <<'EOF'
qdisc mq 0: dev eth0 root
 Sent 9000 bytes 90 pkt (dropped 11, overlimits 0 requeues 1)
 backlog 12Kb 5p requeues 1
qdisc fq_codel 0: dev eth0 parent :1 limit 10240p flows 1024
 Sent 9000 bytes 90 pkt (dropped 11, overlimits 2 requeues 1)
 backlog 0b 0p requeues 1
  maxpacket 0 drop_overlimit 0 new_flow_count 0 ecn_mark 0
EOF
printf 'NIC statistics:\n     rx_packets: 7\n     rx_queue_0_drops: 44\n' >"$n/ethtool_-S_eth0"
printf 'Ring parameters for eth0:\nPre-set maximums:\nRX:\t\t4096\nRX Mini:\tn/a\nTX:\t\t2048\nCurrent hardware settings:\nRX:\t\t512\nTX:\t\t256\n' >"$n/ethtool_-g_eth0"
mkdir -p "$s/etc/iproute2"
printf '#\n255\tlocal\n 100\tuplink\n' >"$s/etc/iproute2/rt_tables"
cat >"$n/ip_route_show_table_all" <<'EOF'
default via 192.0.2.1 dev eth0 proto dhcp src 192.0.2.7 metric 100
198.51.100.0/24 proto static metric 20
	nexthop via 192.0.2.2 dev eth0 weight 1
	nexthop via 192.0.2.3 dev br0 weight 2
default via 192.0.2.9 dev eth0 table uplink onlink
203.0.113.0/24 via inet6 fe80::1 dev eth0 mtu lock 1400
blackhole 10.0.0.0/8
10.1.0.0/16 dev eth0 table nowhere scope link
local 192.0.2.7 dev eth0 table local proto kernel scope host src 192.0.2.7
10.300.0.0/16 dev eth0
2001:db8::/64 dev eth0 proto kernel metric 256 pref medium
default dev eth0 metric 1024 pref medium
EOF
printf '0:\tfrom all lookup local\n100:\tfrom 192.0.2.0/24 iif br0 fwmark 0x10/0xff lookup uplink\n200:\tnot from all lookup 7\n32766:\tfrom all lookup main\n' >"$n/ip_-4_rule_list"
printf '300:\tfrom all to 2001:db8:1::/48 unreachable\n' >"$n/ip_-6_rule_list"
cat >"$n/ip_-s_-s_neigh_show" <<'EOF'
192.0.2.1 dev eth0 lladdr 02:00:00:00:00:aa ref 1 used 3/0/3 probes 1 REACHABLE
192.0.2.8 dev eth0  used 10/70/7 probes 6 FAILED
fe80::1 dev eth0 lladdr 02:00:00:00:00:ab router used 1/1/1 probes 1 STALE
192.0.2.66 dev gone lladdr 02:00:00:00:00:ac STALE
EOF
printf 'Iface\tDestination\tGateway\n' >"$s/proc/net/route"
cat >"$s/proc/net/nf_conntrack" <<'EOF'
ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.7 dst=198.51.100.5 sport=40000 dport=443 src=198.51.100.5 dst=203.0.113.1 sport=443 dport=1024 [ASSURED] mark=7 zone=0 use=2
ipv4     2 tcp      6 119 TIME_WAIT src=192.0.2.7 dst=198.51.100.5 sport=40001 dport=443 src=198.51.100.5 dst=192.0.2.7 sport=443 dport=40001 [ASSURED] mark=0 zone=3 use=2
ipv6     10 udp      17 29 src=2001:db8::1 dst=2001:db8::2 sport=5000 dport=53 [UNREPLIED] src=2001:db8::2 dst=2001:db8::1 sport=53 dport=5000 mark=0 zone=0 use=2
ipv4     2 icmp     1 29 src=192.0.2.7 dst=192.0.2.1 type=8 code=0 id=9 src=192.0.2.1 dst=192.0.2.7 type=0 code=0 id=9 mark=0 use=1
ipv4     2 tcp      6 5 CLOSE src=192.0.2.7
EOF
echo 0 >"$s/sys/devices/pci0/net/eth0/queues/rx-0/rps_cpus"
echo 2 >"$s/sys/devices/pci0/net/eth0/ifindex"
i=100
for f in rx_packets tx_packets rx_bytes tx_bytes rx_errors tx_errors rx_dropped tx_dropped multicast; do
	echo $i >"$s/sys/devices/pci0/net/eth0/statistics/$f"
	i=$((i + 1))
done
ln -s ../../devices/pci0/net/eth0 "$s/sys/class/net/eth0"
b=$n/namespaces/blue/ip_netns_exec_blue_
printf 'net.ipv4.ip_forward = 1\n' >"${b}sysctl_-a"
printf 'default via 198.51.100.5 dev vb\n' >"${b}ip_route_show_table_all"
printf '198.51.100.5 dev vb lladdr 02:00:00:00:00:05 PERMANENT\n' >"${b}ip_-s_-s_neigh_show"
printf '#kernel\nIpInReceives 12 0.0\nTcpExtListenDrops 3 0.0\nUdp6InDatagrams 4 0.0\n' >"${b}nstat_-zas"
printf '7: vb: <UP,LOWER_UP> mtu 1400 qdisc noqueue state UP\n    link/ether 02:00:00:00:00:07 brd ff:ff:ff:ff:ff:ff\n    inet 198.51.100.7/30 scope global vb\n' >"${b}ip_-d_address_show"

"$SKBTAPE" analyze -q "$s/" -o "$TMP/s.db" 2>"$TMP/err"
eq "sosreport: status" "$? $(cat "$TMP/err")" "0 "
eq "sosreport: about it" "$(list "$TMP/s.db" "SELECT value AS x FROM tape WHERE key IN ('arch', 'host', 'import', 'kernel', 'start_ns') ORDER BY key")" \
	"x86_64 web1 a sosreport 5.14.0-made 1709251207000000000"
eq "sosreport: devices" "$(list "$TMP/s.db" "SELECT netns || '/' || name || '/' || ifindex || '/' || mtu || '/' || operstate || '/' || coalesce(kind, '-') || '/' || coalesce(master_ifindex, 0) || '/' || coalesce(carrier, '-') || '/' || mac AS x FROM netdev ORDER BY netns DESC, ifindex")" \
	"init/lo/1/65536/UNKNOWN/-/0/1/00:00:00:00:00:00 init/eth0/2/1500/UP/-/3/1/02:00:00:00:00:02 init/br0/3/1500/DOWN/bridge/0/0/02:00:00:00:00:03 blue/vb/7/1400/UP/-/0/1/02:00:00:00:00:07"
eq "sosreport: counters of a device, no more than are told" "$(list "$TMP/s.db" "SELECT name || '=' || value AS x FROM counter WHERE source = 'dev' AND dev = 'eth0' AND name GLOB '[rt]x_*' ORDER BY name")" \
	"rx_bytes=102 rx_dropped=106 rx_errors=104 rx_packets=100 tx_bytes=103 tx_dropped=107 tx_errors=105 tx_packets=101"
eq "sosreport: sockets" "$(list "$TMP/s.db" "SELECT proto || '/' || family || '/' || state || '/' || src || ':' || sport || '/' || rqueue || '/' || wqueue || '/' || coalesce(rcvbuf_bytes, '-') || '/' || coalesce(drops, '-') || '/' || inode AS x FROM socket ORDER BY sport, inode")" \
	"tcp/2/ESTABLISHED/192.0.2.7:22/0/36/-/-/73 tcp/10/ESTABLISHED/::ffff:192.0.2.7:22/0/0/-/-/74 udp/2/CLOSE/127.0.0.53:53/0/0/212992/0/70 tcp/10/LISTEN/:::80/7/8/131072/0/72 udp/2/CLOSE/0.0.0.0:7000/200000/0/212992/500/71"
eq "sosreport: settings, without keys" "$(list "$TMP/s.db" "SELECT netns || '/' || name || '=' || value AS x FROM sysctl ORDER BY netns DESC, name")" \
	"init/net.core.somaxconn=4096 init/net.ipv4.conf.eth0/100.rp_filter=2 init/net.ipv4.tcp_rmem=4096	131072	6291456 init/net.netfilter.nf_conntrack_max=1000 blue/net.ipv4.ip_forward=1"
eq "sosreport: qdiscs" "$(list "$TMP/s.db" "SELECT kind || '/' || handle || '/' || parent || '/' || bytes || '/' || packets || '/' || drops || '/' || overlimits || '/' || backlog_bytes || '/' || backlog_packets AS x FROM qdisc ORDER BY id")" \
	"mq/0:/root/9000/90/11/0/12288/5 fq_codel/0:/:1/9000/90/11/2/0/0"
eq "sosreport: addresses" "$(list "$TMP/s.db" "SELECT netns || '/' || dev || '/' || address || '/' || prefix || '/' || scope AS x FROM addr ORDER BY 1")" \
	"blue/vb/198.51.100.7/30/0 init/eth0/192.0.2.7/24/0 init/lo/::1/128/254"
eq "sosreport: routes, one a next hop" "$(list "$TMP/s.db" "SELECT netns || '/' || family || '/' || table_no || '/' || type || '/' || dst || '/' || coalesce(gateway, '-') || '/' || coalesce(dev, '-') || '/' || coalesce(src, '-') || '/' || coalesce(metric, '-') || '/' || protocol || '/' || scope || '/' || coalesce(mtu, '-') AS x FROM route ORDER BY id")" \
	"init/2/254/unicast/default/192.0.2.1/eth0/192.0.2.7/100/16/0/- init/2/254/unicast/198.51.100.0/24/192.0.2.2/eth0/-/20/4/0/- init/2/254/unicast/198.51.100.0/24/192.0.2.3/br0/-/20/4/0/- init/2/100/unicast/default/192.0.2.9/eth0/-/-/3/0/- init/2/254/unicast/203.0.113.0/24/fe80::1/eth0/-/-/3/0/1400 init/2/254/blackhole/10.0.0.0/8/-/-/-/-/3/0/- init/2/255/local/192.0.2.7/32/-/eth0/192.0.2.7/-/2/254/- init/10/254/unicast/2001:db8::/64/-/eth0/-/256/2/0/- init/10/254/unicast/default/-/eth0/-/1024/3/0/- blue/2/254/unicast/default/198.51.100.5/vb/-/-/3/0/-"
eq "sosreport: policy rules" "$(list "$TMP/s.db" "SELECT family || '/' || priority || '/' || coalesce(table_no, '-') || '/' || action || '/' || coalesce(src, '-') || '/' || coalesce(dst, '-') || '/' || coalesce(iif, '-') || '/' || coalesce(fwmark, '-') AS x FROM route_rule ORDER BY family, priority")" \
	"2/0/255/1/-/-/-/- 2/100/100/1/192.0.2.0/24/-/br0/16 2/32766/254/1/-/-/-/- 10/300/0/7/-/2001:db8:1::/48/-/-"
eq "sosreport: entries of connection tracking" "$(list "$TMP/s.db" "SELECT proto || '/' || src || ':' || coalesce(sport, '-') || '/' || dst || ':' || coalesce(dport, '-') || '/' || reply_dst || ':' || coalesce(reply_dport, '-') || '/' || coalesce(state, '-') || '/' || status || '/' || timeout_s || '/' || coalesce(mark, '-') || '/' || coalesce(zone, '-') AS x FROM conntrack ORDER BY id")" \
	"tcp/192.0.2.7:40000/198.51.100.5:443/203.0.113.1:1024/ESTABLISHED/30/431999/7/- tcp/192.0.2.7:40001/198.51.100.5:443/192.0.2.7:40001/TIME_WAIT/14/119/0/3 udp/2001:db8::1:5000/2001:db8::2:53/2001:db8::1:5000/-/8/29/0/- icmp/192.0.2.7:-/192.0.2.1:-/192.0.2.7:-/-/10/29/0/-"
eq "sosreport: neighbours" "$(list "$TMP/s.db" "SELECT netns || '/' || dev || '/' || address || '/' || coalesce(mac, '-') || '/' || state AS x FROM neigh ORDER BY netns DESC, family, address")" \
	"init/eth0/192.0.2.1/02:00:00:00:00:aa/REACHABLE init/eth0/192.0.2.8/-/FAILED init/eth0/fe80::1/02:00:00:00:00:ab/STALE blue/vb/198.51.100.5/02:00:00:00:00:05/PERMANENT"
eq "sosreport: lines of a table, an address, a device or a rule that are not understood are counted" "$(q "$TMP/s.db" "SELECT count FROM quality WHERE kind = 'format' AND source = 'files'")" 6
eq "sosreport: ethtool" "$(list "$TMP/s.db" "SELECT name || '=' || value AS x FROM counter WHERE source = 'ethtool' UNION SELECT name || '=' || value FROM dev_feature WHERE kind = 'ring' AND value <> '0' ORDER BY 1")" \
	"rx=512 rx_max=4096 rx_packets=7 rx_queue_0_drops=44 tx=256 tx_max=2048"
eq "sosreport: nstat of a namespace" "$(list "$TMP/s.db" "SELECT source || '/' || name || '=' || value AS x FROM counter WHERE netns = 'blue' AND source <> 'dev' ORDER BY 1")" \
	"netstat/TcpExt.ListenDrops=3 snmp/Ip.InReceives=12 snmp6/Udp6InDatagrams=4"
eq "sosreport: an interrupt, a queue, the log" "$(q "$TMP/s.db" "SELECT (SELECT actions || affinity FROM irq_affinity) || ' ' || (SELECT queue || name || value FROM queue_setting) || ' ' || (SELECT text FROM kmsg)")" \
	"nic-rx-00 rx-0rps_cpus0 nf_conntrack: table full \\ dropping packet"
eq "sosreport: the losses are of any time since the boot" "$(list "$TMP/s.db" "SELECT severity || ' ' || substr(title, 1, 15) || cause AS x FROM finding WHERE cause = 'udp-rcvbuf-overflow'")" \
	"info Since the boot:udp-rcvbuf-overflow"
eq "sosreport: limits that are near are told of now" "$(list "$TMP/s.db" "SELECT rule || ' ' || (title LIKE 'Since%') AS x FROM finding WHERE rule LIKE '%-near%' ORDER BY rule")" \
	"conntrack-full-near.sql 0 tcp-accept-queue-overflow-near.sql 0"
eq "sosreport: nothing above info" "$(q "$TMP/s.db" "SELECT count(*) FROM finding WHERE severity <> 'info'")" 0
eq "sosreport: says that it is one point in time" "$(q "$TMP/s.db" "SELECT count(*) FROM quality WHERE source = 'snapshots' AND note LIKE 'a sosreport is one point in time%'")" 1

# as an archive: the same
same="SELECT 'c', netns, source, name, dev, cpu, value FROM counter UNION ALL SELECT 's', netns, name, value, value_end, 0, 0 FROM sysctl UNION ALL SELECT 'x', netns, src, sport, dst, dport, rqueue FROM socket UNION ALL SELECT 'f', cause, title, summary, 0, 0, 0 FROM finding"
sq "$TMP/s.db" "$same" >"$TMP/want"
tar -C "$TMP" -cf "$TMP/s.tar" sosreport-web1
tar -C "$TMP" --format=pax -cf "$TMP/p.tar" sosreport-web1
gzip -c "$TMP/s.tar" >"$TMP/s.tar.gz"
zstd -q -c "$TMP/s.tar" >"$TMP/s.tar.zst"
for f in s.tar p.tar s.tar.gz s.tar.zst; do
	"$SKBTAPE" analyze -q "$TMP/$f" -o "$TMP/a.db" 2>"$TMP/err"
	rc="$?$(cat "$TMP/err")"
	sq "$TMP/a.db" "$same" | cmp -s - "$TMP/want" && rc="$rc same"
	eq "$f: as the directory" "$rc" "0 same"
done
head -c $(($(stat -c %s "$TMP/s.tar") / 2)) "$TMP/s.tar" >"$TMP/cut.tar"
"$SKBTAPE" analyze -q "$TMP/cut.tar" -o "$TMP/a.db" 2>"$TMP/err"
eq "a cut archive: status 3" "$? $(grep -c 'the file is cut' "$TMP/err")" "3 1"
head -c $(($(stat -c %s "$TMP/s.tar.gz") - 9)) "$TMP/s.tar.gz" >"$TMP/cut.tar.gz"
"$SKBTAPE" analyze -q "$TMP/cut.tar.gz" -o "$TMP/a.db" 2>"$TMP/err"
case $? in 0 | 3) ok "a cut gzip archive ends in order" ;; *) no "a cut gzip archive ends in order" "$(cat "$TMP/err")" ;; esac
printf '\3757zXZ\0' >"$TMP/s.tar.xz"
"$SKBTAPE" analyze -q "$TMP/s.tar.xz" -o "$TMP/a.db" 2>"$TMP/err"
eq "xz: says what to do" "$? $(grep -c 'unpack it first' "$TMP/err")" "1 1"

# reports
for f in html md json; do
	"$SKBTAPE" report "$s" --format $f -o "$TMP/r1.$f" && "$SKBTAPE" report "$s" --format $f -o "$TMP/r2.$f"
	eq "report as $f, the same twice" "$? $([ -s "$TMP/r1.$f" ] && cmp "$TMP/r1.$f" "$TMP/r2.$f" 2>&1)" "0 "
done

grep -q '^\*\*One point in time\.' "$TMP/r1.md" && ! grep -q 'No drop of class' "$TMP/r1.md" && ok "the summary says what it stands on" || no "the summary says what it stands on" "$(head -3 "$TMP/r1.md")"
"$SKBTAPE" report "$s" --lang zh -f md -o "$TMP/zh.md"
eq "a title since the boot is translated whole" "$(grep -c 'Since the boot' "$TMP/zh.md") $(grep '自启动以来：' "$TMP/zh.md" | grep -c -v '自启动以来：[^|]*[a-z] [a-z]')" "0 $(grep -c 'Since the boot' "$TMP/r1.md")"

# two copies
t=$TMP/later
mkdir -p "$TMP/first"
cp -r "$s/proc" "$TMP/first/"
echo '1000.50 900.00' >"$TMP/first/proc/uptime"
cp -r "$TMP/first" "$t"
echo '1010.50 909.00' >"$t/proc/uptime"
sed -i 's/^Udp: 100000 0 500 100000 500/Udp: 100100 0 560 100000 560/' "$t/proc/net/snmp"
"$SKBTAPE" analyze -q "$TMP/first" "$t" -o "$TMP/two.db" 2>"$TMP/err"
eq "two copies: status" "$? $(cat "$TMP/err")" "0 "
eq "two copies: what grew" "$(list "$TMP/two.db" "SELECT name || '=' || delta AS x FROM counter_delta WHERE delta <> 0 ORDER BY name")" "Udp.InDatagrams=100 Udp.InErrors=60 Udp.RcvbufErrors=60"
eq "two copies: the time between" "$(q "$TMP/two.db" "SELECT (SELECT value FROM tape WHERE key = 'end_ns') - (SELECT value FROM tape WHERE key = 'start_ns')")" 10000000000
eq "two copies: no totals since the boot" "$(q "$TMP/two.db" "SELECT count(*) FROM finding WHERE title LIKE 'Since the boot%'") $(q "$TMP/two.db" "SELECT count(*) FROM finding WHERE cause = 'udp-rcvbuf-overflow'")" "0 1"
"$SKBTAPE" analyze -q "$t" "$TMP/first" -o "$TMP/two.db" 2>"$TMP/err"
eq "two copies in the wrong order" "$? $(grep -c 'name the earlier one first' "$TMP/err")" "1 1"
sed -i 's/^btime .*/btime 1700009999/' "$t/proc/stat"
"$SKBTAPE" analyze -q "$TMP/first" "$t" -o "$TMP/two.db" 2>"$TMP/err"
eq "two copies of two boots" "$? $(grep -c 'of another boot' "$TMP/err")" "1 1"
"$SKBTAPE" analyze -q fixtures/import/veth.dat "$TMP/first" -o "$TMP/two.db" 2>"$TMP/err"
eq "a copy behind a trace is refused" "$? $(grep -c 'only behind an earlier one' "$TMP/err")" "1 1"

# what is no copy, and what is hostile
mkdir "$TMP/empty"
"$SKBTAPE" analyze -q "$TMP/empty" -o "$TMP/e.db" 2>"$TMP/err"
eq "an empty directory" "$? $(grep -c 'a copy of /proc and /sys' "$TMP/err") $(ls "$TMP/e.db" 2>/dev/null)" "1 1 "
mkdir -p "$TMP/only/x"
cp -r "$TMP/first/proc" "$TMP/only/x/"
"$SKBTAPE" analyze -q "$TMP/only" -o "$TMP/e.db"
eq "the only directory in one stands for it" "$? $(q "$TMP/e.db" "SELECT value FROM counter WHERE name = 'Udp.InErrors'")" "0 500"
"$SKBTAPE" analyze -q "$TMP/first/proc" -o "$TMP/e.db"
eq "proc itself" "$? $(q "$TMP/e.db" "SELECT value FROM counter WHERE name = 'Udp.InErrors'")" "0 500"
mkdir -p "$TMP/links/proc/net" "$TMP/links/proc/1/net"
printf 'Udp: InErrors\nUdp: 77\n' >"$TMP/outside"
ln -s "$TMP/outside" "$TMP/links/proc/net/snmp"
ln -s ../../../outside "$TMP/links/proc/net/netstat"
mkfifo "$TMP/links/proc/net/snmp6"
printf 'Ip: InReceives\nIp: 5\n' >"$TMP/links/proc/1/net/snmp"
"$SKBTAPE" analyze -q "$TMP/links" -o "$TMP/l.db"
eq "links out of a folder are not followed, and told" "$? $(list "$TMP/l.db" "SELECT name || '=' || value AS x FROM counter") $(q "$TMP/l.db" "SELECT count FROM quality WHERE note LIKE '%links out of the folder%'")" "0 Ip.InReceives=5 3"

# SPDX-License-Identifier: MIT
# truth_paths.sh: traffic over each kind of path with what really happened, and the tape of it held against that (tests/identity.c).
# Source it behind tests/lib.sh; tests/live_identity.sh and bench/truth.sh do.
#   CASES         all there are, but ping, of which no payload tells
#   truth_up      what they need; else TRUTH_WHY says what is missing
#   run_case CASE records, judges, and adds a row "CASE NAME=NUMBER..." to $ROWS (the counts of tests/identity.c and lost);
#                 the counts are variables then. Status 2: this kernel cannot (WHY), 1: it went wrong (WHY).
# N datagrams of each sender, PPS of them a second, BUF the ring buffer. LOCK names a file to hold while recording, KEEP a
# directory for tapes and databases.
# DRIFT is the pace of a second sender: at one pace the two would send at once through a whole run, or never.
N=${N:-2000} PPS=${PPS:-20000}
DRIFT=$((PPS * 93 / 100))
ROWS=$TMP/rows
IDENTITY=$BUILD/tests/identity
CASES="veth napi rps two routed bridge vxlan v6 nat fragments loopback tun macvlan ifb same ends full shaper tbf tcp tcp-nogso tcp-napi tcp-routed short rate busy loss"
. fixtures/make/net.sh
NC=skbt-$$-c ND=skbt-$$-d

truth_up() {
	live || { TRUTH_WHY=$LIVE_WHY; return 1; }
	for _t in ethtool tc taskset; do
		command -v $_t >/dev/null || { TRUTH_WHY="needs $_t"; return 1; }
	done
	net_up || { TRUTH_WHY="no namespaces"; return 1; }
	trap 'more_down; rm -rf "$TMP"; net_down' EXIT
}
in_c() { ip netns exec "$NC" "$@"; }
more_down() {
	ip netns del "$NC" 2>/dev/null
	ip netns del "$ND" 2>/dev/null
}
no_v6() { ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; }
# known NS DEV ADDR NS2 DEV2: ADDR is at DEV2; no ARP in the counts
known() { ip -n "$1" neigh replace "$3" lladdr "$(ip netns exec "$4" cat "/sys/class/net/$5/address")" dev "$2" nud permanent; }
# gone NS DEV: a device leaves with its namespace, but not at once
gone() {
	_i=0
	while ip -n "$1" link show "$2" >/dev/null 2>&1 && [ $_i -lt 100 ]; do _i=$((_i + 1)); sleep 0.05; done
}
offload() { for _d in gso tso; do in_a ethtool -K va $_d "$1"; in_b ethtool -K vb $_d "$1"; done >/dev/null 2>&1; }

# What a case is made of:
#   listen NS ADDR PORT [RCVBUF USEC]            a receiver that tells what it got
#   say NS CPU ADDR PORT COUNT SIZE PPS          a sender that tells what it sent, and when
#   tcp NS ARGS...                               traffic ARGS, beside the others
#   told LINE                                    a line of truth
listen() {
	_lists=$((_lists + 1))
	bg "list$_lists" "$1" taskset -c 1 "$TRAFFIC" list "$2" "$3" "${4:-8000000}" "${5:-0}"
	bg_wait "list$_lists"
}
say() {
	_says=$((_says + 1))
	echo "ip netns exec $1 taskset -c $2 $TRAFFIC say $3 $4 $5 $6 $7 >$TMP/said.$_says 2>&1 &" >>"$TMP/run"
}
tcp() {
	_says=$((_says + 1))
	_ns=$1
	shift
	echo "ip netns exec $_ns $TRAFFIC $* >$TMP/said.$_says 2>&1 &" >>"$TMP/run"
}
told() { echo "$*" >>"$TMP/truth"; }
serve() { # NS ADDR PORT
	bg "serve$3" "$1" "$TRAFFIC" serve "$2" "$3"
	bg_wait "serve$3"
}

# the third namespace, behind B: vd in B, vc in C
third() { # ADDR, with a route by B; none: a bridge in B
	ip netns add "$NC"
	no_v6 "$NC"
	ip -n "$NC" link set lo up
	ip link add vd netns "$NB" type veth peer name vc netns "$NC"
	ip -n "$NB" link set vd up
	ip -n "$NC" link set vc up
	if [ -z "${1:-}" ]; then
		ip -n "$NB" link add br7 type bridge
		ip -n "$NB" link set vb master br7
		ip -n "$NB" link set vd master br7
		ip -n "$NB" link set br7 up
		ip -n "$NC" addr add 10.77.0.3/24 dev vc
		known "$NA" va 10.77.0.3 "$NC" vc
		ip netns exec "$NB" bridge fdb add "$(in_c cat /sys/class/net/vc/address)" dev vd master static
		return
	fi
	ip -n "$NB" addr add 10.79.0.2/24 dev vd
	ip -n "$NC" addr add 10.79.0.3/24 dev vc
	in_b sysctl -qw net.ipv4.ip_forward=1
	ip -n "$NA" route add 10.79.0.0/24 via 10.77.0.2
	ip -n "$NC" route add 10.77.0.0/24 via 10.79.0.2
	known "$NB" vd 10.79.0.3 "$NC" vc
	known "$NC" vc 10.79.0.2 "$NB" vd
}
third_down() {
	ip netns del "$NC"
	ip -n "$NB" link del br7 2>/dev/null
	ip -n "$NA" route del 10.79.0.0/24 2>/dev/null
	gone "$NB" vd
}
# two more namespaces with a pair of veth: dev and addresses in both
pair_cd() { # DEV
	for _n in "$NC" "$ND"; do
		ip netns add "$_n"
		no_v6 "$_n"
		ip -n "$_n" link set lo up
	done
	ip link add "$1" netns "$NC" type veth peer name "$1" netns "$ND"
	ip -n "$NC" addr add 10.77.0.1/24 dev "$1"
	ip -n "$ND" addr add 10.77.0.2/24 dev "$1"
	ip -n "$NC" link set "$1" up
	ip -n "$ND" link set "$1" up
	known "$NC" "$1" 10.77.0.2 "$ND" "$1"
	known "$ND" "$1" 10.77.0.1 "$NC" "$1"
}
rename() { # NS DEV NAME; neighbours stay
	ip -n "$1" link set "$2" down && ip -n "$1" link set "$2" name "$3" && ip -n "$1" link set "$3" up
	case $1 in
	"$NA") ip -n "$NA" neigh replace 10.77.0.2 lladdr "$(cat "$TMP/mac.b")" dev "$3" nud permanent ;;
	"$NB") ip -n "$NB" neigh replace 10.77.0.1 lladdr "$(cat "$TMP/mac.a")" dev "$3" nud permanent ;;
	esac
}

setup_veth() { listen "$NB" 10.77.0.2 9000; say "$NA" 0 10.77.0.2 9000 "$N" 200 "$PPS"; }
# vb polls; its peer gives it to the poll only what no TSO can be in (veth_skb_is_eligible_for_gro(), drivers/net/veth.c)
polled() {
	in_a ethtool -K va tso "$1" >/dev/null 2>&1
	in_b ethtool -K vb gro "$2" >/dev/null 2>&1
}
setup_napi() {
	polled off on || return 2
	setup_veth
}
down_napi() { polled on off; }
setup_rps() {
	in_b sh -c 'echo 2 >/sys/class/net/vb/queues/rx-0/rps_cpus'
	setup_veth
}
down_rps() { in_b sh -c 'echo 0 >/sys/class/net/vb/queues/rx-0/rps_cpus'; }
setup_two() {
	setup_veth
	say "$NA" 1 10.77.0.2 9000 "$N" 200 "$DRIFT"
}
setup_routed() {
	third 10.79.0.3
	listen "$NC" 10.79.0.3 9000
	say "$NA" 0 10.79.0.3 9000 "$N" 200 "$PPS"
}
down_routed() { third_down; }
setup_bridge() {
	third
	listen "$NC" 10.77.0.3 9000
	say "$NA" 0 10.77.0.3 9000 "$N" 200 "$PPS"
}
down_bridge() { third_down; }
setup_nat() {
	in_b nft -f - <<RULES || return 2
table ip nat {
	chain post {
		type nat hook postrouting priority 100; policy accept;
		oifname "vd" masquerade
	}
}
RULES
	setup_routed
}
down_nat() {
	third_down
	in_b nft delete table ip nat
}
setup_vxlan() {
	ip -n "$NA" link add vx0 type vxlan id 7 local 10.77.0.1 remote 10.77.0.2 dstport 4789 2>/dev/null || return 2
	ip -n "$NB" link add vx0 type vxlan id 7 local 10.77.0.2 remote 10.77.0.1 dstport 4789
	ip -n "$NA" addr add 10.78.0.1/24 dev vx0
	ip -n "$NB" addr add 10.78.0.2/24 dev vx0
	for _n in "$NA" "$NB"; do ip -n "$_n" link set vx0 up; done
	known "$NA" vx0 10.78.0.2 "$NB" vx0
	known "$NB" vx0 10.78.0.1 "$NA" vx0
	listen "$NB" 10.78.0.2 9000
	say "$NA" 0 10.78.0.2 9000 "$N" 200 "$PPS"
}
down_vxlan() { for _n in "$NA" "$NB"; do ip -n "$_n" link del vx0; done; }
setup_v6() {
	for _n in "$NA" "$NB"; do ip netns exec "$_n" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 || return 2; done
	ip -n "$NA" addr add fd77::1/64 dev va nodad
	ip -n "$NB" addr add fd77::2/64 dev vb nodad
	known "$NA" va fd77::2 "$NB" vb
	known "$NB" vb fd77::1 "$NA" va
	listen "$NB" fd77::2 9000
	say "$NA" 0 fd77::2 9000 "$N" 200 "$PPS"
}
down_v6() { for _n in "$NA" "$NB"; do no_v6 "$_n"; done; }
setup_fragments() {
	listen "$NB" 10.77.0.2 9000
	say "$NA" 0 10.77.0.2 9000 $((N / 3)) 4000 $((PPS / 4))
}
setup_loopback() { listen "$NA" 127.0.0.1 9000; say "$NA" 0 127.0.0.1 9000 "$N" 200 "$PPS"; }
setup_tun() {
	[ -c /dev/net/tun ] || return 2
	bg tun "$NA" "$TRAFFIC" tun "$NA" tun7 "$NB" tun7
	bg_wait tun || return 2
	told cut
	told port 9000 device # its queue, when the program is late
	ip -n "$NA" addr add 10.80.0.1/24 dev tun7
	ip -n "$NB" addr add 10.80.0.2/24 dev tun7
	for _n in "$NA" "$NB"; do ip -n "$_n" link set tun7 up; done
	listen "$NB" 10.80.0.2 9000
	# less than its queue of 500 between two turns of the program
	say "$NA" 0 10.80.0.2 9000 "$N" 200 $((PPS / 4))
}
down_tun() { bg_stop tun; }
setup_macvlan() {
	ip -n "$NB" link add link vb name mv0 type macvlan mode bridge 2>/dev/null || return 2
	ip -n "$NB" addr add 10.81.0.2/24 dev mv0
	ip -n "$NA" addr add 10.81.0.1/24 dev va
	ip -n "$NB" link set mv0 up
	known "$NA" va 10.81.0.2 "$NB" mv0
	listen "$NB" 10.81.0.2 9000
	say "$NA" 0 10.81.0.2 9000 "$N" 200 "$PPS"
}
down_macvlan() {
	ip -n "$NB" link del mv0
	ip -n "$NA" addr del 10.81.0.1/24 dev va
}
setup_ifb() {
	ip -n "$NB" link add ifb7 type ifb 2>/dev/null || return 2
	ip -n "$NB" link set ifb7 up
	in_b tc qdisc add dev vb handle ffff: ingress &&
		in_b tc filter add dev vb parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev ifb7 2>/dev/null || return 2
	setup_veth
}
down_ifb() {
	in_b tc qdisc del dev vb ingress 2>/dev/null
	ip -n "$NB" link del ifb7 2>/dev/null
}
# the same device name, addresses and ports in four namespaces, at once
setup_same() {
	in_a cat /sys/class/net/va/address >"$TMP/mac.a"
	in_b cat /sys/class/net/vb/address >"$TMP/mac.b"
	rename "$NA" va eth0
	rename "$NB" vb eth0
	pair_cd eth0
	for _n in "$NB" "$ND"; do listen "$_n" 10.77.0.2 9000; done
	say "$NA" 0 10.77.0.2 9000 "$N" 200 "$PPS"
	say "$NC" 1 10.77.0.2 9000 "$N" 200 "$DRIFT"
}
down_same() {
	more_down
	rename "$NA" eth0 va
	rename "$NB" eth0 vb
}
# every end at once; a second sender's datagrams arrive
setup_ends() {
	in_b nft -f - <<RULES || return 2
table inet filter {
	chain input {
		type filter hook input priority 0; policy accept;
		udp dport 9003 counter drop
	}
}
RULES
	listen "$NB" 10.77.0.2 9000
	listen "$NB" 10.77.0.2 9002 10000 1000
	listen "$NB" 10.77.0.2 9003
	told port 9001 transport
	told port 9002 socket transport
	told port 9003 netfilter
	for _p in 9001 9002 9003; do say "$NA" 0 10.77.0.2 $_p $((N / 2)) 200 $((PPS / 4)); done
	say "$NA" 1 10.77.0.2 9000 $((N / 2)) 200 $((PPS / 4))
}
down_ends() { in_b nft delete table inet filter; }
setup_full() {
	listen "$NB" 10.77.0.2 9000 20000 300
	told port 9000 socket transport
	say "$NA" 0 10.77.0.2 9000 "$N" 200 "$PPS"
}
setup_shaper() {
	in_a tc qdisc add dev va root tbf rate 10mbit burst 5k limit 20k 2>/dev/null || return 2
	listen "$NB" 10.77.0.2 9000
	told port 9000 qdisc
	say "$NA" 0 10.77.0.2 9000 "$N" 400 "$PPS"
}
down_shaper() { in_a tc qdisc del dev va root 2>/dev/null; }
setup_tbf() { # cuts what is longer than its burst into segments
	in_a tc qdisc add dev va root tbf rate 200mbit burst 10k limit 3m 2>/dev/null || return 2
	serve "$NB" 10.77.0.2 7000
	tcp "$NA" bulk 10.77.0.2 7000 $((N * 4000))
}
down_tbf() {
	bg_stop serve7000
	down_shaper
}
setup_ping() { tcp "$NA" ping 10.77.0.2 0 20; }
setup_tcp() {
	serve "$NB" 10.77.0.2 7000
	tcp "$NA" bulk 10.77.0.2 7000 $((N * 2000))
}
down_tcp() { bg_stop serve7000; }
setup_tcp_nogso() {
	offload off
	serve "$NB" 10.77.0.2 7000
	tcp "$NA" bulk 10.77.0.2 7000 $((N * 700))
}
down_tcp_nogso() {
	bg_stop serve7000
	offload on
}
setup_tcp_napi() {
	polled off on || return 2
	serve "$NB" 10.77.0.2 7000
	tcp "$NA" bulk 10.77.0.2 7000 $((N * 700))
}
down_tcp_napi() {
	bg_stop serve7000
	polled on off
}
setup_tcp_routed() {
	third 10.79.0.3
	serve "$NC" 10.79.0.3 7000
	tcp "$NA" bulk 10.79.0.3 7000 $((N * 2000))
}
down_tcp_routed() {
	bg_stop serve7000
	third_down
}
setup_short() {
	serve "$NB" 10.77.0.2 7000
	tcp "$NA" dial 10.77.0.2 7000 $((N / 8)) 300
}
down_short() { bg_stop serve7000; }
setup_rate() { listen "$NB" 10.77.0.2 9000; say "$NA" 0 10.77.0.2 9000 $((N * 2)) 200 0; told port 9000 socket softnet; }
setup_busy() {
	setup_ends || return 2
	third 10.79.0.3
	listen "$NC" 10.79.0.3 9004
	listen "$NA" 127.0.0.1 9005
	serve "$NB" 10.77.0.2 7000
	in_b sh -c 'echo 2 >/sys/class/net/vb/queues/rx-0/rps_cpus'
	say "$NA" 0 10.79.0.3 9004 $((N / 2)) 200 $((PPS / 4))
	say "$NA" 1 127.0.0.1 9005 $((N / 2)) 200 $((PPS / 4))
	tcp "$NA" bulk 10.77.0.2 7000 $((N * 1000))
	tcp "$NA" dial 10.77.0.2 7000 $((N / 20)) 300
	tcp "$NA" ask 10.77.0.2 7000 $((N / 20)) 100 0
}
down_busy() {
	bg_stop serve7000
	in_b sh -c 'echo 0 >/sys/class/net/vb/queues/rx-0/rps_cpus'
	third_down
	down_ends
}
setup_loss() { # the ring buffer overruns
	setup_two
	: >"$TMP/run"
	told port 9000 socket softnet
	say "$NA" 0 10.77.0.2 9000 $((N * 10)) 200 0
	say "$NA" 1 10.77.0.2 9000 $((N * 10)) 200 0
}

# rec CMD...: record while CMD runs
rec() {
	[ -z "${LOCK:-}" ] || { exec 9>"$LOCK" && flock 9; }
	start_record "$TMP/rec.log" -s "${SNAP:-0}" -b "${BUF:-32M}" -o "$TMP/t.skbtape" 2>/dev/null || { WHY=$(cat "$TMP/rec.log"); exec 9>&-; return 1; }
	"$@"
	sleep 0.2
	kill -INT $RECPID
	wait $RECPID
	exec 9>&-
}
# in a shell of its own, but not another one: busybox's would take its own ip
play() { (. "$TMP/run"); }
load() { "$SKBTAPE" analyze -q "$TMP/t.skbtape" -o "$TMP/t.db" 2>"$TMP/err" || { WHY=$(cat "$TMP/err"); return 1; }; }

# record_case CASE: leaves $TMP/t.skbtape and $TMP/truth. Status 2: this kernel cannot, 1: it went wrong; WHY.
record_case() {
	rm -f "$TMP"/t.* "$TMP"/said.*
	_lists=0 _says=0 _rc=0 WHY="this kernel has no $1" _do=$(echo "$1" | tr - _)
	: >"$TMP/truth" && : >"$TMP/run"
	if "setup_$_do"; then
		echo wait >>"$TMP/run"
		case $1 in
		loss) BUF=64K rec play || _rc=1 ;;
		tcp | tcp-* | tbf | short) SNAP=200 rec play || _rc=1 ;;
		*) rec play || _rc=1 ;;
		esac
	else
		_rc=$?
	fi
	_i=0
	while [ $_i -lt $_lists ]; do
		_i=$((_i + 1))
		bg_stop list$_i
		grep '^[0-9]' "$NETTMP/list$_i" >>"$TMP/truth"
	done
	command -v "down_$_do" >/dev/null && "down_$_do" 2>/dev/null
	[ $_rc = 0 ] || return $_rc
	cat "$TMP"/said.* | grep '^began' >>"$TMP/truth"
	WHY=
}

# judge_case CASE NETNS: holds the tape against the truth
judge_case() {
	rm -f "$TMP/t.db" "$TMP/t.pcapng"
	load || return 1
	"$SKBTAPE" export "$TMP/t.skbtape" --pcapng "$TMP/t.pcapng" 2>"$TMP/err" || { WHY=$(cat "$TMP/err"); return 1; }
	"$IDENTITY" "$TMP/t.pcapng" "$TMP/t.db" "$2" "$TMP/truth" >"$TMP/id" 2>"$TMP/id.err" || { WHY=$(cat "$TMP/id.err"); return 1; }
	eval "$(cat "$TMP/id")"
	lost=$(q "$TMP/t.db" "SELECT sum(CAST(value AS INT)) FROM tape WHERE key IN ('events_lost','frames_lost')")
	echo "$1 $(cat "$TMP/id") lost=$lost" >>"$ROWS"
	[ -z "${KEEP:-}" ] || for _x in skbtape db pcapng; do cp "$TMP/t.$_x" "$KEEP/$1.$_x"; done
	[ -z "${KEEP:-}" ] || cp "$TMP/truth" "$KEEP/$1.truth"
}

run_case() {
	record_case "$1" || return $?
	judge_case "$1" "skbt-$$-"
}

# truth_table: the rows of $ROWS, summed for each case and in all; a lossy one of a case is a row of its own, 'CASE, lossy',
# and 'in all' is of those without loss
truth_table() {
	awk '
		function share(x, n) { return n ? sprintf("%.2f", 100 * x / n) : "-" }
		function line(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r) {
			printf "%-15s %8s %7s %6s %6s %6s %9s %8s %6s %6s %6s %6s %9s %5s %9s %6s %8s %8s\n",
				a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r
		}
		function row(name, k) {
			line(name, v[k, "frames"] + 0, share(v[k, "unique"], v[k, "frames"]), share(v[k, "ordered"], v[k, "frames"]),
				share(v[k, "ambiguous"], v[k, "frames"]), share(v[k, "untied"], v[k, "frames"]),
				(v[k, "wrong_unique"] + 0) "/" (v[k, "wrong_ordered"] + 0) "/" (v[k, "wrong_ambiguous"] + 0), v[k, "all"] + 0,
				share(v[k, "certain"], v[k, "all"]), share(v[k, "high"], v[k, "all"]), share(v[k, "medium"], v[k, "all"]),
				share(v[k, "low"], v[k, "all"]), v[k, "sure_claims"] + 0, v[k, "wrong_sure"] + 0, v[k, "claims"] + 0,
				v[k, "wrong_claims"] + 0, share(v[k, "complete"], v[k, "all"]),
				(v[k, "nowhere"] + 0) "/" (v[k, "several"] + v[k, "torn"]))
		}
		{
			lossy = 0
			for (i = 2; i <= NF; i++) { split($i, x, "="); if (x[1] == "lost" && x[2] > 0) lossy = 1 }
			name = $1 (lossy && $1 != "loss" ? ", lossy" : "")
			if (!(name in seen)) { seen[name] = 1; order[++rows] = name }
			for (i = 2; i <= NF; i++) {
				split($i, x, "=")
				v[name, x[1]] += x[2]
				v[lossy ? "*lossy" : "*", x[1]] += x[2]
			}
		}
		END {
			line("", "", "tied %", "", "", "", "wrong", "", "conf. %", "", "", "", "certain", "", "all", "", "complete", "in no/")
			line("case", "frames", "unique", "order", "ambig", "none", "u/o/a", "packets", "certain", "high", "med", "low", "claims",
				"wrong", "claims", "wrong", "%", "several")
			for (i = 1; i <= rows; i++) row(order[i], order[i])
			row("in all", "*")
			if (v["*lossy", "frames"]) row("with loss", "*lossy")
		}' "$ROWS"
}
# total NAME [lossy]: of all rows without (with) loss
total() {
	awk -v k="$1" -v want="${2:-}" '{
		lossy = 0; n = 0
		for (i = 2; i <= NF; i++) { split($i, x, "="); if (x[1] == "lost" && x[2] > 0) lossy = 1; if (x[1] == k) n = x[2] }
		if (lossy == (want == "lossy")) sum += n
	} END { printf "%d\n", sum }' "$ROWS"
}

#!/bin/sh
# SPDX-License-Identifier: MIT
# live_privilege: what a running recorder may still do; a user with only the capabilities that are needed, and with one of
# them missing; what COMMAND keeps; that nothing behind the transport header reaches a tape by default.
. tests/lib.sh
live || { skip live_privilege "$LIVE_WHY"; exit 0; }
command -v setpriv >/dev/null || { skip live_privilege "needs setpriv(1)"; exit 0; }
# numbers of capability.h
DAC_OVERRIDE=1 DAC_READ_SEARCH=2 NET_ADMIN=12 NET_RAW=13 SYS_PTRACE=19 SYS_ADMIN=21 SYSLOG=34

# caps_beyond HEX BIT...: capabilities in HEX that are not among the bits
caps_beyond() {
	_have=$((0x$1))
	shift
	for _bit; do _have=$((_have & ~(1 << _bit))); done
	echo $_have
}
field() { sed -n "s/^$2:[[:space:]]*//p" "$1/status"; }
# threads_of PID NAME BIT...: each thread is confined and has no other capability
threads_of() {
	_pid=$1 _name=$2
	shift 2
	_bad=
	for _t in /proc/"$_pid"/task/*; do
		[ "$(caps_beyond "$(field "$_t" CapPrm)" "$@")" = 0 ] && [ "$(caps_beyond "$(field "$_t" CapBnd)" "$@")" = 0 ] || _bad="$_bad $(field "$_t" CapPrm)"
		[ "$(field "$_t" NoNewPrivs) $(field "$_t" Seccomp)" = "1 2" ] || _bad="$_bad $(field "$_t" Seccomp)"
	done
	eq "$_name: threads have only what they need" "$_bad" ""
}

start_record "$TMP/log" -q -o "$TMP/r.skbtape" -- sh -c "grep -e CapPrm -e NoNewPrivs -e Seccomp: /proc/self/status >'$TMP/command'; sleep 1.5" ||
	no "root" "did not start"
sleep 0.5
threads_of $RECPID root $DAC_READ_SEARCH $NET_ADMIN $NET_RAW $SYS_PTRACE $SYS_ADMIN $SYSLOG
none=0
for t in /proc/"$RECPID"/task/*; do [ "$(field "$t" CapPrm)" = 0000000000000000 ] && none=$((none + 1)); done
[ $none -ge 1 ] && ok "root: the compressor has no capability" || no "root: the compressor has no capability" $none
guard=$(cat "/proc/$RECPID/task/$RECPID/children")
for p in $guard; do
	[ "$(cat "/proc/$p/comm" 2>/dev/null)" = skbtape-guard ] && eq "root: the guard has no capability" "$(field "/proc/$p" CapPrm)" 0000000000000000
done
wait $RECPID
eq "root: status" $? 0
eq "root: COMMAND keeps what its starter had" "$(cat "$TMP/command")" "$(grep -e CapPrm -e NoNewPrivs -e Seccomp: /proc/self/status)"

# a user with the capabilities that the manual names
cp "$RECORD" "$TMP/rec"; chmod 755 "$TMP" "$TMP/rec"; mkdir "$TMP/user"; chown 65534:65534 "$TMP/user"
as_user() { # CAPS ARGS...
	_caps=$1
	shift
	(cd "$TMP/user" && exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all,"$_caps" --inh-caps=-all,"$_caps" \
		--ambient-caps=-all,"$_caps" "$TMP/rec" "$@")
}
ALL=+dac_override,+net_admin,+net_raw,+sys_admin,+sys_ptrace,+syslog
as_user $ALL -d 1.5 -o "$TMP/user/t.skbtape" 2>"$TMP/log"
eq "user with six capabilities: status" $? 0
"$SKBTAPE" analyze -q "$TMP/user/t.skbtape" -o "$TMP/t.db"
eq "user with six capabilities: whole tape" $? 0
eq "user with six capabilities: events and names of functions" \
	"$(q "$TMP/t.db" "SELECT (SELECT CAST(value AS INT) > 0 FROM tape WHERE key='events_decoded') AND NOT EXISTS (SELECT 1 FROM symbol WHERE location = '0x?')")" 1
rm -f "$TMP/user/t.skbtape"
as_user "$(echo $ALL | sed 's/,+net_raw//')" -d 0.5 -o "$TMP/user/t.skbtape" 2>"$TMP/log"
eq "without CAP_NET_RAW: status" $? 3
grep -q -i net_raw "$TMP/log" && ok "without CAP_NET_RAW: it is named" || no "without CAP_NET_RAW: it is named" "$(cat "$TMP/log")"
eq "no instance left" "$(instances)" ""

# what is said behind the headers stays on the host, unless asked for
. fixtures/make/net.sh
trap - EXIT
net_up || { no live_privilege "no namespaces"; exit 1; }
trap 'rm -rf "$TMP"; net_down' EXIT
secret="secret-$$-pass"
cat >"$TMP/say.py" <<'P'
import socket, sys, threading
to, word = sys.argv[1], sys.argv[2].encode()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in (53, 9100, 4789):
    u.sendto(word * 4, (to, port))
    u.sendto(b"\0" * 40 + word, (to, port))
for port in (80, 9101):
    t = socket.create_connection((to, port))
    t.sendall(b"GET / HTTP/1.1\r\nAuthorization: Basic " + word + b"\r\n\r\n")
    t.recv(100)
    t.close()
P
cat >"$TMP/hear.py" <<'P'
import socket, sys
ports = [socket.create_server((sys.argv[1], p)) for p in (80, 9101)]
print("ready", flush=True)
for s in ports:
    c, _ = s.accept()
    c.sendall(c.recv(1000))
    c.close()
P
if command -v python3 >/dev/null; then
	for snap in "" "-s 0"; do
		bg hear in_b python3 "$TMP/hear.py" 10.77.0.2
		bg_wait hear || no "payload" "no receiver"
		# shellcheck disable=SC2086
		start_record "$TMP/log" $snap -q -o "$TMP/s$snap.skbtape" || no "payload" "did not start"
		in_a python3 "$TMP/say.py" 10.77.0.2 "$secret"
		sleep 0.3
		kill -INT $RECPID
		wait $RECPID
		bg_stop hear
		mkdir "$TMP/x$snap"
		tar --zstd -xf "$TMP/s$snap.skbtape" -C "$TMP/x$snap"
		found=$(grep -r -c -a "$secret" "$TMP/x$snap/pcap" | awk -F: '{n += $2} END {print n + 0}')
		if [ -z "$snap" ]; then
			eq "default: no payload on the tape" "$found" 0
			[ "$(find "$TMP/x/pcap" -size +1k | wc -l)" -ge 1 ] && ok "default: there are frames" || no "default: there are frames" "$(ls -R "$TMP/x/pcap")"
		else
			[ "$found" -ge 1 ] && ok "-s 0: payload is on the tape" || no "-s 0: payload is on the tape" "$found"
			"$SKBTAPE" analyze -q "$TMP/s$snap.skbtape" -o "$TMP/s.db"
			eq "-s 0: the tape says so" "$(q "$TMP/s.db" "SELECT value FROM tape WHERE key='options.snaplen'")" 0
			"$SKBTAPE" report "$TMP/s.db" -o "$TMP/s.html" && eq "-s 0: no payload in database and report" "$(cat "$TMP/s.db" "$TMP/s.html" | grep -c -a "$secret")" 0
		fi
	done
else
	skip payload "no python3"
fi

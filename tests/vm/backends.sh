# SPDX-License-Identifier: MIT
# backends.sh: guest script for a virtual machine, run as root with ./skbtape-record beside it and nothing else of ours: the static
# program runs, and tracefs and perf record the same drops of one time. Both tapes are left in /out (or $OUT).
OUT=${OUT:-/out}
exec 2>&1
uname -r
ip link set lo up
./skbtape-record --version
./skbtape-record --doctor | grep -E '^(backend|perf) '
for b in perf tracefs; do ./skbtape-record -q -e path --backend $b -o "$OUT/$b.skbtape" 2>"/tmp/$b" & eval $b=$!; done
until grep -q recording /tmp/perf && grep -q recording /tmp/tracefs; do sleep 0.2; done
# a datagram to a closed port, and the answer of ICMP to it
i=0
while [ $i -lt 50 ]; do
	echo x | nc -u -w 0 127.0.0.1 9 2>/dev/null || echo x >/dev/udp/127.0.0.1/9 2>/dev/null
	i=$((i + 1))
done
ping -c 20 -i 0.01 127.0.0.1 >/dev/null
sleep 1
kill -INT "$perf" "$tracefs"
wait "$perf"
echo "perf ended with $?"
wait "$tracefs"
echo "tracefs ended with $?"

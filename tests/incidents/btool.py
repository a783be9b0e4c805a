#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""btool.py - traffic for the part B incidents (stdlib only): python3 -m btool VERB key=value ...
UDP payloads begin with a sequence number and the sender's CLOCK_MONOTONIC ns, so that the
receiver knows loss and one-way latency without the kernel's help (ground truth)."""
import ctypes, errno, json, os, random, select, signal, socket, struct, sys, threading, time
from tool import *

def pct(v, p):
    v = sorted(v); return round(v[min(len(v) - 1, int(len(v) * p / 100))], 3) if v else None
def lat(v):
    return dict(n=len(v), p50=pct(v, 50), p99=pct(v, 99), max=pct(v, 100))
def pin(cpu):
    if cpu not in ("", None): os.sched_setaffinity(0, {int(cpu)})
def en(e):
    return errno.errorcode.get(e.errno, "TIMEOUT" if isinstance(e, socket.timeout) else str(e))
def bump(d, k):
    d[k] = d.get(k, 0) + 1
def finish(out, **kw):
    if out: jout(out, **kw)
    else: print(json.dumps(kw), flush=True)

def family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET

def v_usend(dst, port, n=1000, pps=500, size=200, out="", sport=0, nb=0, cpu="", sndbuf=0, conn=0, nflows=1, burst=1):
    """n datagrams at pps; nflows: spread over that many source ports"""
    pin(cpu); socks = []
    for i in range(int(nflows)):
        s = socket.socket(family(dst), socket.SOCK_DGRAM)
        if int(sport): s.bind(("", int(sport) + i))
        if int(sndbuf): s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, int(sndbuf))
        if int(nb): s.setblocking(False)
        if int(conn): s.connect((dst, int(port)))
        socks.append(s)
    n, pps, size = int(n), float(pps), int(size); ok = 0; errs = {}; worst = 0.0; t0 = time.monotonic()
    for i in range(n):
        d = t0 + i // int(burst) * int(burst) / pps - time.monotonic()
        if d > 0: time.sleep(d)
        a = time.monotonic_ns(); m = struct.pack("!QQ", i, a) + b"x" * (size - 16); s = socks[i % len(socks)]
        try:
            s.send(m) if int(conn) else s.sendto(m, (dst, int(port))); ok += 1
        except OSError as e: bump(errs, en(e))
        worst = max(worst, (time.monotonic_ns() - a) / 1e6)
    finish(out, sent=ok, errors=errs, sport=socks[0].getsockname()[1], send_max_ms=round(worst, 3), secs=round(time.monotonic() - t0, 2))

def v_urecv(addr, port, idle=1, out="", work_us=0, rcvbuf=0, cpu="", first=20, nice=0, cgroup=""):
    """receive; work_us of CPU burned per datagram; until idle s without one"""
    if cgroup: open(cgroup + "/tasks", "w").write(str(os.getpid()))
    pin(cpu)
    if int(nice): os.nice(int(nice))
    s = socket.socket(family(addr), socket.SOCK_DGRAM)
    if int(rcvbuf): s.setsockopt(socket.SOL_SOCKET, 33 if int(rcvbuf) > 200000 else socket.SO_RCVBUF, int(rcvbuf))   # 33: SO_RCVBUFFORCE
    s.bind((addr, int(port))); print("ready", flush=True); n = 0; L = []; seqs = set(); s.settimeout(float(first)); reord = 0; last = -1
    try:
        while True:
            m = s.recv(65536); now = time.monotonic_ns(); n += 1; s.settimeout(float(idle))
            if len(m) >= 16:
                q, t = struct.unpack("!QQ", m[:16]); seqs.add(q); L.append((now - t) / 1e6); reord += q < last; last = max(q, last)
            w = int(work_us)
            if w:
                e = time.monotonic_ns() + w * 1000
                while time.monotonic_ns() < e: pass
    except socket.timeout: pass
    finish(out, received=n, distinct=len(seqs), reordered=reord, latency_ms=lat(L))

def v_tserve(addr, port, mode="echo", backlog=64, pause=0, secs=60, rcvbuf=0, nodelay=1, cpu=""):
    """echo | sink | noread (accept, never read) | slowaccept (pause s before each accept batch) |
    closeunread (read 10 bytes, then close) | cork"""
    pin(cpu)
    l = socket.socket(family(addr), socket.SOCK_STREAM); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if int(rcvbuf): l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(rcvbuf))
    l.bind((addr, int(port))); l.listen(int(backlog)); print("ready", flush=True); end = time.time() + float(secs); keep = []
    def one(c):
        try:
            if int(nodelay): c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                d = c.recv(65536)
                if not d: break
                if mode in ("echo", "slowaccept"): c.sendall(d)
                if mode == "twopart":                      # answer only when a whole 8+100 byte request is here
                    pass
        except OSError: pass
        finally: c.close()
    def two(c):
        b = b""
        try:
            while True:
                while len(b) < 108:
                    d = c.recv(4096)
                    if not d: return
                    b += d
                b = b[108:]; c.sendall(b"r" * 20)
        except OSError: pass
        finally: c.close()
    while time.time() < end:
        if mode == "slowaccept": time.sleep(float(pause))
        l.settimeout(1)
        while True:
            try: c, _ = l.accept()
            except socket.timeout: break
            except OSError: break
            c.settimeout(None)
            if mode == "noread": keep.append(c)
            elif mode == "closeunread":
                def cu(c=c):
                    try: c.recv(10); time.sleep(float(pause)); c.close()
                    except OSError: pass
                threading.Thread(target=cu, daemon=True).start()
            else: threading.Thread(target=two if mode == "twopart" else one, args=(c,), daemon=True).start()
            if mode == "slowaccept": l.settimeout(0.001)

def v_treq(dst, port, n=100, rps=50, out="", new=0, timeout=3, size=100, nodelay=1, split=0, stop_on_err=0, cork=0):
    """request and reply; new=1: a connection each; split=1: write 8 bytes, then the rest (Nagle)"""
    n, rps = int(n), float(rps); L = []; C = []; ok = 0; errs = {}; s = None; t0 = time.monotonic()
    for i in range(n):
        d = t0 + i / rps - time.monotonic()
        if d > 0: time.sleep(d)
        a = time.monotonic_ns()
        try:
            if s is None or int(new):
                if s: s.close()
                s = socket.socket(family(dst), socket.SOCK_STREAM); s.settimeout(float(timeout))
                if int(nodelay) and not int(cork): s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if int(cork): s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                s.connect((dst, int(port))); C.append((time.monotonic_ns() - a) / 1e6)
            if int(split): s.send(b"h" * 8); s.send(b"b" * int(size)); want = 20
            else: s.sendall(b"q" * int(size)); want = int(size)
            g = 0
            while g < want:
                m = s.recv(65536)
                if not m: raise OSError(errno.EPIPE, "closed")
                g += len(m)
            ok += 1; L.append((time.monotonic_ns() - a) / 1e6)
        except OSError as e:
            bump(errs, en(e))
            if s: s.close()
            s = None
            if int(stop_on_err): break
    if s: s.close()
    finish(out, requests=n, ok=ok, errors=errs, latency_ms=lat(L), connect_ms=lat(C))

def v_tbulk(dst, port, secs=3, out="", chunk=65536, nb=0, total=0, mss=0, cpu="", sndbuf=0):
    """send bulk data for secs (or total bytes)"""
    pin(cpu)
    s = socket.socket(family(dst), socket.SOCK_STREAM)
    if int(mss): s.setsockopt(socket.IPPROTO_TCP, 2, int(mss))
    if int(sndbuf): s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, int(sndbuf))
    s.settimeout(5); errs = {}; sent = 0; eagain = 0; stall = 0.0; end = time.monotonic() + float(secs); lastok = time.monotonic()
    try:
        s.connect((dst, int(port))); s.settimeout(0.05); buf = b"z" * int(chunk)
        while time.monotonic() < end and (not int(total) or sent < int(total)):
            try: k = s.send(buf); sent += k; lastok = time.monotonic()
            except (socket.timeout, BlockingIOError): eagain += 1; stall = max(stall, time.monotonic() - lastok)
    except OSError as e: bump(errs, en(e))
    try: info = s.getsockopt(socket.IPPROTO_TCP, 11, 104); rtx = info[2]; tot = struct.unpack_from("I", info, 100)[0]
    except OSError: tot = rtx = None
    finish(out, sent=sent, errors=errs, eagain=eagain, stall_max_s=round(stall, 3), backoff=rtx, total_retrans=tot, sport=s.getsockname()[1])

def v_hog(secs=3, cpu=0, fifo=0, on_ms=0, off_ms=0, nice=0):
    """CPU hog, pinned; fifo: SCHED_FIFO priority; on/off: duty cycle"""
    pin(cpu)
    if int(nice): os.nice(int(nice))
    if int(fifo):
        open("/sys/fs/cgroup/cpu/tasks", "w").write(str(os.getpid()))     # RT_GROUP_SCHED: only the root group has RT time
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(int(fifo)))
    print("ready", flush=True); end = time.monotonic() + float(secs); on, off = float(on_ms) / 1e3, float(off_ms) / 1e3
    while time.monotonic() < end:
        e = time.monotonic() + (on or 0.05)
        while time.monotonic() < e: pass
        if off: time.sleep(off)

def v_tries(dst, port, n=30, gap=0.02, secs=2.5, src="", out=""):
    """n connections tried side by side; what became of each after secs"""
    errs = {}; ok = 0; held = []
    for _ in range(int(n)):
        s = socket.socket(family(dst), socket.SOCK_STREAM); s.setblocking(False); held.append(s)
        if src: s.bind((src, 0))
        try: s.connect((dst, int(port)))
        except BlockingIOError: pass
        except OSError as e: bump(errs, en(e))
        time.sleep(float(gap))
    time.sleep(float(secs))
    for s in held:
        e = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try: s.getpeername(); ok += 1
        except OSError:
            if e: bump(errs, errno.errorcode.get(e, str(e)))
    finish(out, tried=len(held), connected=ok, errors=errs)

def v_idle(dst, port, n=8, idle=3, after=2.5, out=""):
    """n connections that exchange something, are idle, and go on"""
    errs = {}; ok = 0; held = []
    for _ in range(int(n)):
        s = socket.create_connection((dst, int(port)), 3); s.sendall(b"a" * 50); s.recv(50); held.append(s)
    time.sleep(float(idle))
    for s in held: s.sendall(b"b" * 50)
    end = time.monotonic() + float(after)
    for s in held:
        s.settimeout(max(0.01, end - time.monotonic()))
        try: s.recv(50); ok += 1
        except OSError as e: bump(errs, en(e))
    finish(out, held=len(held), went_on=ok, errors=errs)

def v_hold(dst, port, n=20, secs=3, out="", active_close=0):
    """open n connections one after the other and hold them (or close each at once: TIME_WAIT here)"""
    keep = []; errs = {}; ok = 0
    for i in range(int(n)):
        s = socket.socket(family(dst), socket.SOCK_STREAM); s.settimeout(1)
        try:
            s.connect((dst, int(port))); ok += 1
            if int(active_close): s.shutdown(socket.SHUT_WR); s.recv(10); s.close()
            else: keep.append(s)
        except OSError as e: bump(errs, en(e)); s.close()
        time.sleep(0.01)
    time.sleep(float(secs)); finish(out, connected=ok, errors=errs)

def v_spray(dst, port, n=500, pps=1000, sport=20000, out="", dports=1):
    """one datagram from each of n source ports (a new conntrack entry each)"""
    ok = 0; errs = {}; t0 = time.monotonic()
    for i in range(int(n)):
        d = t0 + i / float(pps) - time.monotonic()
        if d > 0: time.sleep(d)
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", int(sport) + i))
        try: s.sendto(struct.pack("!QQ", i, time.monotonic_ns()) + b"s" * 64, (dst, int(port))); ok += 1
        except OSError as e: bump(errs, en(e))
        s.close()
    finish(out, sent=ok, errors=errs)

def v_burst_neigh(base, n=200, out="", pps=500, port=5001):
    """one datagram to each of n neighbours base.1 .. (a new neighbour entry each)"""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); ok = 0; errs = {}; t0 = time.monotonic()
    for i in range(int(n)):
        d = t0 + i / float(pps) - time.monotonic()
        if d > 0: time.sleep(d)
        try: s.sendto(b"x" * 60, ("%s.%d.%d" % (base, i // 200, i % 200 + 10), int(port))); ok += 1
        except OSError as e: bump(errs, en(e))
    finish(out, sent=ok, errors=errs)

def v_race(role, dst, port, t0, n=2000, gap_us=1000, sport=20000, cpu=0, out=""):
    """two clients, two CPUs, the same source port at the same moment: for SNAT port races"""
    pin(cpu); t0 = int(t0); n = int(n); gap = int(gap_us) * 1000; ok = 0
    for i in range(n):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", int(sport) + i)); s.connect((dst, int(port)))
        m = struct.pack("!QQ", i, 0) + role.encode() * 64; t = t0 + i * gap
        if t - time.monotonic_ns() > 300000: time.sleep((t - time.monotonic_ns() - 200000) / 1e9)
        while time.monotonic_ns() < t: pass
        try: s.send(m); ok += 1
        except OSError: pass
        s.close()
    finish(out, sent=ok)

def v_tsback(dst, port, out="", n=20, before=5, back_ms=600000):
    """a connection whose TCP timestamps jump back (as after a bad restore or a NAT that mixes hosts)"""
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM); s.settimeout(4); s.connect((dst, int(port))); ok = 0; errs = {}
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(int(before)): s.sendall(b"a" * 100); s.recv(1000); ok += 1
    s.setsockopt(socket.IPPROTO_TCP, 19, 1)
    cur = s.getsockopt(socket.IPPROTO_TCP, 24)
    s.setsockopt(socket.IPPROTO_TCP, 24, struct.pack("I", (cur - int(back_ms)) & 0xfffffffe))
    s.setsockopt(socket.IPPROTO_TCP, 19, struct.pack("i", -1))
    for i in range(int(n)):
        try: s.sendall(b"b" * 100); s.recv(1000); ok += 1
        except OSError as e: bump(errs, en(e)); break
    finish(out, ok=ok, errors=errs, sport=s.getsockname()[1])

def v_oow(dev, dip, out="", victim_port=8443, secs=4, every=0.7):
    """server side: forge copies of its own connection's segments far outside the window (a late
    duplicate, as offloading middleboxes make them); each with the right ack number"""
    s = packet_socket(dev, 3); s.settimeout(0.1); end = time.time() + float(secs); nxt = time.time() + float(every); n = 0; last = {}
    while time.time() < end:
        try: f = s.recv(65536)
        except socket.timeout: f = b""
        if len(f) > 54 and f[12:14] == b"\x08\0" and f[23] == 6:
            ihl = (f[14] & 15) * 4; o = 14 + ihl; sp, dp, sq, ak = struct.unpack_from("!HHII", f, o)
            if sp == int(victim_port) and not f[o + 13] & 7:   # what the server itself sends
                last[dp] = (f[:12], socket.inet_ntoa(f[26:30]), socket.inet_ntoa(f[30:34]), sq, ak)
        if time.time() > nxt and last:
            nxt = time.time() + float(every)
            for dp, (mac, src, dst, sq, ak) in list(last.items()):
                seg = tcp(src, dst, int(victim_port), dp, sq + 50000000, ak, 0x18, b"late duplicate" * 4)
                s.send(mac + b"\x08\0" + ip4(src, dst, 6, seg)); n += 1
            last.clear()
    finish(out, forged=n)

# ---- bpf without a compiler ---------------------------------------------------
def bpf(cmd, attr):
    libc = ctypes.CDLL(None, use_errno=True); b = ctypes.create_string_buffer(attr, len(attr))
    r = libc.syscall(321, cmd, b, len(attr))
    if r < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return r
def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", code, src << 4 | dst, off, imm)
def prog_load(ptype, insns, attach=0):
    code = ctypes.create_string_buffer(b"".join(insns)); lic = ctypes.create_string_buffer(b"GPL"); log = ctypes.create_string_buffer(65536)
    a = struct.pack("<IIQQIIQII16sII", ptype, len(insns), ctypes.addressof(code), ctypes.addressof(lic), 1, 65536, ctypes.addressof(log), 0, 0, b"incident", 0, attach)
    try: return bpf(5, a)
    except OSError as e: sys.exit("%s %s" % (e, log.value.decode()))
def v_bpfcg(path, secs=30, dport=5001):
    """cgroup egress program: UDP to dport is dropped, the rest passes; detached at the end"""
    p = [insn(0x61, 2, 1, 76), insn(0x61, 3, 1, 80),           # r2 = data (IP header), r3 = data_end
         insn(0xbf, 0, 2), insn(0x07, 0, 0, 0, 24), insn(0x2d, 0, 3, 6),
         insn(0x71, 0, 2, 9), insn(0x55, 0, 0, 4, 17),         # not udp: pass
         insn(0x69, 0, 2, 22), insn(0x55, 0, 0, 2, socket.htons(int(dport))),   # destination port (ihl 5)
         insn(0xb7, 0, 0, 0, 0), insn(0x95),                   # drop
         insn(0xb7, 0, 0, 0, 1), insn(0x95)]                   # pass
    fd = prog_load(8, p, 1); cg = os.open(path, os.O_RDONLY)
    bpf(8, struct.pack("<IIIII", cg, fd, 1, 0, 0)); print("ready", flush=True)
    def done(*a):
        try: bpf(9, struct.pack("<IIIII", cg, fd, 1, 0, 0))
        finally: os._exit(0)
    signal.signal(signal.SIGTERM, done); time.sleep(float(secs)); done()

def v_tun(name, secs=10, read_first=0):
    """a tun device whose reader is stuck (a VPN daemon that hangs)"""
    import fcntl
    f = os.open("/dev/net/tun", os.O_RDWR); fcntl.ioctl(f, 0x400454ca, struct.pack("16sH22x", name.encode(), 0x1001)); print("ready", flush=True)
    n = 0; end = time.time() + float(read_first)
    while time.time() < end:
        if select.select([f], [], [], 0.05)[0]: os.read(f, 70000); n += 1
    time.sleep(float(secs))

if __name__ == "__main__":
    globals()["v_" + sys.argv[1].replace("-", "_")](**dict(a.split("=", 1) for a in sys.argv[2:]))

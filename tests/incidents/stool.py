#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""stool.py - traffic of the incidents of sockets.sh (stdlib only), IPv4 or IPv6: python3 -m stool VERB key=value ..."""
import ctypes, errno, heapq, json, mmap, os, random, select, socket, struct, sys, threading, time
from tool import *
from btool import bump, en, finish, insn, lat, prog_load


def fam(a):
    return socket.AF_INET6 if ":" in a else socket.AF_INET


def tcp_to(dst, port, timeout=5.0):
    s = socket.socket(fam(dst), socket.SOCK_STREAM); s.settimeout(timeout); s.connect((dst, int(port)))
    return s


def listener(addr, port, backlog=64, rcvbuf=0):
    l = socket.socket(fam(addr), socket.SOCK_STREAM); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if rcvbuf: l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    l.bind((addr, int(port))); l.listen(backlog)
    return l


def ready():
    print("ready", flush=True)


def comm(name):
    """the name of this process, as a service of its own has one"""
    open("/proc/self/comm", "w").write(name)


def spin(s):
    end = time.monotonic() + s
    while time.monotonic() < end: pass


# ---- UDP -------------------------------------------------------------------
def v_uask(dst, port, n=40, gap=0.01, conn=1, size=60, wait=0.05, out="", burst=1, src="", socks=1):
    """questions, connected or not; counts answers and errors (ECONNREFUSED after an ICMP error)"""
    ss = []
    for _ in range(int(socks)):
        s = socket.socket(fam(dst), socket.SOCK_DGRAM); s.settimeout(float(wait)); ss.append(s)
        if src: s.bind((src, 0))
        if int(conn): s.connect((dst, int(port)))
    ok = sent = 0; errs = {}
    for i in range(int(n)):
        s = ss[i % len(ss)]
        try:
            s.send(b"q" * int(size)) if int(conn) else s.sendto(b"q" * int(size), (dst, int(port))); sent += 1
            if float(wait) and i % int(burst) == 0: s.recv(2000); ok += 1
        except OSError as e: bump(errs, en(e))
        if i % int(burst) == 0: time.sleep(float(gap))
    finish(out, sent=sent, answered=ok, errors=errs)


def v_usink(addr, port, idle=1.5, work=0.0, pause=0.0, rcvbuf=0, reuse=1, slow=-1, group="", dev="", out="", name="", echo=0, src="", filt=""):
    """receivers of one port, each a process where there are several (SO_REUSEPORT); work: s of sleep after each datagram, of the slow one
    or of all (-1); pause: s before the first read; group: multicast; src: answers leave from there"""
    if name: comm(name)
    kids = []
    for i in range(1, int(reuse)):
        kids.append(os.fork())
        if not kids[-1]: break
    me = len(kids) if not kids or kids[-1] == 0 else 0
    s = socket.socket(fam(addr), socket.SOCK_DGRAM)
    if int(reuse) > 1: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if int(rcvbuf): s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(rcvbuf))
    s.bind((addr, int(port)))
    if group:
        idx = socket.if_nametoindex(dev)
        if ":" in group: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group) + struct.pack("@i", idx))
        else: s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("4s4si", socket.inet_aton(group), b"\0" * 4, idx))
    r = None
    if src: r = socket.socket(fam(addr), socket.SOCK_DGRAM); r.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); r.bind((src, int(port)))
    if filt == "classic":       # only what begins with 'A': ld [8]; jeq 'A'
        code = b"".join(struct.pack("HBBI", *c) for c in ((0x30, 0, 0, 8), (0x15, 0, 1, 65), (0x06, 0, 0, 0xffff), (0x06, 0, 0, 0)))
        buf = ctypes.create_string_buffer(code); s.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HxxxxxxQ", 4, ctypes.addressof(buf)))
    elif filt == "ebpf":        # nothing longer than 100 bytes: r0 = skb->len
        s.setsockopt(socket.SOL_SOCKET, 50, prog_load(1, [insn(0x61, 0, 1, 0), insn(0xb5, 0, 0, 2, 100), insn(0xb7, 0), insn(0x95), insn(0xb7, 0, 0, 0, 65535), insn(0x95)]))
    if me == 0: time.sleep(0.2 if int(reuse) > 1 else 0); ready()
    s.settimeout(12); n = 0; time.sleep(float(pause))
    try:
        while True:
            d, a = s.recvfrom(65536); n += 1; s.settimeout(float(idle))
            if int(echo): (r or s).sendto(d, a)
            if float(work) and int(slow) in (-1, me): time.sleep(float(work))
    except socket.timeout: pass
    if me: jout("sink%d" % me, received=n); os._exit(0)
    for k in kids:
        os.waitpid(k, 0)
    n += sum(json.load(open(os.path.join(STATE, "sink%d" % (i + 1))))["received"] for i in range(len(kids)))
    finish(out, received=n)


def v_usend(dst, port, n=500, pps=500.0, size=200, out="", nb=0, sndbuf=0, socks=1, burst=1, dev="", src="", first=""):
    """datagrams; nb: not waiting, an error where the buffer is full"""
    ss = []
    for _ in range(int(socks)):
        s = socket.socket(fam(dst), socket.SOCK_DGRAM)
        if src: s.bind((src, 0))
        if dev and ":" in dst: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(dev))
        if int(sndbuf): s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, int(sndbuf))
        if int(nb): s.setblocking(False)
        ss.append(s)
    ok = 0; errs = {}; t0 = time.monotonic(); worst = 0.0
    for i in range(int(n)):
        d = t0 + i // int(burst) * int(burst) / float(pps) - time.monotonic()
        if d > 0: time.sleep(d)
        a = time.monotonic()
        try: ss[i % len(ss)].sendto((first.encode() or b"%08d" % i).ljust(int(size), b"x"), (dst, int(port))); ok += 1
        except OSError as e: bump(errs, en(e))
        worst = max(worst, time.monotonic() - a)
    finish(out, sent=ok, errors=errs, worst_s=round(worst, 3))


def v_uhold(dst, port, n=20, secs=3.0, conn=1, out=""):
    """sockets with a local port each, held; errors of those that got none"""
    held = []; errs = {}
    for _ in range(int(n)):
        s = socket.socket(fam(dst), socket.SOCK_DGRAM); held.append(s)
        try: s.connect((dst, int(port))) if int(conn) else s.sendto(b"x" * 40, (dst, int(port)))
        except OSError as e: bump(errs, en(e))
        time.sleep(0.01)
    time.sleep(float(secs)); finish(out, held=int(n) - sum(errs.values()), errors=errs)


# ---- TCP: clients -----------------------------------------------------------
def v_task(dst, port, n=50, gap=0.05, new=1, size=100, timeout=3.0, out="", rst=0, want=-1, cork=0, more=0, split=0, md5=""):
    """requests; new: a connection each; rst: closed by a reset; want: bytes of an answer (-1: as many as asked; 0: none);
    cork, more: the end of each request is held back; split: written in two parts"""
    ok = 0; errs = {}; L = []; s = None
    for i in range(int(n)):
        a = time.monotonic()
        try:
            if s is None or int(new):
                if s: s.close()
                s = socket.socket(fam(dst), socket.SOCK_STREAM); s.settimeout(float(timeout))
                if md5: md5key(s, dst, md5)
                if not int(split): s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if int(cork): s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                s.connect((dst, int(port)))
            m = b"q" * int(size)
            if not m: pass
            elif int(split): s.send(m[:8]); s.send(m[8:])
            elif int(more): s.send(m, socket.MSG_MORE)
            else: s.sendall(m)
            g, w = 0, len(m) if int(want) < 0 else int(want)
            while g < w:
                d = s.recv(65536)
                if not d: raise OSError(errno.EPIPE, "closed")
                g += len(d)
            ok += 1
            if int(rst): s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close(); s = None
        except OSError as e:
            bump(errs, en(e))
            if s: s.close()
            s = None
        L.append((time.monotonic() - a) * 1e3)
        if float(gap): time.sleep(float(gap))
    if s: s.close()
    finish(out, asked=int(n), ok=ok, errors=errs, latency_ms=lat(L))


def v_many(dst, port, n=20, hold=2.0, gap=0.02, out="", data=64):
    """connections opened without waiting, held"""
    ss = []
    for _ in range(int(n)):
        s = socket.socket(fam(dst), socket.SOCK_STREAM); s.setblocking(False); ss.append(s)
        try: s.connect((dst, int(port)))
        except OSError as e:
            if e.errno != errno.EINPROGRESS: pass
        time.sleep(float(gap))
    for s in ss:
        try: s.send(b"x" * int(data))
        except OSError: pass
    time.sleep(float(hold)); finish(out, sent=int(n), established=sum(s.getsockopt(6, 11, 104)[0] == 1 for s in ss))


def v_idle(dst, port, n=30, secs=2.0):
    """connections that ask once, then stay until the server ends them"""
    ss = []
    for _ in range(int(n)):
        s = tcp_to(dst, port); s.send(b"q" * 50); s.recv(50); ss.append(s)
    end = time.monotonic() + float(secs)
    while ss and time.monotonic() < end:
        for s in select.select(ss, [], [], 0.1)[0]: s.close(); ss.remove(s)
    for s in ss: s.close()


def v_stream(dst, port, secs=3.0, chunk=65536, total=0, sndbuf=0, gap=0.0, out="", nodelay=0, wait=1, mss=0):
    """a transfer, ended by a FIN"""
    s = socket.socket(fam(dst), socket.SOCK_STREAM); s.settimeout(8)
    if int(sndbuf): s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, int(sndbuf))
    if int(mss): s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, int(mss))
    if int(nodelay): s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.connect((dst, int(port))); end = time.monotonic() + float(secs); n = 0; errs = {}; b = b"z" * int(chunk); worst = 0.0
    try:
        while time.monotonic() < end and (not int(total) or n < int(total)):
            a = time.monotonic(); n += s.send(b); worst = max(worst, time.monotonic() - a)
            if float(gap): time.sleep(float(gap))
    except OSError as e: bump(errs, en(e))
    i = s.getsockopt(6, 11, 232)
    s.close(); finish(out, sent=n, errors=errs, worst_s=round(worst, 3), total_retrans=struct.unpack_from("I", i, 100)[0])


# ---- TCP: servers ------------------------------------------------------------
def v_serve(addr, port, backlog=64, name="", before=0.0, busy=0.0, stall=0.0, read=65536, mode="echo", rcvbuf=0, md5="", md5peer="", after=1000000000, idle=0.0, parts=1, cork=0):
    """one thread, an event loop. mode: echo, sink, slow (small reads with a pause), never (no accept), shut (closes after the first read,
    before: pause before that), shutecho (answers, then closes), answer (20 bytes for each whole request of 100; in two writes with parts=2; cork: the answer's end is held back), once (accepts, then reads nothing for stall s, at after bytes).
    busy: from 1 s on the loop computes so long without a look at its sockets; idle: s after which a connection is closed"""
    if name: comm(name)
    l = listener(addr, port, int(backlog), int(rcvbuf))
    if md5: md5key(l, md5peer, md5)
    ready(); po = select.epoll(); conns = {}; t0 = time.monotonic(); stalled = False; got = {}
    if mode == "never": time.sleep(60)
    po.register(l, 1)
    last = {}
    while True:
        if float(idle):
            for fd in [f for f, t in last.items() if time.monotonic() - t > float(idle)]: po.unregister(fd); conns.pop(fd).close(); del last[fd]
        for fd, _ in po.poll(0.2):
            if float(busy) and not stalled and time.monotonic() - t0 > 1.0: stalled = True; spin(float(busy))
            if fd == l.fileno():
                c, _a = l.accept(); conns[c.fileno()] = c; got[c.fileno()] = 0; po.register(c, 1)
                if int(cork): c.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                if float(before) and mode == "slowaccept": time.sleep(float(before))
                continue
            c = conns[fd]
            if float(idle): last[fd] = time.monotonic()
            try:
                if mode == "shut": time.sleep(float(before))
                d = c.recv(int(read))
            except OSError: d = b""
            got[fd] += len(d)
            if d and mode in ("echo", "slowaccept", "shutecho"):
                try: c.sendall(d)
                except OSError: d = b""
            elif d and mode == "answer":
                while got[fd] >= 100: got[fd] -= 100; [c.send(b"r" * (20 // int(parts))) for _ in range(int(parts))]
            elif d and mode == "slow": time.sleep(float(before))
            elif mode == "once" and got[fd] >= int(after) and not stalled: stalled = True; time.sleep(float(stall))
            if not d or mode in ("shut", "shutecho"):
                last.pop(fd, None); po.unregister(fd); conns.pop(fd).close()


def md5key(s, peer, key):
    """TCP_MD5SIG of linux/tcp.h: address, flags, prefix, length of the key, ifindex, key"""
    a = struct.pack("=HH4s", 2, 0, socket.inet_aton(peer)) if ":" not in peer else struct.pack("=HHI16sI", 10, 0, 0, socket.inet_pton(socket.AF_INET6, peer), 0)
    s.setsockopt(socket.IPPROTO_TCP, 14, a.ljust(128, b"\0") + struct.pack("=BBHI80s", 0, 0, len(key), 0, key.encode()))


# ---- crafted segments -------------------------------------------------------
def ip6(src, dst, proto, payload):
    return struct.pack("!IHBB", 6 << 28, len(payload), proto, 64) + socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst) + payload


def seg(src, dst, sport, dport, seq, ack, flags, data=b"", win=8192, opts=b""):
    """IP packet with a TCP segment, IPv4 or IPv6"""
    if ":" not in src: return ip4(src, dst, 6, tcp(src, dst, sport, dport, seq, ack, flags, data, win, opts))
    h = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, (5 + len(opts) // 4) << 4, flags, win, 0, 0) + opts + data
    c = csum(socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst) + struct.pack("!II", len(h), 6) + h)
    return ip6(src, dst, 6, h[:16] + struct.pack("!H", c) + h[18:])


def v_synflood(dev, dmac, net, dst, port, n=300, pps=150.0, out=""):
    """SYNs of addresses that never answer; net: prefix of the sources"""
    p = packet_socket(dev); smac = devmac(dev); rnd = random.Random(7); t0 = time.monotonic()
    for i in range(int(n)):
        d = t0 + i / float(pps) - time.monotonic()
        if d > 0: time.sleep(d)
        src = net + ("%x" if ":" in dst else "%d") % (10 + i % 200)
        p.send(eth(dmac, smac, 0x86dd if ":" in dst else 0x0800) + seg(src, dst, 1024 + rnd.randrange(60000), int(port), rnd.randrange(1 << 32), 0, 2, opts=b"\2\4\5\xb4"))
    finish(out, sent=int(n))


class Peer:
    """a TCP end of our own behind a tun device: its sequence numbers and timestamps are what we say"""

    def __init__(self, fd, src, dst, sport, dport, tsval=1000, ts=True, win=65535):
        self.fd, self.a, self.tsval, self.tsecr, self.ts, self.win = fd, (src, dst, sport, dport), tsval, 0, ts, win
        self.seq, self.ack, self.rst = random.randrange(1 << 30), 0, False

    def put(self, flags, data=b"", at=None, tsval=None):
        o = struct.pack("!BBBBII", 1, 1, 8, 10, (self.tsval if tsval is None else tsval) & 0xffffffff, self.tsecr) if self.ts else b""
        if flags & 2: o = b"\2\4\5\xb4" + o + b"\1\1\4\2\1\3\3\7"
        os.write(self.fd, seg(*self.a, self.seq if at is None else at, self.ack, flags, data, self.win, o))

    def get(self, wait=0.5):
        """what the host says, until it is silent; the flags of the last"""
        last = None
        while select.select([self.fd], [], [], wait)[0]:
            p = os.read(self.fd, 70000); o = 40 if p[0] >> 4 == 6 else (p[0] & 15) * 4
            if p[6 if o == 40 and p[0] >> 4 == 6 else 9] != 6: continue
            sp, dp, sq, ak, off, fl = struct.unpack_from("!HHIIBB", p, o)
            if (dp, sp) != (self.a[2], self.a[3]): continue
            n = len(p) - o - (off >> 4) * 4
            if fl & 3 or n: self.ack = (sq + n + bool(fl & 3)) & 0xffffffff
            if n or fl & 1: self.put(16)
            i = o + 20; end = o + (off >> 4) * 4
            while i < end and p[i]:
                if p[i] == 1: i += 1; continue
                if p[i] == 8: self.tsecr = struct.unpack_from("!I", p, i + 2)[0]
                i += max(2, p[i + 1])
            self.rst |= bool(fl & 4); last = fl; wait = 0.05
        return last

    def connect(self):
        self.put(2); f = self.get()
        self.seq += 1
        if f is None or f & 0x12 != 0x12: return False
        self.put(16); return True

    def send(self, data, **kw):
        self.put(0x18, data, **kw); self.seq += len(data); return self.get(0.3)


def v_tuns(dev, src, dst, port, mode, n=20, out=""):
    """hosts behind one address at the other side of a tun. natted: two of them, whose clocks of timestamps differ, use the same port
    one after the other while the server's TIME_WAIT lasts; jump: one whose clock goes back"""
    fd = tun_open(dev); ready(); wait_file("go"); ok = lost = 0
    for i in range(int(n) if mode == "natted" else 2):
        p = Peer(fd, src, dst, 40000 + i, int(port), tsval=900000000 + i)
        if not p.connect(): lost += 1; continue
        if mode == "natted":            # the service closes first
            p.send(b"a" * 100); p.tsval += 10; p.put(17); p.seq += 1; p.get(0.1); ok += 1
            q = Peer(fd, src, dst, 40000 + i, int(port), tsval=5000 + i); q.seq = (p.seq - 100000) & 0xffffffff
            lost += not q.connect()
        else:
            for _ in range(3): p.send(b"a" * 100); p.tsval += 10; ok += 1
            p.tsval -= 50000000
            for _ in range(int(n)):
                p.put(0x18, b"b" * 100); p.get(0.1); lost += 1
    finish(out, ok=ok, lost=lost)


def v_small(dev, src, dst, port, n=4000, size=8, gap=0.0002, holes=1, burst=64, out=""):
    """a peer that sends tiny segments. holes: one before them is lost, and they are not adjacent: all stand in the out-of-order queue"""
    fd = tun_open(dev); ready(); wait_file("go")
    p = Peer(fd, src, dst, 41000, int(port))
    if not p.connect(): sys.exit("no connection")
    p.send(b"a" * 100); base = p.seq; sent = 0
    for i in range(int(n)):
        p.tsval += 1; p.put(0x18, b"h" * int(size), at=base + (1000 + 2 * int(size) * (int(n) - i) if int(holes) else i * int(size))); sent += 1
        if float(gap): time.sleep(float(gap))
        if i % int(burst) == 0: p.get(0)
    p.get(0.3); finish(out, sent=sent)


# ---- a wire -----------------------------------------------------------------
def setns(name):
    fd = os.open("/run/netns/" + name if name else "/proc/self/ns/net", os.O_RDONLY)
    if name and ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000): sys.exit("setns " + name)
    return fd


def tcp_of(p):
    """flags and payload bytes of an IP packet's TCP segment"""
    o = 40 if p[0] >> 4 == 6 else (p[0] & 15) * 4
    if p[6 if p[0] >> 4 == 6 else 9] != 6: return 0, 0
    return p[o + 13], len(p) - o - (p[o + 12] >> 4) * 4


def v_wire(a, b, delay=0.0, loss=0.0, what="all", way="ab", late=0.0, by=0.004, every=0, limit=0, first=0):
    """a path outside of the stack: tun devices of two namespaces (NS,DEV), and this program between them. delay: s of each direction;
    loss: part of the packets of one way that get lost (what: all, syn, data, ack, tail: the last short segment), after the first ones;
    late: part of them that comes later than those behind it"""
    fds = []
    for x in (a, b):
        ns, dev = x.split(","); setns(ns); fds.append(tun_open(dev))
    ready(); rnd = random.Random(3); heap = []; n = seen = lost = 0
    for fd in fds: os.set_blocking(fd, False)
    while True:
        w = max(0.0, heap[0][0] - time.monotonic()) if heap else 1.0
        for fd in select.select(fds, [], [], w)[0]:
            for _ in range(64):
                try: p = os.read(fd, 70000)
                except BlockingIOError: break
                at = time.monotonic() + float(delay); way_ab = fd == fds[0]; fl, size = tcp_of(p)
                fits = {"all": True, "syn": fl & 18 == 2, "synack": fl & 18 == 18, "data": size > 0, "ack": fl & 23 == 16 and not size, "tail": 0 < size < 1000}[what]
                if fits and way_ab == (way == "ab"):
                    seen += 1
                    if float(loss) and seen > int(first) and rnd.random() < float(loss): lost += 1; continue
                    if float(late) and rnd.random() < float(late): at += float(by)
                heapq.heappush(heap, (at, n, fds[1] if way_ab else fds[0], p)); n += 1
        now = time.monotonic()
        while heap and heap[0][0] <= now:
            _, _, fd, p = heapq.heappop(heap)
            try: os.write(fd, p)
            except OSError: pass


# ---- a socket whose owner holds it ---------------------------------------------
def v_stuck(addr, port, hold=0.15, times=12, rcvbuf=0, name=""):
    """reads into memory that is not there: recv() waits for the page inside the kernel, with the socket locked (as with memory that
    was swapped out, or is filled by userfaultfd as of a virtual machine that migrates)"""
    if name: comm(name)
    libc = ctypes.CDLL(None, use_errno=True)
    l = listener(addr, port, 8, int(rcvbuf)); ready(); c, _ = l.accept(); c.settimeout(2)
    page = 4096; total = 0
    try:
        for _ in range(20): total += len(c.recv(65536))
        for _ in range(int(times)):
            m = mmap.mmap(-1, page * 16); addr_ = ctypes.addressof(ctypes.c_char.from_buffer(m))
            u = libc.syscall(323, os.O_CLOEXEC)
            if u < 0: sys.exit("userfaultfd: errno %d" % ctypes.get_errno())
            import fcntl
            fcntl.ioctl(u, 0xc018aa3f, struct.pack("QQQ", 0xaa, 0, 0))
            fcntl.ioctl(u, 0xc020aa00, struct.pack("QQQQ", addr_, page * 16, 1, 0))

            def fill(u=u, at=addr_):
                select.select([u], [], [], 2); time.sleep(float(hold))
                z = ctypes.create_string_buffer(page * 16)
                try: fcntl.ioctl(u, 0xc028aa03, bytearray(struct.pack("QQQQq", at, ctypes.addressof(z), page * 16, 0, 0)))
                except OSError: pass
            t = threading.Thread(target=fill); t.start()
            k = libc.recv(c.fileno(), ctypes.c_void_p(addr_), page * 16, 0); total += max(k, 0); t.join(); os.close(u)
            for _ in range(40):
                total += len(c.recv(65536))
    except (socket.timeout, OSError): pass
    finish("recv.json", received=total)


if __name__ == "__main__":
    globals()["v_" + sys.argv[1].replace("-", "_")](**dict(x.split("=", 1) for x in sys.argv[2:]))

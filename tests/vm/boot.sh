#!/bin/sh
# SPDX-License-Identifier: MIT
# boot.sh SCRIPT OUT FILE...: boot a Debian kernel with two CPUs in qemu (no KVM needed), run SCRIPT in it as root with sh(1)
# beside the FILEs, and bring what it leaves in $OUT to the folder OUT, with console.log and script.log. The guest is a
# throw-away initramfs with a few of this host's programs, and has no network.
# KERNEL: a folder with the unpacked package of a kernel (boot/, lib/modules/); default: what linux-image-cloud-amd64 of the
# host's own package sources depends on, kept in VM_CACHE. LIMIT: seconds (300). PROGRAMS, MODULES: more of them.
# Status: 0 the guest ran to its end; 77 something that is needed is not here, it is said what; 1 it did not.
set -u
script=$1 out=$2
shift 2
missing() { echo "needs $1"; exit 77; }
for p in qemu-system-x86_64 cpio modprobe ip stty; do command -v $p >/dev/null || missing "$p"; done
[ "$(uname -m)" = x86_64 ] || missing "x86_64"
cache=${VM_CACHE:-${BUILD:-build}/vm}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$cache"

if [ -z "${KERNEL:-}" ]; then
	command -v apt-get >/dev/null || missing "a kernel (KERNEL=FOLDER)"
	package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
	[ -n "$package" ] || missing "a kernel: linux-image-cloud-amd64 is in no package source (KERNEL=FOLDER)"
	KERNEL=$cache/$package
	if [ ! -d "$KERNEL" ]; then
		(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$package" >/dev/null 2>&1) || missing "a kernel: $package could not be fetched (KERNEL=FOLDER)"
		dpkg-deb -x "$work"/*.deb "$work/kernel" && mv "$work/kernel" "$KERNEL" || exit 1
		rm -f "$work"/*.deb
	fi
fi
image=$(ls "$KERNEL"/boot/vmlinuz-* 2>/dev/null | tail -1)
[ -n "$image" ] || missing "a kernel in $KERNEL/boot"
release=${image##*/vmlinuz-}

# a program and its libraries, below the guest's root
root=$work/root
take() {
	_p=$(command -v "$1") || missing "$1"
	_p=$(readlink -f "$_p")
	mkdir -p "$root/bin" && cp "$_p" "$root/bin/$1"
	for _l in $(ldd "$_p" 2>/dev/null | grep -o '/[^ )]*'); do
		[ -e "$root$_l" ] || { mkdir -p "$root${_l%/*}" && cp -L "$_l" "$root$_l"; }
	done
}
for p in sh mount ip modprobe stty sleep date cat grep dmesg ls tar uname sync ${PROGRAMS:-}; do take "$p"; done
ln -s bin "$root/sbin"
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/out" "$root/etc" "$root/job" "$root/var/tmp"
depmod -b "$([ -d "$KERNEL/usr/lib/modules" ] && echo "$KERNEL/usr" || echo "$KERNEL")" "$release" 2>/dev/null
[ -d "$KERNEL/lib/modules" ] || ln -sfn usr/lib "$KERNEL/lib"
for m in veth ${MODULES:-}; do
	for f in $(modprobe -d "$KERNEL" -S "$release" --show-depends $m 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'); do
		d=$root/lib/modules/$release/kernel
		mkdir -p "$d" && cp "$f" "$d/"
	done
done
depmod -b "$root" "$release" 2>/dev/null
for f in "$script" "$@"; do
	cp "$f" "$root/job/"
	for l in $(ldd "$f" 2>/dev/null | grep -o '/[^ )]*'); do
		[ -e "$root$l" ] || { mkdir -p "$root${l%/*}" && cp -L "$l" "$root$l"; }
	done
done
cat >"$root/init" <<EOF
#!/bin/sh
export PATH=/bin OUT=/out TMPDIR=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for m in veth ${MODULES:-}; do modprobe \$m; done
cd /job
sh ./$(basename "$script") >/out/script.log 2>&1
stty -F /dev/ttyS1 raw
tar -C /out -cf /dev/ttyS1 .
sync
echo o >/proc/sysrq-trigger
sleep 60
EOF
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$work/initrd" || exit 1
timeout "${LIMIT:-300}" qemu-system-x86_64 -accel tcg,thread=multi -cpu qemu64 -smp 2 -m 1024 -nodefaults -display none -no-reboot \
	-kernel "$image" -initrd "$work/initrd" -append "console=ttyS0 panic=-1 quiet" \
	-serial "file:$out/console.log" -serial "file:$work/out.tar"
rc=$?
[ $rc = 0 ] && tar -C "$out" -xf "$work/out.tar" 2>/dev/null && [ -s "$out/script.log" ] && exit 0
echo "the guest did not come to its end (status $rc): $(tail -3 "$out/console.log" 2>/dev/null | tr '\n' ' ')"
exit 1

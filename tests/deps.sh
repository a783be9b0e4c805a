#!/bin/sh
# SPDX-License-Identifier: MIT
# deps.sh [build|deb|check|incidents]: install what is missing, as Debian packages; says what it does.
set -u
build="gcc make libpcap-dev libtraceevent-dev libtracefs-dev libsqlite3-dev libzstd-dev zlib1g-dev libmnl-dev libseccomp-dev"
demo="iproute2 nftables"
check="libcmocka-dev zstd tar sqlite3 tcpdump procps util-linux conntrack ethtool chromium nodejs npm cppcheck valgrind"

incidents="python3 ethtool conntrack procps util-linux"

need="$build $demo"
case ${1:-check} in
build) ;;
deb) need="$build build-essential debhelper dpkg-dev" ;;
incidents) need="$need $incidents" ;;
*) need="$need $check" ;;
esac

if ! command -v dpkg-query >/dev/null; then
	echo "deps: this is no Debian; please install what these Debian packages hold: $need" >&2
	exit 0
fi
missing=
for p in $need; do
	# a program that came another way is as good
	case $p in nodejs) command -v node >/dev/null && continue ;; npm) command -v npm >/dev/null && continue ;; esac
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null; then
	sudo=sudo
else
	echo "deps: missing, and neither root nor sudo here: apt-get install$missing" >&2
	exit 1
fi
echo "deps: installing with ${sudo:+sudo }apt-get:$missing"
$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null

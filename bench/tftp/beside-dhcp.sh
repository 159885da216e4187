#!/usr/bin/env bash
# Usage: bench/tftp/beside-dhcp.sh [SECONDS]
# Measures DHCP's answers while the same process sends files as fast as it can: 100 DORAs a second for so many seconds
# (default 15) with TFTP idle, with 32 TFTP clients in lock step, and with 32 in windows of 16. Prints p50 and p99.
# Needs root, gcc, iproute2, perfdhcp (package kea-admin), and the load generator tftpload.c: in ../shared/bench, or where
# BOOTD_BENCH names its folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seconds=${1:-15}
scratch=$(mktemp -d -t beside-dhcp.XXXXXX)
server=beside-$$-s client=beside-$$-c
bootd=
stop() {
  [[ -z $bootd ]] || { kill "$bootd" 2>/dev/null || true; wait "$bootd" 2>/dev/null || true; bootd=; }
}
trap 'stop; ip netns del $server 2>/dev/null; ip netns del $client 2>/dev/null; rm -rf "$scratch"' EXIT
gcc -O2 -o "$scratch/tftpload" "${BOOTD_BENCH:-$here/../../../shared/bench}/tftpload.c"
ip netns add "$server"
ip netns add "$client"
ip link add srv0 netns "$server" type veth peer name cli0 netns "$client"
ip -n "$server" addr add 10.200.0.1/16 brd + dev srv0
ip -n "$client" addr add 10.200.0.2/16 brd + dev cli0
for end in "$server srv0" "$server lo" "$client cli0" "$client lo"; do
  read -r namespace link <<<"$end"
  ip -n "$namespace" link set "$link" up
done
mkdir "$scratch/root"
head -c 8388608 /dev/urandom >"$scratch/root/f8m"
chmod -R a+rX "$scratch"

# LABEL OPTION...: the options of tftpload, or none for an idle TFTP
measure() {
  local label=$1 state load=
  shift
  state=$(mktemp -d "$scratch/state.XXXXXX")
  DHCP_IFACE=srv0 DHCP_POOL_END=10.200.16.255 DHCP_STATE=$state BOOTD_EXTRA="tftp: { root: $scratch/root }" \
    ip netns exec "$server" bash "$here/../dhcp/start-bootd.sh" >"$state/log" 2>&1 &
  bootd=$!
  for _ in $(seq 200); do
    if ip netns exec "$server" grep -qi ':0045 ' /proc/net/udp; then break; fi
    sleep 0.05
  done
  sleep 1
  if (($# > 0)); then
    # More than it can send in that time; it is ended when DHCP was measured. The clients must not take the CPU from the
    # program that measures.
    ip netns exec "$client" nice -n 10 "$scratch/tftpload" --server 10.200.0.1 --file "f8m=$scratch/root/f8m" \
      --blksize 1408 --conc 32 --total 100000 --xfer-timeout 600 "$@" >/dev/null 2>&1 &
    load=$!
    sleep 1
  fi
  ip netns exec "$client" nice -n -10 perfdhcp -4 -R 3700 -W 800000 -r 100 -p "$seconds" -x t -l cli0 10.200.0.1 \
    >"$scratch/report" 2>&1 || true
  local sent
  sent=$(ip -n "$server" -s -j link show srv0 | node -p 'JSON.parse(require("fs").readFileSync(0))[0].stats64.tx.bytes')
  [[ -z $load ]] || { kill "$load" 2>/dev/null || true; wait "$load" 2>/dev/null || true; }
  stop
  node -e '
    const { readFileSync } = require("fs");
    const report = readFileSync(process.argv[1], "utf8");
    const times = (name) => {
      const part = report.split("***Timestamps for packets: ").find((text) => text.startsWith(name)) ?? "";
      const all = [...part.matchAll(/(\d+\.\d+) \/ (\d+\.\d+)/g)].map(([, from, to]) => (to - from) * 1000);
      return all.sort((a, b) => a - b);
    };
    const at = (all, share) => (all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? NaN).toFixed(2);
    const [offers, acks] = [times("DISCOVER-OFFER"), times("REQUEST-ACK")];
    const megabytes = (process.argv[3] / 1e6 / process.argv[4]).toFixed(0);
    const cells = [`${at(offers, 0.5)} / ${at(offers, 0.99)}`, `${at(acks, 0.5)} / ${at(acks, 0.99)}`];
    console.log(process.argv[2].padEnd(28), ...cells.map((cell) => cell.padStart(15)), String(acks.length).padStart(7), megabytes.padStart(8));
  ' "$scratch/report" "$label" "${sent:-0}" "$((seconds + 2))"
  ip -n "$server" link set srv0 down
  ip -n "$server" link del srv0
  ip link add srv0 netns "$server" type veth peer name cli0 netns "$client"
  ip -n "$server" addr add 10.200.0.1/16 brd + dev srv0
  ip -n "$client" addr add 10.200.0.2/16 brd + dev cli0
  ip -n "$server" link set srv0 up
  ip -n "$client" link set cli0 up
}

printf '%-28s %15s %15s %7s %8s\n' TFTP 'OFFER p50/p99' 'ACK p50/p99' DORAs MB/s
measure idle
measure '32 clients, lock step' --windowsize 1
measure '32 clients, windows of 16' --windowsize 16

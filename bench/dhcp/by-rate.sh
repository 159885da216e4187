#!/usr/bin/env bash
# Usage: bench/dhcp/by-rate.sh [RATE...]
# What an exchange costs, and how long it takes, at rising rates (default 200 to 16,000 DORA/s): Kea with its memfile and
# without clean-up of it, bootd, and the two programs of floor.mjs that decide nothing. Each server is a fresh process for
# each rate, asked for 5 s by a relay with 3,768 machines.
# Needs root, iproute2, perfdhcp (package kea-admin), and kea-dhcp4 (left out where it is not installed).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ -d $here/../../dist ]] || npm --prefix "$here/../.." run --silent build
rates=("$@")
((${#rates[@]})) || rates=(200 1000 4000 8000 12000 16000)
readonly SECONDS_EACH=5 SERVER=10.200.0.1 RELAY=10.200.0.2
servers=(kea bootd node-answers node-synced)
command -v kea-dhcp4 >/dev/null || { servers=("${servers[@]:1}"); echo 'by-rate.sh: kea is not installed and left out' >&2; }

scratch=$(mktemp -d -t by-rate.XXXXXX)
serving=bdr$$-s asking=bdr$$-c pid=
stop() {
  [[ -n $pid ]] || return 0
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  pid=
}
cleanup() {
  stop
  ip netns del "$serving" 2>/dev/null || true
  ip netns del "$asking" 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ip netns add "$serving"
ip netns add "$asking"
ip link add srv0 netns "$serving" type veth peer name cli0 netns "$asking"
ip -n "$serving" addr add $SERVER/16 brd + dev srv0
ip -n "$asking" addr add $RELAY/16 brd + dev cli0
for side in "$serving srv0" "$serving lo" "$asking cli0" "$asking lo"; do
  ip -n "${side% *}" link set "${side#* }" up
done

export DHCP_IFACE=srv0 DHCP_POOL_END=10.200.16.255 DHCP_STATE

kea_configuration() {
  cat <<JSON
{ "Dhcp4": {
  "interfaces-config": { "interfaces": ["srv0"], "dhcp-socket-type": "udp" },
  "lease-database": { "type": "memfile", "persist": true, "lfc-interval": 0, "name": "$DHCP_STATE/leases.csv" },
  "valid-lifetime": 600, "max-valid-lifetime": 7200, "authoritative": true,
  "next-server": "$SERVER", "boot-file-name": "/pxelinux.0",
  "subnet4": [{ "subnet": "10.200.0.0/16", "pools": [{ "pool": "10.200.1.0-$DHCP_POOL_END" }] }],
  "loggers": [{ "name": "kea-dhcp4", "severity": "ERROR", "output_options": [{ "output": "stderr" }] }]
} }
JSON
}

start() {
  local command
  DHCP_STATE=$(mktemp -d -p "$scratch")
  case $1 in
    kea)
      kea_configuration >"$DHCP_STATE/kea.json"
      command='exec env KEA_PIDFILE_DIR=$DHCP_STATE KEA_LOCKFILE_DIR=none kea-dhcp4 -c $DHCP_STATE/kea.json'
      ;;
    bootd) command="exec '$here/start-bootd.sh'" ;;
    node-*) command="exec node '$here/floor.mjs' ${1#node-}" ;;
  esac
  ip netns exec "$serving" bash -c "$command" >"$scratch/log" 2>&1 &
  pid=$!
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || { echo "$1 did not start:" >&2; cat "$scratch/log" >&2; exit 1; }
    ip netns exec "$serving" grep -q ':0043 ' /proc/net/udp && break
    sleep 0.1
  done
  sleep 1
}

# Processor time of the server so far, in clock ticks.
ticks() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }

echo '| DORA/s | server | lost | OFFER p50/p99 ms | ACK p50/p99 ms | CPU ms per 1,000 DORA |'
echo '|---|---|---|---|---|---|'
for rate in "${rates[@]}"; do
  for server in "${servers[@]}"; do
    start "$server"
    before=$(ticks)
    # It ends with 3 when anything was lost, which its report says too.
    ip netns exec "$asking" perfdhcp -4 -R 3768 -W 800000 -r "$rate" -p $SECONDS_EACH -x t -l cli0 $SERVER \
      >"$scratch/report" 2>&1 || true
    used=$(($(ticks) - before))
    stop
    node -e '
      const [path, server, rate, ticks, ticksPerSecond] = process.argv.slice(1);
      const report = require("fs").readFileSync(path, "utf8");
      const counts = [...report.matchAll(/sent packets: (\d+)\nreceived packets: (\d+)/g)];
      const [sent, done] = [Number(counts[0]?.[1] ?? 0), Number(counts.at(-1)?.[2] ?? 0)];
      const times = (exchange) => {
        const part = report.split("***Timestamps for packets: ").find((text) => text.startsWith(exchange)) ?? "";
        const all = [...part.matchAll(/(\d+\.\d+) \/ (\d+\.\d+)/g)].map(([, from, to]) => 1000 * (to - from));
        all.sort((a, b) => a - b);
        return [0.5, 0.99].map((share) => (all[Math.floor(all.length * share)] ?? NaN).toFixed(2)).join("/");
      };
      const lost = `${((100 * (sent - done)) / sent).toFixed(2)} %`;
      const cpu = ((1e6 * ticks) / ticksPerSecond / done).toFixed(0);
      console.log(`| ${[rate, server, lost, times("DISCOVER-OFFER"), times("REQUEST-ACK"), cpu].join(" | ")} |`);
    ' "$scratch/report" "$server" "$rate" "$used" "$(getconf CLK_TCK)"
  done
done

#!/usr/bin/env bash
# Usage: bench/tftp/few-clients.sh [REPETITIONS]
# Measures bootd against plain dgram with one, two, four and eight clients at once, in lock step: where there is little to
# batch. Prints the median of the repetitions (default 5). Server on the first CPU, clients on the last one.
# Needs root, gcc, iproute2, and the load generator tftpload.c: in ../shared/bench, or where BOOTD_BENCH names its folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
reps=${1:-5}
if [[ ${BENCH_INNER:-} != 1 ]]; then
  BENCH_INNER=1 exec unshare --net bash "$0" "$reps"
fi
scratch=$(mktemp -d -t few-clients.XXXXXX)
server=
trap '[[ -n $server ]] && kill "$server" 2>/dev/null; rm -rf "$scratch"' EXIT
gcc -O2 -o "$scratch/tftpload" "${BOOTD_BENCH:-$here/../../../shared/bench}/tftpload.c"
ip link set lo up
export HOST=127.0.0.1 PORT=69 ROOT=$scratch/root
mkdir "$ROOT"
head -c 16777216 /dev/urandom >"$ROOT/f16m"
chmod -R a+rX "$scratch"

# SERVER CLIENTS: one line of JSON
measure() {
  case $1 in
    bootd) taskset -c 0 "$here/start-bootd.sh" >"$scratch/log" 2>&1 & ;;
    plain-dgram) taskset -c 0 node "$here/plain-dgram.mjs" >"$scratch/log" 2>&1 & ;;
  esac
  server=$!
  for _ in $(seq 200); do grep -qi ':0045 ' /proc/net/udp && break; sleep 0.05; done
  sleep 0.3
  taskset -c $(($(nproc) - 1)) "$scratch/tftpload" --server "$HOST" --file "f16m=$ROOT/f16m" --blksize 1408 \
    --conc "$2" --total $((4 * $2)) --sources "$2" --label "$1"
  kill "$server"
  wait "$server" || true
  server=
  for _ in $(seq 200); do grep -qi ':0045 ' /proc/net/udp || break; sleep 0.05; done
}

printf '%-8s %12s %12s %6s\n' clients plain-dgram bootd ratio
for clients in 1 2 4 8; do
  : >"$scratch/results"
  for _ in $(seq "$reps"); do
    for name in plain-dgram bootd; do measure "$name" "$clients" >>"$scratch/results"; done
  done
  node -e '
    const rows = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").map((line) => JSON.parse(line));
    const median = (label) => {
      const all = rows.filter((row) => row.label === label).map((row) => (row.failed ? 0 : row.mb_per_s));
      return all.sort((a, b) => a - b)[Math.floor((all.length - 1) / 2)];
    };
    const [plain, bootd] = [median("plain-dgram"), median("bootd")];
    const cells = [plain.toFixed(1).padStart(12), bootd.toFixed(1).padStart(12), (bootd / plain).toFixed(2).padStart(6)];
    console.log(process.argv[2].padEnd(8), ...cells);
  ' "$scratch/results" "$clients"
done

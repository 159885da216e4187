#!/usr/bin/env bash
# Usage: npm run bench [-- PART...]
# Makes every table of docs/performance.md anew, one after the other, or those that are named: dhcp, dhcp-by-rate,
# conflict-check, tftp, few-clients, beside-dhcp, http-boot, mixed, growth. Takes about twenty minutes; the machine should do nothing else meanwhile.
# Needs root, and what the scripts beside this one name; says at the beginning what is missing. Rivals that are not
# installed are left out, and that is said too.
set -uo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
# npm puts the programs of packages first, among them a dhcpd of npm's dhcp.
PATH=$(tr : '\n' <<<"$PATH" | grep -v node_modules/.bin | paste -sd :)
bench=${BOOTD_BENCH:-$top/../shared/bench}
all=(dhcp dhcp-by-rate conflict-check tftp few-clients beside-dhcp http-boot mixed growth)
parts=("$@")
((${#parts[@]})) || parts=("${all[@]}")

for part in "${parts[@]}"; do
  [[ " ${all[*]} " == *" $part "* ]] || { echo "run.sh: there is no part $part, only ${all[*]}" >&2; exit 2; }
done
((EUID == 0)) || { echo 'run.sh: network namespaces need root' >&2; exit 2; }
missing=()
for tool in gcc ip ethtool tcpdump strace python3 perfdhcp; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
[[ -r $bench/tftpload.c && -r $bench/dhcp-peers.sh ]] || missing+=("the load generators (BOOTD_BENCH=$bench)")
((${#missing[@]} == 0)) || { printf 'run.sh: missing: %s\n' "${missing[@]}" >&2; exit 2; }

# Prints those of the rivals NAME=PROGRAM whose program is installed, with commas between.
installed() {
  local rival names=()
  for rival in "$@"; do
    if [[ -e ${rival#*=} ]] || command -v "${rival#*=}" >/dev/null; then
      names+=("${rival%%=*}")
    else
      echo "run.sh: ${rival%%=*} is not installed and left out" >&2
    fi
  done
  (IFS=,; echo "${names[*]}")
}

npm run --silent build
failed=()
for part in "${parts[@]}"; do
  printf '\n## %s\n\n' "$part"
  # What the part before left to be written would be flushed with this one's leases.
  sync
  case $part in
    dhcp)
      RENEW_RATES='400 1600' bench/dhcp/run.sh \
        -p "$(installed dhcpd=/usr/sbin/dhcpd kea-nolfc=kea-dhcp4 dnsmasq=dnsmasq npm-dhcp=node_modules/dhcp/lib/dhcp.js)" \
        -r 500,1000,2000,4000,6000,8000,10000,12000 -t 3
      ;;
    dhcp-by-rate) bench/dhcp/by-rate.sh ;;
    conflict-check) npx tsx bench/dhcp/conflict-check.ts ;;
    tftp)
      bench/tftp/run.sh --pin --reps 3 --peers "$(installed in.tftpd=/usr/sbin/in.tftpd dnsmasq=dnsmasq)" \
        --loads c32-8m-1408,c32-8m-1408-w4,c32-8m-1408-w16,c1000-boot
      ;;
    few-clients) bench/tftp/few-clients.sh ;;
    beside-dhcp) bench/tftp/beside-dhcp.sh 12 ;;
    http-boot) npx tsx bench/http-boot/latency.ts ;;
    mixed) npx tsx bench/mixed.ts ;;
    growth) npx tsx bench/growth.ts ;;
  esac || failed+=("$part")
done
((${#failed[@]} == 0)) || { printf '\nrun.sh: failed: %s\n' "${failed[*]}" >&2; exit 1; }

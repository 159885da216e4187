#!/usr/bin/env bash
# Usage: bench/tftp/run.sh [options of tftp-peers.sh]
# Measures bootd and its rivals (in.tftpd, dnsmasq, atftpd, npm tftp and tftp2) under the same TFTP loads in one run, on the
# loopback of a network namespace. `--pin --reps 3` gives the table of docs/performance.md. One load is added to those of
# the harness: c32-8m-1408-w4, 32 clients in windows of 4.
# Needs root, gcc, iproute2, the rivals that are to be compared, and the harness tftp-peers.sh with its load generator:
# beside the checkout in ../shared/bench, or where BOOTD_BENCH names its folder.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
peers=${BOOTD_BENCH:-$top/../shared/bench}/tftp-peers.sh
[[ -r $peers ]] || { echo "run.sh: $peers is missing; set BOOTD_BENCH to the folder that has it" >&2; exit 2; }
[[ -d $top/dist ]] || npm --prefix "$top" run --silent build
# A copy with the load that it lacks, beside its load generator.
copy=$(mktemp -d -t tftp-peers.XXXXXX)
trap 'rm -rf "$copy"' EXIT
cp "$(dirname "$peers")/tftpload.c" "$copy"
added='    c32-8m-1408-w4) echo "$f8 --blksize 1408 --windowsize 4 --conc 32 --total 64 --sources 32" ;;'
awk -v added="$added" '/c32-8m-1408-w16\) echo/ { print added } { print }' "$peers" >"$copy/tftp-peers.sh"
bash "$copy/tftp-peers.sh" "$@" --extra "bootd=exec '$top/bench/tftp/start-bootd.sh'"

#!/usr/bin/env bash
# Usage: bench/dhcp/run.sh [options of dhcp-peers.sh]
# Measures bootd and its rivals (ISC dhcpd, Kea, dnsmasq, npm dhcp) under the same DHCP load in one run, in network
# namespaces; and beside them what Node and the kernel cost for the least program that answers (floor.mjs).
# Needs root, iproute2, strace, python3, perfdhcp (package kea-admin), the rivals that are to be compared, and the
# load generator dhcp-peers.sh: beside the checkout in ../shared/bench, or where BOOTD_BENCH names its folder.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
peers=${BOOTD_BENCH:-$top/../shared/bench}/dhcp-peers.sh
[[ -x $peers || -r $peers ]] || { echo "run.sh: $peers is missing; set BOOTD_BENCH to the folder that has it" >&2; exit 2; }
[[ -d $top/dist ]] || npm --prefix "$top" run --silent build
export NODE_DHCP=${NODE_DHCP:-$top/node_modules/dhcp}
floor="exec node '$top/bench/dhcp/floor.mjs'"
exec bash "$peers" "$@" "bootd=exec '$top/bench/dhcp/start-bootd.sh'" "node-answers=$floor answers" "node-synced=$floor synced"

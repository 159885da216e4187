#!/usr/bin/env bash
# Starts bootd in the foreground for bench/dhcp/run.sh, configured as its rivals are. The environment says where:
# DHCP_IFACE (interface with 10.200.0.1/16), DHCP_POOL_END (last address of the pool), DHCP_STATE (an empty folder);
# BOOTD_EXTRA may add sections to the configuration.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cat >"$DHCP_STATE/bootd.yaml" <<YAML
interfaces: [$DHCP_IFACE]
state-directory: $DHCP_STATE/bootd
log-level: warn
control: { socket: $DHCP_STATE/control.sock }
dhcp:
  authoritative: true
  default-lease-time: 600
  max-lease-time: 7200
  ping-check: false
  next-server: 10.200.0.1
  filename: /pxelinux.0
  subnets:
    - subnet: 10.200.0.0/16
      ranges: [{ range: 10.200.1.0-$DHCP_POOL_END }]
      options: { broadcast-address: 10.200.255.255 }
${BOOTD_EXTRA:-}
YAML
mkdir -p "$DHCP_STATE/bootd"
exec "$here/../../bin/bootd" serve --config "$DHCP_STATE/bootd.yaml"

#!/usr/bin/env bash
# Starts bootd in the foreground for bench/tftp/run.sh, configured as its rivals are. The environment says where:
# HOST and PORT (UDP), ROOT (the files, asked for by their bare names).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=$(mktemp -d -t bootd-bench.XXXXXX)
trap 'rm -rf "$state"' EXIT
cat >"$state/bootd.yaml" <<YAML
state-directory: $state
log-level: warn
control: { socket: $state/control.sock }
tftp: { root: $ROOT, listen: ['$HOST'], port: $PORT, secure: true }
YAML
"$here/../../bin/bootd" serve --config "$state/bootd.yaml" &
trap 'kill -TERM $!; wait $!; rm -rf "$state"' TERM INT
wait $!

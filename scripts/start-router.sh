#!/usr/bin/env bash
# Starts the router: the front door. start-router.sh [SHARDS]
# It has no state: after halting it (or a crash) start it again, and everybody finds it.
# shellcheck source=scripts/ground.sh
. "$(dirname "${BASH_SOURCE[0]}")/ground.sh"

settle_shards "${1:-}"
launch router router

#!/usr/bin/env bash
# Starts the router: the front door. start-router.sh [SHARDS]
# The router has no state: after a stop or a crash, start it again, and all others reconnect.
# shellcheck source=scripts/environment.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh" || exit

choose_shards "$@"
launch router router

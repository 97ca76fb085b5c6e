#!/usr/bin/env bash
# Starts the publisher: the position feed. start-publisher.sh [SHARDS]
# shellcheck source=scripts/environment.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh" || exit

choose_shards "$@"
launch publisher publisher

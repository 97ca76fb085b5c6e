#!/usr/bin/env bash
# Starts the publisher: the position feed. start-publisher.sh [SHARDS]
# shellcheck source=scripts/ground.sh
. "$(dirname "${BASH_SOURCE[0]}")/ground.sh"

settle_shards "${1:-}"
launch publisher publisher

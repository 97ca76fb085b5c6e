#!/usr/bin/env bash
# Starts the shards that are not running. start-shards.sh [SHARDS]
# With ALLOT_DATA=DIR, a restarted shard recovers its positions. Without it, they are lost.
# shellcheck source=scripts/environment.sh
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

choose_shards "${1:-}"
for ((shard = 0; shard < ALLOT_SHARDS; shard++)); do
    launch "shard-$shard" shard --shard "$shard"
done

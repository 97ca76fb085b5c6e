#!/usr/bin/env bash
# Starts the shards that do not run yet. start-shards.sh [SHARDS]
# With ALLOT_DATA=DIR a shard that is started again knows its positions; without, it has lost them.
# shellcheck source=scripts/ground.sh
. "$(dirname "${BASH_SOURCE[0]}")/ground.sh"

settle_shards "${1:-}"
for ((shard = 0; shard < ALLOT_SHARDS; shard++)); do
    launch "shard-$shard" shard --shard "$shard"
done

#!/usr/bin/env bash
# Starts the shards that do not run yet. start-shards.sh [SHARDS]
# A shard that is started again has lost its positions: they are in memory only.
# shellcheck source=scripts/ground.sh
. "$(dirname "${BASH_SOURCE[0]}")/ground.sh"

settle_shards "${1:-}"
for ((shard = 0; shard < ALLOT_SHARDS; shard++)); do
    launch "shard-$shard" shard --shard "$shard"
done

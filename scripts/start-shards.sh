#!/usr/bin/env bash
# Starts the shards that are not running. start-shards.sh [SHARDS]
# With ALLOT_DATA=DIR, a restarted shard recovers its positions; make the ledger in DIR once, with
# `allot init DIR`. Without ALLOT_DATA, positions are lost at a restart.
# shellcheck source=scripts/environment.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh" || exit

choose_shards "$@"
for ((shard = 0; shard < ALLOT_SHARDS; shard++)); do
    launch "shard-$shard" shard --shard "$shard"
done

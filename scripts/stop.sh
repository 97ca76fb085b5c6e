#!/usr/bin/env bash
# Stops every process that the other scripts started, and removes the files of their process ids
# and of the number of shards.
# Nothing else is removed: the logs stay in the run directory, and so does all data.
# shellcheck source=scripts/environment.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh" || exit
no_arguments "$@"

# A start that is under way is finished first.
lock
unlock
names=() unknown=()
for file in "$ALLOT_RUN_DIR"/*.pid; do
    name=$(basename "$file" .pid)
    if has_id "$name"; then
        names+=("$name")
    elif [ -e "$file" ]; then
        unknown+=("$name")
    fi
done
# Feeds stop first, so that they get the replies to what they sent.
stop_processes aum fills
# Strategies stop before their trader, so that they can deregister.
stop_processes strategy-x strategy-y
stop_processes "${names[@]}"
say "stopped ${names[*]:-nothing: no process was running}"
for name in "${unknown[@]}"; do check_id "$name"; done

# It is a number where the scripts wrote it.
if [[ "$(cat "$ALLOT_RUN_DIR/shards" 2>/dev/null)" =~ ^[0-9]+$ ]]; then
    rm -f "$ALLOT_RUN_DIR/shards"
fi
if compgen -G "$ALLOT_RUN_DIR/*.log" >/dev/null; then
    say "the logs are in $ALLOT_RUN_DIR"
else
    rmdir --ignore-fail-on-non-empty "$ALLOT_RUN_DIR"
fi

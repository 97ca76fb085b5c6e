#!/usr/bin/env bash
# Stops every process that the other scripts started, and removes their sockets and process ids.
# Nothing else is removed: the logs stay in the run directory, and so does all data.
# shellcheck source=scripts/environment.sh
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
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
halt aum fills
# Strategies stop before their trader, so that they can deregister.
halt strategy-x strategy-y
halt "${names[@]}"
say "stopped ${names[*]:-nothing: no process was running}"
for name in "${unknown[@]}"; do check_id "$name"; done

# A killed process could not remove its sockets.
find "$ALLOT_RUN_DIR" -maxdepth 1 -type s -delete
rm -f "$ALLOT_RUN_DIR/shards"
if compgen -G "$ALLOT_RUN_DIR/*.log" >/dev/null; then
    say "the logs are in $ALLOT_RUN_DIR"
else
    rmdir --ignore-fail-on-non-empty "$ALLOT_RUN_DIR"
fi

#!/usr/bin/env bash
# Stops all that the other scripts have started, waits until it has ended, and leaves nothing.
# shellcheck source=scripts/ground.sh
. "$(dirname "${BASH_SOURCE[0]}")/ground.sh"

names=()
for file in "$ALLOT_RUN_DIR"/*.pid; do
    [ -e "$file" ] && names+=("$(basename "$file" .pid)")
done
# Against the stream: who sends ends first, and hears the answers to what it sent.
halt aum fills
halt "${names[@]}"

# A process that was killed could not remove its sockets.
find "$ALLOT_RUN_DIR" -maxdepth 1 -type s -delete
rm -f "$ALLOT_RUN_DIR"/shards "$ALLOT_RUN_DIR"/*.pid "$ALLOT_RUN_DIR"/*.log
rmdir "$ALLOT_RUN_DIR" || fail "left $ALLOT_RUN_DIR as it is: there are files of others in it"
say "stopped ${names[*]:-nothing: nothing was running}"

#!/usr/bin/env bash
# Stops every process that the other scripts started, and removes their files.
# shellcheck source=scripts/environment.sh
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

names=()
for file in "$ALLOT_RUN_DIR"/*.pid; do
    [ -e "$file" ] && names+=("$(basename "$file" .pid)")
done
# Feeds stop first, so that they get the replies to what they sent.
halt aum fills
halt "${names[@]}"

# A killed process could not remove its sockets.
find "$ALLOT_RUN_DIR" -maxdepth 1 -type s -delete
rm -f "$ALLOT_RUN_DIR"/shards "$ALLOT_RUN_DIR"/*.pid "$ALLOT_RUN_DIR"/*.log
rmdir "$ALLOT_RUN_DIR" || fail "did not remove $ALLOT_RUN_DIR: it contains other files"
say "stopped ${names[*]:-nothing: no process was running}"

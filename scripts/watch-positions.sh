#!/usr/bin/env bash
# Prints what everyone holds, at every report. Arguments go to allot positions, as in
#   watch-positions.sh --once --format json        (see allot positions --help)
# shellcheck source=scripts/ground.sh
. "$(dirname "${BASH_SOURCE[0]}")/ground.sh"

need_binary
exec "$ALLOT_BIN" positions "$@"

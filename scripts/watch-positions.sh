#!/usr/bin/env bash
# Prints the positions of all accounts, at every report. Arguments go to allot positions:
#   watch-positions.sh --once --format json        (see allot positions --help)
# shellcheck source=scripts/environment.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh" || exit

need_binary
exec "$ALLOT_BIN" positions "$@"

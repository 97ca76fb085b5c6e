#!/usr/bin/env bash
# Starts a simulated quote server and a desk, at the endpoints of the settings. Arguments go to the
# desk; the quote server listens at ALLOT_QUOTES, by default 127.0.0.1:4444, with the delays of the
# legacy one; with port 0, at a free port:
#   start-desk.sh --data desk --new                          (see allot desk serve --help)
# shellcheck source=scripts/environment.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh" || exit
need_binary

launch quotes desk quote-server --listen "${ALLOT_QUOTES:-127.0.0.1:4444}" --delay course
quotes=$(sed -n 's/^listening quotes=//p' "$ALLOT_RUN_DIR/quotes.log" | tail -n 1)
launch desk desk serve --quotes "$quotes" "$@"

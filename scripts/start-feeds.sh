#!/usr/bin/env bash
# Starts an AUM server and three fill servers. Arguments go to the fill servers:
#   start-feeds.sh --rate 1000 --count 50000       (see allot feed fills --help)
# shellcheck source=scripts/environment.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh" || exit

# The server may be started later, or stopped for a while.
patience=(--patience 1h)
launch aum feed aum --drift --accounts 5 --every 30s "${patience[@]}"
pace=(--rate 100)
case " $* " in *' --rate '* | *' --rate='*) pace=() ;; esac
case " $* " in *' --patience '* | *' --patience='*) patience=() ;; esac
launch fills feed fills --random --sources 3 "${pace[@]}" "${patience[@]}" "$@"

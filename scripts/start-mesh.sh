#!/usr/bin/env bash
# Starts N strategies of one mesh, strategy_1 to strategy_N, those that are not running. Their
# sockets are in the run directory. All further arguments go to each of them; with --data DIR each
# has its own directory in DIR:
#   start-mesh.sh 5 --data mesh --heartbeat 500ms            (see allot mesh --help)
# A strategy in the background reads no trades; start one by hand beside them:
#   allot mesh mine 12345 ipc://RUN_DIR/strategy_1
# shellcheck source=scripts/environment.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh" || exit

[[ "${1:-}" =~ ^[1-9][0-9]*$ ]] || fail "say how many strategies: start-mesh.sh N"
[ "$1" -le 256 ] || fail "a mesh has at most 256 strategies"
count=$1 data=''
shift
arguments=()
while [ $# -gt 0 ]; do
    case $1 in
    --data)
        [ $# -gt 1 ] || fail "--data needs a value"
        data=$2
        shift
        ;;
    --data=*) data=${1#--data=} ;;
    --file | --file=* | --follow | --follow=*)
        fail "${1%%=*} would give every strategy the same trades: start that strategy by hand"
        ;;
    *) arguments+=("$1") ;;
    esac
    shift
done
need_binary

at() { printf 'ipc://%s/strategy_%s' "$ALLOT_RUN_DIR" "$1"; }

for ((number = 1; number <= count; number++)); do
    own=(--listen "$(at "$number")")
    # One that is known is enough; two, so that either may be down.
    [ "$number" -eq 1 ] || own+=(--connect "$(at 1)")
    # The first does not wait for a second that is started after it.
    [ "$number" -eq 2 ] || ! process_of strategy_2 >/dev/null || own+=(--connect "$(at 2)")
    [ -z "$data" ] || own+=(--data "$data/strategy_$number")
    launch "strategy_$number" mesh "strategy_$number" "${own[@]}" "${arguments[@]}"
done

#!/usr/bin/env bash
# Starts three signal generators, a trader, and two strategies: X on the first generator, Y on the
# other two. Their sockets are in the run directory, and registrations in the memory of the trader.
# --period, --deadline, --jitter, --tolerance, --json and the common flags go to all of them, every
# other argument to the trader alone:
#   start-signals.sh --period 10s --data trader --new        (see allot signals trader --help)
# shellcheck source=scripts/environment.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh" || exit
need_binary

shared=() own=()
while [ $# -gt 0 ]; do
    case $1 in
    --period | --deadline | --jitter | --tolerance | --config | --log-format)
        [ $# -gt 1 ] || fail "$1 needs a value"
        shared+=("$1" "$2")
        shift
        ;;
    --period=* | --deadline=* | --jitter=* | --tolerance=* | --config=* | --log-format=* | \
        --json | --verbose | --quiet | -v* | -q) shared+=("$1") ;;
    *) own+=("$1") ;;
    esac
    shift
done

at() { printf 'ipc://%s/%s' "$ALLOT_RUN_DIR" "$1"; }

for number in 1 2 3; do
    launch "generator-$number" signals generator --listen "$(at "g$number")" --name "G$number" \
        "${shared[@]}"
done
launch trader signals trader --listen "$(at trader)" "${shared[@]}" "${own[@]}"
launch strategy-x signals strategy --name X --trader "$(at trader)" --signals "$(at g1)" \
    "${shared[@]}"
launch strategy-y signals strategy --name Y --trader "$(at trader)" \
    --signals "$(at g2),$(at g3)" "${shared[@]}"

#!/usr/bin/env bash
# Starts three signal generators, a trader, and two strategies: X on the first generator, Y on the
# other two. Their sockets are in the run directory, and registrations in the memory of the trader.
# Arguments go to all of them:
#   start-signals.sh --period 10s          (see allot signals trader --help)
# shellcheck source=scripts/environment.sh
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
need_binary

at() { printf 'ipc://%s/%s' "$ALLOT_RUN_DIR" "$1"; }

for number in 1 2 3; do
    launch "generator-$number" signals generator --listen "$(at "g$number")" --name "G$number" "$@"
done
launch trader signals trader --listen "$(at trader)" "$@"
launch strategy-x signals strategy --name X --trader "$(at trader)" --signals "$(at g1)" "$@"
launch strategy-y signals strategy --name Y --trader "$(at trader)" \
    --signals "$(at g2),$(at g3)" "$@"

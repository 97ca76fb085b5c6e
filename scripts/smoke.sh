#!/usr/bin/env bash
# Runs the whole system once: every process and every script of the README, in a temporary folder
# and without a port. Takes about ten seconds and leaves nothing behind.
set -Eeuo pipefail

case ${1:-} in -h | --help)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mktemp -d)
export ALLOT_RUN_DIR=$folder/run
export ALLOT_FRONT=ipc://$folder/run/front
export ALLOT_PUBLISH=ipc://$folder/run/publish
export ALLOT_REPORT_EVERY=200ms

# Runs at every exit: prints the logs after a failure, and removes everything.
finish() {
    local code=$?
    trap - EXIT
    if [ "$code" -ne 0 ]; then
        printf 'smoke.sh: FAILED\n' >&2
        tail -n 20 "$ALLOT_RUN_DIR"/*.log >&2 2>/dev/null || true
    fi
    if [ -d "$ALLOT_RUN_DIR" ]; then "$scripts/stop.sh" >/dev/null || code=1; fi
    rm -rf "$folder"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM
trap 'printf "smoke.sh: line %s failed: %s\n" "$LINENO" "$BASH_COMMAND" >&2' ERR

# shellcheck source=scripts/environment.sh
. "$scripts/environment.sh"
need_binary

# await SECONDS TEXT COMMAND…: fails unless the command prints a line with the text in that time.
await() {
    local seconds=$1 text=$2
    shift 2
    timeout "$seconds" "$@" | grep --max-count=1 --fixed-strings -- "$text" >/dev/null ||
        fail "no '$text' within $seconds s from: $*"
}

say 'the binary by itself'
"$ALLOT_BIN" config check >/dev/null
"$ALLOT_BIN" config show | grep -q 'report-every *= 200ms.*environment ALLOT_REPORT_EVERY'
"$ALLOT_BIN" completions bash | grep -q positions
"$ALLOT_BIN" doctor
"$ALLOT_BIN" demo --sources 2 --count 100 --report-every 100ms >"$folder/demo"
grep -q 'fills sent 200, answered 200, rejected 0, lost 0' "$folder/demo"
"$ALLOT_BIN" demo --for 1s | grep -q 'lost 0'

say 'help, and arguments that mean nothing'
for script in "$scripts"/*.sh; do
    [ "$script" = "$scripts/environment.sh" ] || "$script" --help | grep . >/dev/null
done
for shards in 0 -1 x 65; do
    if "$scripts/start-shards.sh" "$shards" 2>/dev/null; then fail "$shards shards were started"; fi
done
if "$scripts/stop.sh" now 2>/dev/null; then fail 'stop.sh took an argument'; fi

say 'one process, with a ledger'
if (ALLOT_DATA=$folder/data launch serve serve) 2>/dev/null; then fail 'there is no ledger'; fi
"$ALLOT_BIN" init "$folder/data" | grep -q '^ledger [0-9a-f]\{32\} in '
ALLOT_DATA=$folder/data launch serve serve
"$ALLOT_BIN" doctor --expect-server
stop_processes serve
"$ALLOT_BIN" verify "$folder/data" | grep -q 'no failure found'

say 'one process'
launch serve serve
"$ALLOT_BIN" feed aum --weights ann=40,bob=60 --count 1 >/dev/null
printf 'ticker,side,price,quantity\nAAPL,buy,187.23,100\n' |
    "$ALLOT_BIN" feed fills --source smoke --file - >/dev/null
await 60 '"ann":{"weight":"40","value":"7489.2"' "$ALLOT_BIN" positions --format json
"$scripts/stop.sh"

say 'one process for each box, started in any order'
"$scripts/start-feeds.sh" --rate max --count 100
"$scripts/start-publisher.sh"
"$scripts/start-shards.sh"
"$scripts/start-router.sh"
await 60 '"fills":300,' "$scripts/watch-positions.sh" --format json
"$scripts/watch-positions.sh" --once
"$ALLOT_BIN" doctor | grep -q 'a server publishes'

say 'router and publisher restart'
stop_processes router publisher
"$scripts/start-router.sh"
"$scripts/start-publisher.sh"
"$scripts/start-shards.sh" | grep -q 'shard-1 is already running'
"$scripts/start-feeds.sh" --rate max --count 100
await 60 '"fills":600,' "$scripts/watch-positions.sh" --format json
"$scripts/stop.sh"

say 'signals'
"$scripts/start-signals.sh" --period 1s
turn=0
until grep -q '^median: ' "$ALLOT_RUN_DIR/trader.log"; do
    turn=$((turn + 1))
    [ "$turn" -lt 600 ] || fail 'no median within 60 s'
    sleep 0.1
done
"$ALLOT_BIN" signals status --trader "ipc://$ALLOT_RUN_DIR/trader" | grep -q 'strategy'
"$scripts/stop.sh"
grep -q '^deregistered Y' "$ALLOT_RUN_DIR/trader.log" || fail 'a strategy did not deregister'

say 'mesh'
if "$scripts/start-mesh.sh" 2 --file trades 2>"$folder/refused"; then
    fail 'one file of trades was given to every strategy'
fi
grep -q 'the same trades' "$folder/refused"
"$scripts/start-mesh.sh" 3
turn=0
alive() {
    "$ALLOT_BIN" mesh status "ipc://$ALLOT_RUN_DIR/strategy_3" --json | grep -o '"state":"alive"'
}
until [ "$(alive | wc -l)" = 2 ]; do
    turn=$((turn + 1))
    [ "$turn" -lt 600 ] || fail 'three strategies did not find each other within 60 s'
    sleep 0.1
done
"$scripts/stop.sh"

say 'desk'
ALLOT_QUOTES=127.0.0.1:0 "$scripts/start-desk.sh" --data "$folder/desk" --new
"$ALLOT_BIN" desk send ADD,ann,100.00 | grep -q '"cash":"100.00"'
"$ALLOT_BIN" desk send BUY,ann,ABC,100.00 >"$folder/buy" ||
    grep -q '"code":"amount_below_price"' "$folder/buy"
printf '[1] ADD,bob,5.00\n[2] DISPLAY_SUMMARY,bob\n[3] DUMPLOG,./all.xml\n' >"$folder/workload"
"$ALLOT_BIN" desk load "$folder/workload" >"$folder/answers"
"$ALLOT_BIN" desk summary bob | grep -q '"cash":"5.00"'
"$scripts/stop.sh"
"$ALLOT_BIN" verify "$folder/desk" --answers "$folder/answers" | grep -q '3 replies checked, 0 lost'
"$ALLOT_BIN" desk log "$folder/desk" --user bob | grep -q '<funds>5.00</funds>'

say 'logs are kept, and a file without a process id is named'
[ "$(grep -c '^--- router starts' "$ALLOT_RUN_DIR/router.log")" = 2 ] || fail 'a log was lost'
"$scripts/start-publisher.sh"
mv "$ALLOT_RUN_DIR/publisher.pid" "$folder/publisher.pid"
printf 'rubbish\n' >"$ALLOT_RUN_DIR/publisher.pid"
if "$scripts/start-publisher.sh" 2>/dev/null; then fail 'started beside a rubbish id'; fi
if "$scripts/stop.sh" 2>/dev/null; then fail 'a rubbish id was passed over'; fi
mv "$folder/publisher.pid" "$ALLOT_RUN_DIR/publisher.pid"
"$scripts/stop.sh"

say 'scripts at the same time start one process, and a long log is put aside'
truncate --size 1M "$ALLOT_RUN_DIR/router.log"
export ALLOT_LOG_MIB=1
for turn in 1 2 3; do "$scripts/start-router.sh" >"$folder/start-$turn" & done
wait
known=$(cat "$folder"/start-[123] | grep -c 'already running' || true)
[ "$known" = 2 ] || fail 'two routers were started'
[ "$(wc -c <"$ALLOT_RUN_DIR/router.log.1")" = 1048576 ] || fail 'the log was not put aside'
[ "$(grep -c '^--- router starts' "$ALLOT_RUN_DIR/router.log")" = 1 ] || fail 'no new log'
"$scripts/stop.sh"
rest=$(find "$ALLOT_RUN_DIR" -type f ! -name '*.log' ! -name '*.log.1')
[ -z "$rest" ] || fail "left behind: $rest"
say 'passed'

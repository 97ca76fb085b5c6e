# The environment of the other scripts, which source this file: the binary, the run directory, and
# functions that start and stop processes. Environment variables:
#   ALLOT_BIN       the binary; default: the release build, which is built first
#   ALLOT_RUN_DIR   directory of sockets, logs and process ids; default: run/ beside scripts/
#   ALLOT_SHARDS    number of shards, unless the script has an argument for it
# Every other setting of `allot config show` works too, for example ALLOT_FRONT.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }

fail() {
    say "$*" >&2
    exit 1
}

mkdir -p "${ALLOT_RUN_DIR:=$root/run}"
ALLOT_RUN_DIR=$(cd "$ALLOT_RUN_DIR" && pwd)
export ALLOT_RUN_DIR

# Builds the binary if none is given.
need_binary() {
    if [ -z "${ALLOT_BIN:-}" ]; then
        (cd "$root" && cargo build --release --quiet --package allot)
        ALLOT_BIN=$(cd "$root" && cd "${CARGO_TARGET_DIR:-target}" && pwd)/release/allot
    fi
    [ -x "$ALLOT_BIN" ] || fail "there is no binary at $ALLOT_BIN; unset ALLOT_BIN to build one"
    export ALLOT_BIN
}

# Prints the id of the process of that name; fails if it is not running.
process_of() {
    local id command
    id=$(cat "$ALLOT_RUN_DIR/$1.pid" 2>/dev/null) || return 1
    # The kernel may have reused the id for another program. A process in state Z has ended.
    command=$(basename "${ALLOT_BIN:-allot}" | cut -c1-15)
    [[ "$(cat "/proc/$id/stat" 2>/dev/null)" == "$id ($command) "[!Z]* ]] || return 1
    printf '%s\n' "$id"
}

# Succeeds if a process that the scripts started is running.
anything_runs() {
    local file
    for file in "$ALLOT_RUN_DIR"/*.pid; do
        if process_of "$(basename "$file" .pid)" >/dev/null; then return 0; fi
    done
    return 1
}

# Chooses the number of shards: the argument, else that of the running processes, else two.
choose_shards() {
    local running='' wanted
    if anything_runs; then running=$(cat "$ALLOT_RUN_DIR/shards" 2>/dev/null || true); fi
    wanted=${1:-${ALLOT_SHARDS:-${running:-2}}}
    if [ -n "$running" ] && [ "$running" != "$wanted" ]; then
        fail "a server with $running shards is running; stop it with scripts/stop.sh"
    fi
    printf '%s\n' "$wanted" >"$ALLOT_RUN_DIR/shards"
    export ALLOT_SHARDS=$wanted
}

# launch NAME ARGUMENT…: runs the binary in the background, and waits until it is ready.
launch() {
    local name=$1 log=$ALLOT_RUN_DIR/$1.log id
    shift
    if id=$(process_of "$name"); then
        say "$name is already running as process $id"
        return
    fi
    need_binary
    nohup "$ALLOT_BIN" "$@" </dev/null >"$log" 2>&1 &
    id=$!
    printf '%s\n' "$id" >"$ALLOT_RUN_DIR/$name.pid"
    until grep -q '^ready\|^listening' "$log"; do
        if ! kill -0 "$id" 2>/dev/null && ! grep -q '^ready\|^listening' "$log"; then
            rm -f "$ALLOT_RUN_DIR/$name.pid"
            cat "$log" >&2
            fail "$name ended before it was ready; its log is above"
        fi
        sleep 0.02
    done
    say "started $name as process $id, log $log"
}

# halt NAME…: stops processes, and waits until they have ended.
halt() {
    local name id turn
    for name in "$@"; do
        if id=$(process_of "$name"); then
            kill -TERM "$id" 2>/dev/null || true
        fi
    done
    for name in "$@"; do
        turn=0
        while id=$(process_of "$name"); do
            turn=$((turn + 1))
            if [ "$turn" -eq 500 ]; then
                say "$name, process $id, does not stop; killing it" >&2
                kill -KILL "$id" 2>/dev/null || true
            fi
            sleep 0.02
        done
        rm -f "$ALLOT_RUN_DIR/$name.pid"
    done
}

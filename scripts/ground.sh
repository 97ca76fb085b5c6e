# Where the other scripts stand: the binary, the run directory, and how processes come and go.
# To be sourced. Chosen by the environment:
#   ALLOT_BIN       the binary; without it the release build, which is made first
#   ALLOT_RUN_DIR   where sockets, logs and process ids are kept; without it run/ beside scripts/
#   ALLOT_SHARDS    how many shards there are, if the script is not told
# and every other setting of `allot config show`, as ALLOT_FRONT or ALLOT_REPORT_EVERY.
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

# Makes sure that there is a binary.
need_binary() {
    if [ -z "${ALLOT_BIN:-}" ]; then
        (cd "$root" && cargo build --release --quiet --package allot)
        ALLOT_BIN=$(cd "$root" && cd "${CARGO_TARGET_DIR:-target}" && pwd)/release/allot
    fi
    [ -x "$ALLOT_BIN" ] || fail "there is no binary $ALLOT_BIN"
    export ALLOT_BIN
}

# The id of the process of that name; fails if it does not run (any more).
process_of() {
    local id command
    id=$(cat "$ALLOT_RUN_DIR/$1.pid" 2>/dev/null) || return 1
    # The kernel may have given the number to somebody else since; and in state Z it has ended.
    command=$(basename "${ALLOT_BIN:-allot}" | cut -c1-15)
    [[ "$(cat "/proc/$id/stat" 2>/dev/null)" == "$id ($command) "[!Z]* ]] || return 1
    printf '%s\n' "$id"
}

# Whether anything runs that the scripts have started.
anything_runs() {
    local file
    for file in "$ALLOT_RUN_DIR"/*.pid; do
        if process_of "$(basename "$file" .pid)" >/dev/null; then return 0; fi
    done
    return 1
}

# How many shards there are: as told, or as the processes that run were told, or two.
settle_shards() {
    local known='' wanted
    if anything_runs; then known=$(cat "$ALLOT_RUN_DIR/shards" 2>/dev/null || true); fi
    wanted=${1:-${ALLOT_SHARDS:-${known:-2}}}
    if [ -n "$known" ] && [ "$known" != "$wanted" ]; then
        fail "the others were started for $known shards, not $wanted; scripts/stop.sh stops them"
    fi
    printf '%s\n' "$wanted" >"$ALLOT_RUN_DIR/shards"
    export ALLOT_SHARDS=$wanted
}

# launch NAME ARGUMENT…: runs the binary in the background, and waits until it says it is there.
launch() {
    local name=$1 log=$ALLOT_RUN_DIR/$1.log id
    shift
    if id=$(process_of "$name"); then
        say "$name runs already as process $id"
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
            fail "$name has ended"
        fi
        sleep 0.02
    done
    say "started $name as process $id, its log is $log"
}

# halt NAME…: asks processes to end, and waits until they have.
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
                say "$name, process $id, does not end when asked to; killing it" >&2
                kill -KILL "$id" 2>/dev/null || true
            fi
            sleep 0.02
        done
        rm -f "$ALLOT_RUN_DIR/$name.pid"
    done
}

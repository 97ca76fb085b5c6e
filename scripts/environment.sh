# The environment of the other scripts, which source this file: the binary, the run directory, and
# functions that start and stop processes. Environment variables:
#   ALLOT_BIN       the binary; default: the release build, which is built first
#   ALLOT_RUN_DIR   directory of sockets, logs and process ids; default: run/ beside scripts/
#   ALLOT_SHARDS    number of shards, unless the script has an argument for it
#   ALLOT_LOG_MIB   a log of so many MiB is put aside when its process starts; default: 16, and the
#                   last five are kept
# Every other setting of `allot config show` works too, for example ALLOT_FRONT.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)

say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }

fail() {
    say "$*" >&2
    exit 1
}

# Prints the comment at the top of the script that was called: its help.
print_help() {
    sed -n '2,/^[^#]/{/^# shellcheck/d;s/^# \{0,1\}//p;}' "$0"
    printf '%s\n' 'Environment variables, see scripts/environment.sh: ALLOT_BIN, ALLOT_RUN_DIR,' \
        'ALLOT_SHARDS, and ALLOT_… for each setting of allot config show.'
}

# Before anything else happens: --help does nothing but help.
for argument in "$@"; do
    case $argument in -h | --help)
        print_help
        exit 0
        ;;
    esac
done

mkdir -p "${ALLOT_RUN_DIR:=$root/run}"
ALLOT_RUN_DIR=$(cd "$ALLOT_RUN_DIR" && pwd)
export ALLOT_RUN_DIR
logs_kept=5

# Scripts that start or stop at the same time take turns: each sees what the one before has done.
# The lock is on the run directory, so nothing is left behind. No process inherits it.
lock() {
    exec 9<"$ALLOT_RUN_DIR"
    flock 9
}

unlock() { exec 9<&-; }

# rotate FILE: puts a long log aside as FILE.1, that as FILE.2, and so on; the oldest is removed.
rotate() {
    local mib=${ALLOT_LOG_MIB:-16} number
    [[ "$mib" =~ ^[1-9][0-9]{0,5}$ ]] ||
        fail "ALLOT_LOG_MIB is '$mib'; use a whole number of MiB from 1 on"
    [ -e "$1" ] && [ "$(wc -c <"$1")" -ge $((mib * 1048576)) ] || return 0
    for ((number = logs_kept; number > 1; number--)); do
        [ ! -e "$1.$((number - 1))" ] || mv "$1.$((number - 1))" "$1.$number"
    done
    mv "$1" "$1.1"
}

# Builds the binary if none is given.
need_binary() {
    if [ -z "${ALLOT_BIN:-}" ]; then
        (cd "$root" && cargo build --release --quiet --package allot)
        ALLOT_BIN=$(cd "$root" && cd "${CARGO_TARGET_DIR:-target}" && pwd)/release/allot
    fi
    [ -x "$ALLOT_BIN" ] || fail "there is no binary at $ALLOT_BIN; unset ALLOT_BIN to build one"
    export ALLOT_BIN
}

# Fails if an argument is left: no_arguments "$@".
no_arguments() {
    [ $# -eq 0 ] || fail "unknown argument '$1'; see $(basename "$0") --help"
}

# Succeeds if the file of that name holds the id of a process, whether or not it runs.
has_id() {
    [[ "$(cat "$ALLOT_RUN_DIR/$1.pid" 2>/dev/null)" =~ ^[1-9][0-9]*$ ]]
}

# Prints the id of the process of that name; fails if it is not running.
process_of() {
    local id command
    has_id "$1" || return 1
    id=$(cat "$ALLOT_RUN_DIR/$1.pid") || return 1
    # The kernel may have reused the id for another program. A process in state Z has ended.
    command=$(basename "${ALLOT_BIN:-allot}" | cut -c1-15)
    [[ "$(cat "/proc/$id/stat" 2>/dev/null)" == "$id ($command) "[!Z]* ]] || return 1
    printf '%s\n' "$id"
}

# Fails if the file of that name is there and holds no id: nobody can tell whether it runs.
check_id() {
    local file=$ALLOT_RUN_DIR/$1.pid
    if [ -e "$file" ] && ! has_id "$1"; then
        fail "$file holds no process id; if $1 is running, stop it by hand, then remove the file"
    fi
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
    [ $# -le 1 ] || fail "one argument at most: the number of shards"
    lock
    if anything_runs; then running=$(cat "$ALLOT_RUN_DIR/shards" 2>/dev/null || true); fi
    wanted=${1:-${ALLOT_SHARDS:-${running:-2}}}
    if ! [[ "$wanted" =~ ^[1-9][0-9]?$ ]] || [ "$wanted" -gt 64 ]; then
        fail "the number of shards is '$wanted'; use a whole number from 1 to 64"
    fi
    if [ -n "$running" ] && [ "$running" != "$wanted" ]; then
        fail "a server with $running shards is running; stop it with scripts/stop.sh"
    fi
    printf '%s\n' "$wanted" >"$ALLOT_RUN_DIR/shards"
    unlock
    export ALLOT_SHARDS=$wanted
}

# launch NAME ARGUMENT…: runs the binary in the background, and waits until it is ready. Its log is
# appended to the one of earlier starts.
launch() {
    local name=$1 log=$ALLOT_RUN_DIR/$1.log id begins
    shift
    need_binary
    lock
    if id=$(process_of "$name"); then
        unlock
        say "$name is already running as process $id"
        return
    fi
    check_id "$name"
    rotate "$log"
    printf -- '--- %s starts at %s\n' "$name" "$(date --iso-8601=seconds)" >>"$log"
    begins=$(($(wc -c <"$log") + 1))
    nohup "$ALLOT_BIN" "$@" </dev/null >>"$log" 2>&1 9<&- &
    id=$!
    # Under another name first: a disk without room leaves no file without an id.
    if ! { printf '%s\n' "$id" >"$ALLOT_RUN_DIR/$name.new" &&
        mv "$ALLOT_RUN_DIR/$name.new" "$ALLOT_RUN_DIR/$name.pid"; }; then
        kill -TERM "$id" 2>/dev/null || true
        rm -f "$ALLOT_RUN_DIR/$name.new"
        fail "cannot write $ALLOT_RUN_DIR/$name.pid; stopped $name"
    fi
    # Until it is the binary it is this shell, and nobody would know it for running.
    until process_of "$name" >/dev/null || ! kill -0 "$id" 2>/dev/null; do sleep 0.01; done
    unlock
    until tail -c "+$begins" "$log" | grep -q '^ready\|^listening'; do
        if ! kill -0 "$id" 2>/dev/null &&
            ! tail -c "+$begins" "$log" | grep -q '^ready\|^listening'; then
            rm -f "$ALLOT_RUN_DIR/$name.pid"
            tail -c "+$begins" "$log" >&2
            fail "$name ended before it was ready; its log is above and in $log"
        fi
        sleep 0.02
    done
    say "started $name as process $id, log $log"
}

# stop_processes NAME…: stops processes, and waits until they have ended.
stop_processes() {
    local name id turn
    # A start that is under way is finished first.
    lock
    unlock
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
        if has_id "$name"; then rm -f "$ALLOT_RUN_DIR/$name.pid"; fi
    done
}

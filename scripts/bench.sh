#!/usr/bin/env bash
# Runs the kernel benches: the rules alone, without sockets and threads. Takes three minutes.
# Arguments go to cargo bench, and those after -- to the benches:
#   bench.sh -- --quick                    all benches, less exact, in a minute
#   bench.sh --bench kernel -- accounts/5  one bench, and only its groups with this text
set -euo pipefail

case ${1:-} in -h | --help)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec cargo bench --package allot-bench "$@"

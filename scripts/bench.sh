#!/usr/bin/env bash
# Measures the rules alone, without sockets and threads: the kernel benches, in three minutes.
# Arguments go to cargo bench, and those behind -- to the benches, as in
#   bench.sh -- --quick                    all of them, roughly, in a minute
#   bench.sh --bench kernel -- accounts/5  one bench, and of its groups those with this text
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec cargo bench --package allot-bench "$@"

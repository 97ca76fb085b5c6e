#!/usr/bin/env bash
# Measures the rules alone, without sockets and threads: the kernel benches.
# Arguments go to cargo bench, as in: bench.sh --bench kernel
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec cargo bench --package allot-bench "$@"

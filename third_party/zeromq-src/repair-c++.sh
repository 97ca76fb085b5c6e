#!/bin/sh
# The C++ compiler, but libzmq's stream_engine_base.cpp is compiled from a repaired copy.
#
# libzmq 4.3.5 aborts the whole process where a PING has to be answered on a connection that has
# just broken (its issues 3937 and 4767): any client that sends heartbeats can do that to a server.
# There is nothing to write on a broken connection, so the repaired function returns.
# ALLOT_REPAIR_DIR is where the copy goes, ALLOT_REPAIR_CXX the real compiler.
set -eu

count=$#
while [ "$count" -gt 0 ]; do
    word=$1
    shift
    case $word in
    */stream_engine_base.cpp)
        copy=$ALLOT_REPAIR_DIR/stream_engine_base.cpp
        sed '/_base_t::out_event ()/,/^}/s/zmq_assert (!_io_error);/if (_io_error) return;/' \
            "$word" >"$copy"
        # The function has the assertion, and so the copy differs, or this is another libzmq.
        if cmp -s "$word" "$copy"; then
            echo "repair-c++.sh: $word is not the file it repairs" >&2
            exit 1
        fi
        word=$copy
        ;;
    esac
    set -- "$@" "$word"
    count=$((count - 1))
done
exec $ALLOT_REPAIR_CXX "$@"

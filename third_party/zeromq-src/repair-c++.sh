#!/bin/sh
# The C++ compiler, but three files of libzmq are compiled from a repaired copy.
#
# libzmq 4.3.5 aborts the whole process where it takes for granted what a client can prevent:
# - stream_engine_base.cpp: a PING has to be answered on a connection that has just broken (its
#   issues 3937 and 4767). Any client that sends heartbeats can do that to a server. There is
#   nothing to write on a broken connection, so the repaired function returns.
# - zmtp_engine.cpp, ws_engine.cpp: the routing id of a peer of ZMTP 1.0 or 2.0, or of a WebSocket,
#   comes while the socket closes and its pipe takes nothing more. Any client that connects can do
#   that to a process that stops. The repaired function returns -1, as the others of an engine do:
#   the message is kept, and goes with the connection.
# ALLOT_REPAIR_DIR is where the copies go, ALLOT_REPAIR_CXX the real compiler.
set -eu

# The pushes of process_routing_id_msg: an assertion after each. The others there are of messages.
push='/session ()->push_msg (/{n;s/errno_assert (rc == 0);/if (rc == -1) return -1;/;}'
routing_id="/engine_t::process_routing_id_msg (msg_t/,/^}/{$push}"

count=$#
while [ "$count" -gt 0 ]; do
    word=$1
    shift
    case $word in
    */stream_engine_base.cpp)
        repair='/_base_t::out_event ()/,/^}/s/zmq_assert (!_io_error);/if (_io_error) return;/'
        expected=1
        ;;
    */zmtp_engine.cpp) repair=$routing_id expected=2 ;;
    */ws_engine.cpp) repair=$routing_id expected=1 ;;
    *) expected=0 ;;
    esac
    if [ "$expected" -gt 0 ]; then
        copy=$ALLOT_REPAIR_DIR/${word##*/}
        sed "$repair" "$word" >"$copy"
        # So many lines differ, or this is another libzmq.
        repaired=$(diff "$word" "$copy" | grep -c '^>') || true
        if [ "$repaired" -ne "$expected" ]; then
            echo "repair-c++.sh: $word is not the file it repairs" >&2
            exit 1
        fi
        word=$copy
    fi
    set -- "$@" "$word"
    count=$((count - 1))
done
exec $ALLOT_REPAIR_CXX "$@"

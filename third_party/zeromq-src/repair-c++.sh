#!/bin/sh
# The C++ compiler, but five files of libzmq are compiled from a repaired copy.
#
# libzmq 4.3.5 bounds its queues in messages, whatever their length, and a message not at all:
# - pipe.cpp: a message counts as one for the high water, and as one more for each 64 KiB of its
#   last frame, so that a queue that is long enough for short messages is not too long for long
#   ones. And a message of more than 1,024 frames is not taken: each frame takes 64 bytes here,
#   and its sender two.
# - session_base.cpp: the connection of who sends such a message is closed.
#
# It aborts the whole process where it takes for granted what a client can prevent:
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
# Units of messages are counted when they are written, read, and thrown away unread. The lower 16
# bits of _msgs_written count the frames of the message that is not finished.
units='1 + (msg_->size () >> 16)'
too_many='if (more \&\& (_msgs_written \& 0xffff) == 1024)'
weigh="/^bool zmq::pipe_t::read (/,/^}/{
    s/    if (!(msg_->flags/    uint64_t units = 0; if (!(msg_->flags/
    s/_msgs_read++/_msgs_read += units = $units/
    s/_msgs_read % _lwm == 0/_msgs_read % _lwm < units/
}
s/_out_pipe->write (.msg_, more)/$too_many return false; _msgs_written += more; &/
s/_msgs_written++/_msgs_written = ((_msgs_written >> 16) + $units) << 16/
s/_msgs_written--/_msgs_written -= (1 + (msg.is_delimiter () ? 0 : msg.size () >> 16)) << 16/
s/_msgs_written - _peers/(_msgs_written >> 16) - _peers/
s/zmq_assert (msg.flags () . msg_t::more);/& --const_cast<pipe_t *> (this)->_msgs_written;/"
# A message is not taken though the queue has room: it has too many frames.
full='_pipe \&\& _pipe->check_write () ? EPROTO : EAGAIN'
refuse="/^int zmq::session_base_t::push_msg (/,/^}/s/errno = EAGAIN/errno = $full/"
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
    */pipe.cpp) repair=$weigh expected=10 ;;
    */session_base.cpp) repair=$refuse expected=1 ;;
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

//! What is read of the door next, and what is set aside.

use std::collections::VecDeque;

use allot_runtime::{Envelope, Stage};
use allot_wire::backplane::ClientHandle;

use super::Replies;
use crate::limits::{
    LONG_LEN_FULL, RECORD_LEN_LEAST, SET_ASIDE_ENTRY_LEN, SET_ASIDE_LEN_FULL, SET_ASIDE_LEN_MAX,
    SET_ASIDE_LEN_MAX_OF_ALL, SLICE_LEN_FULL, SPARE_ENVELOPES,
};
use crate::progress::Progress;

/// When a message from the door is read.
enum Place {
    Now(Progress),
    Later,
}

impl Replies {
    /// Takes the next message that is to be read, if there is one, and how far it is admitted: by
    /// turns those from the door that are as long as a slice together, and one that was set aside.
    /// Many short messages so wait for one slice of a long one, and not for a slice each.
    pub(crate) fn receive(&mut self, envelope: &mut Envelope) -> Option<Progress> {
        let began = self.stages.begin(Stage::Receive);
        let received = loop {
            let is_door_next = self.short_len < SLICE_LEN_FULL && self.long_len < LONG_LEN_FULL;
            let received = if is_door_next {
                self.receive_next(envelope).or_else(|| self.take_back(envelope))
            } else {
                self.take_back(envelope).or_else(|| self.receive_next(envelope))
            };
            if received.is_some() || self.long_len < LONG_LEN_FULL {
                break received;
            }
            // No client that waits may go on, and the door may have more.
            self.long_len = 0;
        };
        if received.is_some() {
            self.stages.end(Stage::Receive, began);
        }
        received
    }

    /// Takes a message from the door; those of clients whose messages wait are set aside, and so
    /// are long ones: short ones behind them would wait for a slice of each.
    fn receive_next(&mut self, envelope: &mut Envelope) -> Option<Progress> {
        while self.door.receive(envelope) {
            let len = envelope.body().len();
            let is_long = SLICE_LEN_FULL < len;
            let share = if is_long { &mut self.long_len } else { &mut self.short_len };
            *share = share.saturating_add(len + RECORD_LEN_LEAST);
            let client = if is_long {
                self.clients.arrive(envelope.identity(), envelope.delimiter())
            } else if self.parked.is_empty() && self.set_aside.is_empty() {
                None
            } else {
                self.clients.find(envelope.identity())
            };
            let Some(client) = client else {
                return Some(Progress::default());
            };
            match self.place_of_next(client, is_long) {
                Place::Now(progress) => return Some(progress),
                Place::Later => {
                    let message = (self.take_envelope(envelope), Progress::default());
                    self.set_aside(client, message, VecDeque::push_back);
                }
            }
            if LONG_LEN_FULL <= self.long_len {
                break;
            }
        }
        None
    }

    /// Messages of a client keep their order, while it may have them wait. Beyond that they are
    /// refused as `busy`; but not those of a client that does not read, for that would make more
    /// replies.
    fn place_of_next(&mut self, handle: ClientHandle, is_long: bool) -> Place {
        let client = self.clients.get(handle).expect("it was found just now");
        if client.set_aside.is_empty() && !client.is_behind() && !is_long {
            Place::Now(Progress::default())
        } else if client.is_behind() || client.set_aside_len < SET_ASIDE_LEN_FULL {
            Place::Later
        } else {
            Place::Now(Progress { is_too_much: true, ..Progress::default() })
        }
    }

    /// Sets the rest of a message aside, before those that the client sent after it.
    pub(crate) fn pause(
        &mut self,
        handle: ClientHandle,
        envelope: &mut Envelope,
        progress: Progress,
    ) {
        let message = (self.take_envelope(envelope), progress);
        self.set_aside(handle, message, VecDeque::push_front);
    }

    /// Takes what is in an envelope that is filled again, to be kept.
    fn take_envelope(&mut self, envelope: &mut Envelope) -> Envelope {
        let mut message = std::mem::replace(envelope, self.spare.pop().unwrap_or_default());
        message.shrink();
        message
    }

    fn set_aside(
        &mut self,
        handle: ClientHandle,
        message: (Envelope, Progress),
        push: impl FnOnce(&mut VecDeque<(Envelope, Progress)>, (Envelope, Progress)),
    ) {
        // It may have been given up while its message was read.
        let Some(client) = self.clients.get(handle) else {
            return;
        };
        if client.set_aside.is_empty() {
            self.set_aside.push_back(handle);
        }
        let len = set_aside_len(&message.0);
        push(&mut client.set_aside, message);
        client.set_aside_len += len;
        self.set_aside_len += len;
        let is_over = SET_ASIDE_LEN_MAX < client.set_aside_len;
        if is_over {
            self.drop_client(handle);
        } else if SET_ASIDE_LEN_MAX_OF_ALL < self.set_aside_len {
            let clients = &mut self.clients;
            let len = |one: &ClientHandle| clients.get(*one).map_or(0, |one| one.set_aside_len);
            let fullest = self.set_aside.iter().copied().max_by_key(len);
            self.drop_client(fullest.expect("some are set aside"));
        }
    }

    /// Takes a message that was set aside of a client that may go on, a client after the other.
    fn take_back(&mut self, envelope: &mut Envelope) -> Option<Progress> {
        for _ in 0..self.set_aside.len() {
            let handle = self.set_aside.pop_front().expect("there are so many");
            let owes_enough = self.owes_enough(handle);
            let Some(client) = self.clients.get(handle) else {
                continue;
            };
            let waits = owes_enough || client.is_behind();
            let taken = if waits { None } else { client.set_aside.pop_front() };
            let len = taken.as_ref().map_or(0, |(envelope, _)| set_aside_len(envelope));
            client.set_aside_len -= len;
            self.set_aside_len -= len;
            if !client.set_aside.is_empty() {
                self.set_aside.push_back(handle);
            }
            if let Some((message, progress)) = taken {
                let emptied = std::mem::replace(envelope, message);
                if self.spare.len() < SPARE_ENVELOPES {
                    self.spare.push(emptied);
                }
                (self.short_len, self.long_len) = (0, 0);
                return Some(progress);
            }
        }
        None
    }
}

/// What a message takes that is set aside.
fn set_aside_len(envelope: &Envelope) -> usize {
    envelope.body().len() + SET_ASIDE_ENTRY_LEN
}

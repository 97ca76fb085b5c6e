//! What is on its way, and whom it reaches.

use super::*;

impl World {
    /// Sends a message: once, or as a bad network does it.
    pub(super) fn send(&mut self, message: Message) {
        let copies = match self.network_is_bad {
            false => 1,
            true if self.prng.percent(25) => 0,
            true if self.prng.percent(15) => 2,
            true => 1,
        };
        for _ in 0..copies {
            let longest = if self.network_is_bad { 400 * MS } else { 4 * MS };
            let delay = 1 + self.prng.below(longest);
            self.at(self.time + delay, Event::Deliver(message.clone()));
        }
    }

    pub(super) fn deliver(&mut self, message: Message) {
        match message {
            Message::Ask { generator, origin, ask } => self.take_ask(generator, origin, ask),
            Message::Signal { generator, origin, answer, skew } => {
                self.take_signal(generator, origin, answer, skew);
            }
            Message::Request { origin, request } => self.take_request(origin, request),
            Message::Answer { origin, answer } => {
                let strategy = &mut self.strategies[origin.strategy].process;
                let now = strategy.now(self.time);
                let mut out = Vec::new();
                if let Some(machine) =
                    strategy.machine.as_mut().filter(|_| strategy.run == origin.run)
                {
                    machine.trader_reply(now, origin.seq, answer, &mut out);
                }
                self.do_strategy(origin.strategy, out);
            }
        }
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket::new(self.next_ticket)
    }
}

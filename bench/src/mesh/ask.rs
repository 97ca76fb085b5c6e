//! Ask: what a peer says of its state.

use std::time::Duration;

use allot_mesh_rules::StrategyName;
use allot_mesh_service::{Frame, PeerStatus, RequestNumber};
use allot_runtime::{Clock, Context as Sockets, Link, LinkOptions, PollSet};
use anyhow::{Context, Result, ensure};

use super::place::PATIENCE;

/// How long nothing is asked again.
const PAUSE: Duration = Duration::from_millis(5);

/// A connection to the door of each of some peers.
pub(super) struct Asker {
    links: Vec<Link>,
    clock: Clock,
    number: RequestNumber,
}

impl Asker {
    pub(super) fn connect<'a>(addresses: impl Iterator<Item = &'a str>) -> Result<Self> {
        let sockets = Sockets::new()?;
        let dealer = |address| Link::dealer(&sockets, address, None, LinkOptions::default());
        let links = addresses.map(dealer).collect::<Result<_, _>>()?;
        Ok(Self { links, clock: Clock::system(), number: RequestNumber::new(1) })
    }

    /// The first page of the state of each, once a peer is there.
    pub(super) fn states(&mut self) -> Result<Vec<PeerStatus>> {
        (0..self.links.len()).map(|at| self.state(at)).collect()
    }

    fn state(&mut self, at: usize) -> Result<PeerStatus> {
        self.number = self.number.next();
        let ask = Frame::AskStatus(self.number, None::<StrategyName>);
        let (mut frame, mut received) = (Vec::new(), Vec::new());
        let gives_up_at = self.clock.now() + PATIENCE;
        let mut is_sent = false;
        loop {
            let now = self.clock.now();
            ensure!(now < gives_up_at, "a peer does not reply");
            let link = self.links.get_mut(at).context("there is a link to each")?;
            if !is_sent {
                ask.encode(&mut frame);
                is_sent = link.send(&mut frame).is_ok();
            }
            while link.receive(&mut received) {
                if let Ok(Frame::Status(number, state)) = Frame::decode(&received)
                    && number == self.number
                {
                    return Ok(*state);
                }
            }
            let mut poll_set = PollSet::without_waker();
            link.wait_on(&mut poll_set);
            // What was sent to a connection that breaks is asked again.
            poll_set.sleep(Some(if is_sent { PAUSE * 100 } else { PAUSE }));
            is_sent &= link.is_connected();
        }
    }

    /// Asks until all states are as they should be; gives them.
    pub(super) fn until(
        &mut self,
        is_right: impl Fn(&[PeerStatus]) -> bool,
    ) -> Result<Vec<PeerStatus>> {
        let gives_up_at = self.clock.now() + PATIENCE;
        loop {
            let states = self.states()?;
            if is_right(&states) {
                return Ok(states);
            }
            ensure!(self.clock.now() < gives_up_at, "the peers do not agree");
            pause(PAUSE);
        }
    }
}

/// Whether all have the same rows.
pub(super) fn are_equal(states: &[PeerStatus]) -> bool {
    let has_same =
        |pair: &[PeerStatus]| matches!(pair, [a, b] if (a.digest, a.rows) == (b.digest, b.rows));
    states.windows(2).all(has_same)
}

/// Waits for a while, in which nothing happens here.
pub(super) fn pause(span: Duration) {
    PollSet::without_waker().sleep(Some(span));
}

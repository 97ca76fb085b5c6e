//! A feed crew: the feeds of this process, all on one thread, and what has become of them.

use crate::signals::Request;
use crate::wiring;
use allot_feeds::{
    AumConfig, AumFeed, FeedProgress, FillConfig, FillFeed, ReplyLog, Source, Summary, Tally,
    Weights,
};
use allot_runtime::{
    Agent, Clock, Context, Counters, Crew, CurveKey, Link, Running, ThreadSlot, Threads,
    WaitStrategy, Waker,
};
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Feeds that do not run yet.
pub(crate) struct FeedCrew {
    context: Context,
    front: String,
    front_key: Option<CurveKey>,
    crew: Crew,
    slot: ThreadSlot,
    progress: Vec<FeedProgress>,
    counters: Vec<(String, Counters)>,
    /// Where replies are logged.
    log_path: Option<String>,
}

/// Feeds that run.
pub(crate) struct Feeds {
    running: Running,
    front: String,
    waker: Waker,
    progress: Vec<FeedProgress>,
    is_ending: Arc<AtomicBool>,
    /// What each counts, by its source.
    pub(crate) counters: Vec<(String, Counters)>,
}

impl FeedCrew {
    /// No feeds yet, for the server at this front door, with this key if it encrypts.
    pub(crate) fn new(front: &str, front_key: Option<CurveKey>) -> Result<Self> {
        let wait = WaitStrategy::default();
        let mut crew = Crew::new(Clock::system(), wait, Threads::Shared);
        let slot = crew.thread("feeds")?;
        let (progress, counters) = (Vec::new(), Vec::new());
        Ok(Self {
            context: Context::new()?,
            front: front.to_owned(),
            front_key,
            crew,
            slot,
            progress,
            counters,
            log_path: None,
        })
    }

    /// The feeds that are added from here on log their replies to this file.
    pub(crate) fn log_replies(&mut self, path: Option<&str>) {
        self.log_path = path.map(str::to_owned);
    }

    fn link(&self) -> Result<Link> {
        wiring::feed_to_front(&self.context, &self.front, self.front_key)
    }

    fn reply_log(&self) -> Result<Option<ReplyLog>> {
        Ok(self.log_path.as_deref().map(ReplyLog::open).transpose()?)
    }

    /// One more source of fills.
    pub(crate) fn add_fills(&mut self, config: FillConfig, source: Box<dyn Source>) -> Result<()> {
        let (link, counters) = (self.link()?, Counters::new());
        let mut feed = FillFeed::new(config, source, link, counters.clone())?;
        self.reply_log()?.into_iter().for_each(|log| feed.log_replies(log));
        let progress = feed.progress();
        self.add(Box::new(feed), progress, counters);
        Ok(())
    }

    /// One more source of splits.
    pub(crate) fn add_splits(&mut self, config: AumConfig, weights: Weights) -> Result<()> {
        let (link, counters) = (self.link()?, Counters::new());
        let mut feed = AumFeed::new(config, weights, link, counters.clone());
        self.reply_log()?.into_iter().for_each(|log| feed.log_replies(log));
        let progress = feed.progress();
        self.add(Box::new(feed), progress, counters);
        Ok(())
    }

    fn add(&mut self, feed: Box<dyn Agent>, progress: FeedProgress, counters: Counters) {
        self.counters.push((feed.role().to_owned(), counters));
        self.progress.push(progress);
        self.crew.add(&self.slot, feed);
    }

    /// Sends them off.
    pub(crate) fn start(self) -> Result<Feeds> {
        let Self { context: _, front_key: _, front, crew, slot, progress, counters, log_path: _ } =
            self;
        let (waker, is_ending) = (slot.waker().clone(), Arc::default());
        Ok(Feeds { running: crew.start()?, front, waker, progress, is_ending, counters })
    }
}

impl Feeds {
    /// Waits a while, or until their thread has failed; true if there is nothing to wait for.
    pub(crate) fn wait(&mut self, while_: Duration) -> bool {
        self.running.wait(while_) || self.are_finished()
    }

    /// Whether all of them are done, or their thread has failed.
    pub(crate) fn are_finished(&self) -> bool {
        self.progress.iter().all(FeedProgress::is_finished) || !self.running.is_alive()
    }

    /// How often something happened to any of them.
    pub(crate) fn get(&self, tally: Tally) -> u64 {
        self.progress.iter().map(|progress| progress.get(tally)).sum()
    }

    /// How many messages there will be in all, where that is known of each of them.
    pub(crate) fn expected(&self) -> Option<u64> {
        self.progress.iter().map(FeedProgress::expected).sum()
    }

    /// Whether somebody has asked for their end.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::SeqCst)
    }

    /// The front door that they send to.
    pub(crate) fn front(&self) -> &str {
        &self.front
    }

    /// The names under which they send.
    pub(crate) fn sources(&self) -> Vec<&str> {
        self.progress.iter().map(|progress| progress.source().as_str()).collect()
    }

    /// What makes them send nothing new, and end when all is answered.
    pub(crate) fn ender(&self) -> Request {
        let (progress, waker) = (self.progress.clone(), self.waker.clone());
        let is_ending = Arc::clone(&self.is_ending);
        Box::new(move || {
            is_ending.store(true, Ordering::SeqCst);
            progress.iter().for_each(FeedProgress::end_early);
            waker.wake();
        })
    }

    /// Ends their thread, whatever they wait for, and says what came of each.
    pub(crate) fn stop(self) -> Result<Vec<Summary>> {
        self.running.stop();
        self.running.join()?;
        Ok(self.progress.iter().map(FeedProgress::summary).collect())
    }
}

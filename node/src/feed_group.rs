//! A feed group: the feeds of this process, all on one thread, and their progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allot_feeds::{
    AumConfig, AumFeed, FeedProgress, FillConfig, FillFeed, GaveUp, ReplyLog, Source, Summary,
    Tally, Weights,
};
use allot_runtime::{
    Agent, Clock, Context, Counters, CurveKey, Link, Running, ThreadGroup, ThreadSlot, Threads,
    WaitStrategy, Waker,
};
use anyhow::Result;

use crate::signals::Request;
use crate::{front_probe, wiring};

/// Feeds that do not run yet.
pub(crate) struct FeedGroup {
    context: Context,
    front: String,
    front_key: Option<CurveKey>,
    clock: Clock,
    group: ThreadGroup,
    slot: ThreadSlot,
    progress: Vec<FeedProgress>,
    counters: Vec<(String, Counters)>,
    /// The file of the replies.
    replies: Option<String>,
}

/// Feeds that run.
pub(crate) struct Feeds {
    running: Running,
    context: Context,
    front_key: Option<CurveKey>,
    front: String,
    waker: Waker,
    progress: Vec<FeedProgress>,
    is_ending: Arc<AtomicBool>,
    /// The counters of each feed, by source.
    pub(crate) counters: Vec<(String, Counters)>,
}

impl FeedGroup {
    /// A group without feeds, for the server at this front door, which has this key if it encrypts.
    pub(crate) fn new(front: &str, front_key: Option<CurveKey>) -> Result<Self> {
        let wait = WaitStrategy::default();
        let clock = Clock::system();
        let mut group = ThreadGroup::new(clock.clone(), wait, Threads::Shared);
        let slot = group.thread("feeds")?;
        let progress = Vec::new();
        let counters = Vec::new();
        Ok(Self {
            context: Context::new()?,
            front: front.to_owned(),
            front_key,
            clock,
            group,
            slot,
            progress,
            counters,
            replies: None,
        })
    }

    /// Feeds that are added later append their replies to this file.
    pub(crate) fn store_replies(&mut self, path: Option<&str>) {
        self.replies = path.map(str::to_owned);
    }

    fn link(&self) -> Result<Link> {
        wiring::feed_to_front(&self.context, &self.front, self.front_key)
    }

    fn reply_log(&self) -> Result<Option<ReplyLog>> {
        Ok(self.replies.as_deref().map(ReplyLog::open).transpose()?)
    }

    /// Adds a source of fills.
    pub(crate) fn add_fills(&mut self, config: FillConfig, source: Box<dyn Source>) -> Result<()> {
        let link = self.link()?;
        let counters = Counters::new();
        let mut feed = FillFeed::new(config, source, link, counters.clone())?;
        feed.time_replies_by(self.clock.clone());
        self.reply_log()?.into_iter().for_each(|log| feed.log_replies(log));
        let progress = feed.progress();
        self.add(Box::new(feed), progress, counters);
        Ok(())
    }

    /// Adds a source of splits.
    pub(crate) fn add_splits(&mut self, config: AumConfig, weights: Weights) -> Result<()> {
        let link = self.link()?;
        let counters = Counters::new();
        let mut feed = AumFeed::new(config, weights, link, counters.clone());
        feed.time_replies_by(self.clock.clone());
        self.reply_log()?.into_iter().for_each(|log| feed.log_replies(log));
        let progress = feed.progress();
        self.add(Box::new(feed), progress, counters);
        Ok(())
    }

    fn add(&mut self, feed: Box<dyn Agent>, progress: FeedProgress, counters: Counters) {
        self.counters.push((feed.role().to_owned(), counters));
        self.progress.push(progress);
        self.group.add(&self.slot, feed);
    }

    /// Starts the feeds.
    pub(crate) fn start(self) -> Result<Feeds> {
        let Self { context, front_key, front, group, slot, progress, counters, .. } = self;
        let waker = slot.waker().clone();
        let is_ending = Arc::default();
        let running = group.start()?;
        Ok(Feeds { running, context, front_key, front, waker, progress, is_ending, counters })
    }
}

impl Feeds {
    /// Waits for this long, or until their thread fails; true if there is nothing left to wait for.
    pub(crate) fn wait(&mut self, while_: Duration) -> bool {
        self.running.wait(while_) || self.are_finished()
    }

    /// Whether all of them are done, or their thread has failed.
    pub(crate) fn are_finished(&self) -> bool {
        self.progress.iter().all(FeedProgress::is_finished) || !self.running.is_alive()
    }

    /// A tally, summed over all feeds.
    pub(crate) fn get(&self, tally: Tally) -> u64 {
        self.progress.iter().map(|progress| progress.get(tally)).sum()
    }

    /// The number of messages in total, if every feed knows its own.
    pub(crate) fn expected(&self) -> Option<u64> {
        self.progress.iter().map(FeedProgress::expected).sum()
    }

    /// Whether a stop was requested.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::SeqCst)
    }

    /// The front door that they send to.
    pub(crate) fn front(&self) -> &str {
        &self.front
    }

    /// Why they hear nothing from the front door, for an operator. It takes up to a few seconds.
    pub(crate) fn examine_front(&self) -> String {
        front_probe::examine(&self.context, &self.front, self.front_key, front_probe::LONGEST)
            .unwrap_or_else(|error| error.to_string())
    }

    /// That one of them has ended because the server took nothing for too long.
    pub(crate) fn gave_up(&self) -> Option<GaveUp> {
        self.progress.iter().find_map(|progress| progress.summary().gave_up().cloned())
    }

    /// What wakes their thread, when a source has something new.
    pub(crate) const fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Why messages were rejected, the last code of all feeds; none without a rejection.
    pub(crate) fn rejection(&self) -> Option<String> {
        let summaries = self.progress.iter().map(FeedProgress::summary);
        summaries.filter_map(|summary| summary.rejections().keys().last().cloned()).next_back()
    }

    /// Their source names.
    pub(crate) fn sources(&self) -> Vec<&str> {
        self.progress.iter().map(|progress| progress.source().as_str()).collect()
    }

    /// A request that stops them: they send nothing new, and end when every message has its reply.
    pub(crate) fn stopper(&self) -> Request {
        let progress = self.progress.clone();
        let waker = self.waker.clone();
        let is_ending = Arc::clone(&self.is_ending);
        Box::new(move || {
            is_ending.store(true, Ordering::SeqCst);
            progress.iter().for_each(FeedProgress::end_early);
            waker.wake();
        })
    }

    /// Stops their thread at once, and returns their summaries.
    pub(crate) fn stop(self) -> Result<Vec<Summary>> {
        self.running.stop();
        self.running.join()?;
        Ok(self.progress.iter().map(FeedProgress::summary).collect())
    }
}

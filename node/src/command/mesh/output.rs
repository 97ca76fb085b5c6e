//! Output: what a peer prints, on a thread of its own: a slow reader delays nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use allot_mesh_rules::{Row, StrategyName, Symbol, Unix};
use allot_mesh_service::{MemberChange, ViewBoard, ViewChanges, ViewRow};
use allot_runtime::{Agent, Nanos, StopRequest};

use super::table;
use crate::stdout::print;

/// The table is printed no more often than this.
const TABLE_EVERY: Duration = Duration::from_millis(250);

/// How changes are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// The whole view, when it has changed.
    Table,
    /// A line for each change.
    Json,
}

/// The thread's agent.
pub(super) struct Output {
    name: StrategyName,
    style: Style,
    board: ViewBoard,
    /// The view, and who is away, as they were printed or will be.
    rows: BTreeMap<(StrategyName, Symbol), Row>,
    away: BTreeMap<StrategyName, Unix>,
    is_changed: bool,
    /// What was there at the start has come, or was waited for.
    is_complete: bool,
    next_at: Nanos,
    /// Something may have changed that is not due yet.
    waits: bool,
    /// What stops the peer when standard output takes no more lines.
    stop: StopRequest,
    failure: Option<String>,
}

impl Output {
    pub(super) fn new(
        name: StrategyName,
        style: Style,
        board: ViewBoard,
        stop: StopRequest,
    ) -> Self {
        Self {
            name,
            style,
            board,
            rows: BTreeMap::new(),
            away: BTreeMap::new(),
            is_changed: false,
            is_complete: false,
            next_at: Nanos::ZERO,
            waits: false,
            stop,
            failure: None,
        }
    }

    fn show(&mut self, changes: ViewChanges) {
        if let Some(incarnation) = changes.started {
            self.say(&match self.style {
                Style::Json => table::json(|object| {
                    object.plain("type", "started");
                    object.plain("name", self.name.as_str());
                    table::write_incarnation(incarnation, object);
                }),
                Style::Table => format!("started {}, incarnation {incarnation}", self.name),
            });
        }
        self.is_complete |= changes.is_complete;
        match self.style {
            Style::Json => {
                let lines: Vec<_> = json_lines(&changes).collect();
                lines.iter().for_each(|line| self.say(line));
            }
            Style::Table => self.note(changes),
        }
    }

    fn note(&mut self, changes: ViewChanges) {
        for (key, row) in changes.rows {
            let shown = |row: &Row| (row.position, row.updated);
            let before = self.rows.insert(key, row);
            // A version alone is in no column.
            self.is_changed |= before.as_ref().map(shown) != Some(shown(&row));
        }
        for (name, change) in changes.members {
            self.is_changed |= match change {
                MemberChange::Away(since) => self.away.insert(name, since) != Some(since),
                MemberChange::Joined(..) | MemberChange::Back | MemberChange::Forgotten => {
                    self.away.remove(&name).is_some()
                }
            };
        }
    }

    /// Whether the table is due; the first one comes when the peer takes trades, and has what was
    /// there then.
    fn is_shown_at(&self, now: Nanos) -> bool {
        self.is_changed && self.is_complete && self.next_at <= now
    }

    fn say(&mut self, text: &str) {
        if self.failure.is_none()
            && let Err(error) = print(text)
        {
            self.failure = Some(format!("{error:#}"));
            self.stop.make();
        }
    }
}

fn json_lines(changes: &ViewChanges) -> impl Iterator<Item = String> {
    let members = changes.members.iter().map(|(name, change)| {
        table::json(|object| {
            object.plain("type", "member");
            object.plain("name", name.as_str());
            match change {
                MemberChange::Joined(address, incarnation) => {
                    object.plain("state", "joined");
                    object.text("address", address.as_str());
                    table::write_incarnation(*incarnation, object);
                }
                MemberChange::Away(since) => {
                    object.plain("state", "away");
                    object.time("since", since.get());
                }
                MemberChange::Back => object.plain("state", "back"),
                MemberChange::Forgotten => object.plain("state", "forgotten"),
            }
        })
    });
    let rows = changes.rows.iter().map(|((owner, _), row)| {
        table::json(|object| {
            object.plain("type", "position");
            table::write_row(&ViewRow { owner: *owner, row: *row }, object);
        })
    });
    members.chain(rows)
}

impl Agent for Output {
    fn role(&self) -> &'static str {
        "output"
    }

    fn do_work(&mut self, now: Nanos) -> usize {
        self.waits = now < self.next_at;
        if self.waits {
            return 0;
        }
        let changes = self.board.take();
        let mut done = usize::from(!changes.is_empty());
        self.show(changes);
        if self.is_shown_at(now) {
            self.is_changed = false;
            self.next_at = now + TABLE_EVERY;
            let rows = self.rows.iter().map(|((owner, _), row)| (owner, row));
            let page = table::view(rows, &self.away);
            self.say(&format!("{page}\n"));
            done += 1;
        }
        done
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn wake_at(&self) -> Nanos {
        if self.waits { self.next_at } else { Nanos::MAX }
    }

    fn close(&mut self, now: Nanos) {
        // What was changed last is shown, too.
        self.next_at = now;
        self.do_work(now);
    }
}

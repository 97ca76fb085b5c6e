//! The screen: where somebody is in `allot top`, and what each key does there.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::top::command::{Command, Place, View};
use crate::top::sheet::{Cut, SORTS};
use crate::top::snapshot::Snapshot;

/// Signs of a command; a longer one is not typed on purpose.
const TYPED_MAX: usize = 120;

/// What is shown, and how.
#[derive(Default)]
pub(crate) struct Screen {
    pub(crate) place: Place,
    pub(crate) sort: usize,
    pub(crate) is_down: bool,
    /// The first row and the first ticker that are shown.
    pub(crate) row: usize,
    pub(crate) ticker: usize,
    pub(crate) mode: Mode,
    /// What was wrong with the last command.
    pub(crate) message: Option<String>,
    /// What is shown while the server goes on.
    pub(crate) paused: Option<Snapshot>,
    /// Rows that the screen had room for, and that there were, when it was painted last.
    pub(crate) rows_shown: usize,
    pub(crate) rows_found: usize,
    pub(crate) ends: bool,
}

/// What keys mean.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Mode {
    #[default]
    Browse,
    /// A command that begins with `:` or `/`.
    Type(String),
    Help,
}

/// Keys, what they do, and whether they do it here.
pub(crate) struct Keys {
    pub(crate) keys: &'static str,
    pub(crate) what: &'static str,
    works: fn(&Screen) -> bool,
}

/// All of them.
const KEYS: &[Keys] = &[
    Keys { keys: "q  Ctrl-C", what: "quit", works: |_| true },
    Keys { keys: "?", what: "this help; any key closes it", works: |_| true },
    Keys { keys: ":", what: "go to a view: :acct ID /TICKER", works: |_| true },
    Keys { keys: "/", what: "show what has this in it", works: |_| true },
    Keys { keys: "Esc", what: "show all again", works: |screen| screen.place.is_narrowed() },
    Keys {
        keys: "↑ ↓ PgUp PgDn Home End",
        what: "other rows",
        works: |screen| screen.rows_shown < screen.rows_found,
    },
    Keys { keys: "← →", what: "other tickers", works: Screen::has_accounts },
    Keys { keys: "s", what: "sort by the next column", works: Screen::has_accounts },
    Keys { keys: "r", what: "turn the order round", works: Screen::has_accounts },
    Keys { keys: "p", what: "pause; the server goes on", works: |screen| screen.paused.is_none() },
    Keys { keys: "p", what: "go on", works: |screen| screen.paused.is_some() },
];

impl Screen {
    /// The keys that work here.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static Keys> + '_ {
        KEYS.iter().filter(|keys| (keys.works)(self))
    }

    /// The part of the view that is shown, where there is room for so much.
    pub(crate) fn cut(&self, rows: usize, width: usize) -> Cut {
        let Self { row, ticker, sort, is_down, .. } = *self;
        Cut { rows: row..row + rows, ticker, width, sort, is_down }
    }

    fn has_accounts(&self) -> bool {
        self.place.view == View::Accounts
    }

    /// A key was pressed.
    pub(crate) fn press(&mut self, key: KeyEvent, live: &Snapshot) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if is_control && matches!(key.code, KeyCode::Char('c' | 'C')) {
            self.ends = true;
            return;
        }
        match std::mem::take(&mut self.mode) {
            Mode::Type(text) => self.type_key(key.code, text),
            Mode::Help => {}
            Mode::Browse => self.browse(key.code, live),
        }
    }

    fn type_key(&mut self, key: KeyCode, mut text: String) {
        match key {
            KeyCode::Esc => return,
            KeyCode::Enter => return self.go(&text),
            KeyCode::Backspace => {
                text.pop();
                if text.is_empty() {
                    return;
                }
            }
            KeyCode::Char(sign) if text.chars().count() < TYPED_MAX => text.push(sign),
            _ => {}
        }
        self.mode = Mode::Type(text);
    }

    fn go(&mut self, text: &str) {
        match self.place.command(text.strip_prefix(':').unwrap_or(text)) {
            Ok(Command::Go(place)) => self.show(place),
            Ok(Command::Quit) => self.ends = true,
            Err(why) => self.message = Some(why),
        }
    }

    fn show(&mut self, place: Place) {
        (self.row, self.ticker, self.message) = (0, 0, None);
        self.place = place;
    }

    fn browse(&mut self, key: KeyCode, live: &Snapshot) {
        self.message = None;
        let page = self.rows_shown.max(1);
        let last = self.rows_found.saturating_sub(self.rows_shown);
        match key {
            KeyCode::Char('q') => self.ends = true,
            KeyCode::Char('?') => self.mode = Mode::Help,
            KeyCode::Char(sign @ (':' | '/')) => self.mode = Mode::Type(sign.to_string()),
            KeyCode::Esc => self.show(Place { view: self.place.view, ..Place::default() }),
            KeyCode::Up => self.row = self.row.saturating_sub(1),
            KeyCode::Down => self.row = last.min(self.row + 1),
            KeyCode::PageUp => self.row = self.row.saturating_sub(page),
            KeyCode::PageDown => self.row = last.min(self.row + page),
            KeyCode::Home => self.row = 0,
            KeyCode::End => self.row = last,
            KeyCode::Left if self.has_accounts() => self.ticker = self.ticker.saturating_sub(1),
            KeyCode::Right if self.has_accounts() => self.ticker += 1,
            KeyCode::Char('s') if self.has_accounts() => {
                self.sort = (self.sort + 1) % SORTS.len();
                // Numbers are looked for from the largest on.
                self.is_down = 0 < self.sort;
            }
            KeyCode::Char('r') if self.has_accounts() => self.is_down = !self.is_down,
            KeyCode::Char('p') => {
                self.paused = if self.paused.is_some() { None } else { Some(live.clone()) };
            }
            _ => self.message = Some("no such key here; ? shows those that there are".to_owned()),
        }
    }
}

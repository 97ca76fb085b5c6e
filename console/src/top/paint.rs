//! Painting: what `allot top` puts on the screen.
//!
//! ```text
//!   fresh · age 2 s · report 12 · as of input 3,000 · split 4
//!   fills/s …  inputs/s …  answer …  queue …  fsync p99 …  subscribers …  drops …
//!   shard  inputs/s  rejected/s  queue  …
//!   ─ :acct b /AAPL ─ 12 of 200 ─────────
//!   account  weight  value  …
//!   : …                     ? keys
//! ```

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Cell as TableCell, Clear, Paragraph, Row, Table, Wrap};

use crate::board::State;
use crate::text;
use crate::top::command::{Place, View};
use crate::top::scrape::Quantiles;
use crate::top::screen::{Mode, Screen};
use crate::top::sheet::{Cell, Cut, Sheet, Tone, dash, duration, rate, widths};
use crate::top::snapshot::Snapshot;

/// Reasons and shards that are shown above the view; `:shard` shows all shards.
const REASONS_SHOWN: usize = 3;
const SHARDS_SHOWN: usize = 4;

/// Lines that a view needs: its title, its heads and some rows.
const VIEW_LINES: u16 = 6;

/// Paints all of it.
pub(crate) fn paint(frame: &mut Frame<'_>, screen: &mut Screen, live: &Snapshot) {
    let behind = screen.paused.as_ref().map(|paused| paused.behind(live));
    let shown = screen.paused.take();
    let snapshot = shown.as_ref().unwrap_or(live);
    let head = head(snapshot, behind.as_deref());
    let area = frame.area();
    let lines = u16::try_from(head.lines.len()).unwrap_or(u16::MAX);
    let shards = shards(snapshot, screen, area.width);
    let room = area.height.saturating_sub(lines + 1);
    let has_shards = shards.as_ref().is_some_and(|(_, height)| height + VIEW_LINES <= room);
    let height = shards.as_ref().map_or(0, |(_, height)| if has_shards { *height } else { 0 });
    let [top, middle, below, bottom] = Layout::vertical([
        Constraint::Length(lines),
        Constraint::Length(height),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(head), top);
    if let Some((table, _)) = shards.filter(|_| has_shards) {
        frame.render_widget(table, middle);
    }
    paint_view(frame, screen, snapshot, below);
    screen.paused = shown;
    frame.render_widget(Paragraph::new(foot(screen)), bottom);
    if screen.mode == Mode::Help {
        paint_help(frame, screen, area);
    }
}

/// How the data is, and the figures of the whole server.
fn head(snapshot: &Snapshot, behind: Option<&str>) -> Text<'static> {
    let mut lines = vec![status(snapshot, behind)];
    let reasons = snapshot.freshness.reasons.iter().chain(&snapshot.figures.problems);
    let reasons = reasons.take(REASONS_SHOWN);
    lines.extend(reasons.map(|reason| Line::styled(format!("  {reason}"), warned())));
    lines.push(figures(snapshot));
    Text::from(lines)
}

fn status(snapshot: &Snapshot, behind: Option<&str>) -> Line<'static> {
    let state = snapshot.freshness.state;
    let colour = match state {
        State::Fresh => Color::Green,
        State::Degraded => Color::Yellow,
        State::Stale | State::Empty => Color::Red,
    };
    let style = Style::new().fg(colour).add_modifier(Modifier::BOLD);
    let mut spans = vec![Span::styled(state.word(), style)];
    if let Some(age) = snapshot.freshness.age {
        spans.extend(labelled("age", &text::span(age)));
    }
    if let Some(picture) = &snapshot.picture {
        spans.extend(labelled("report", &picture.report.to_string()));
        spans.extend(labelled("as of input", &text::count(picture.cut)));
        spans.extend(labelled("split", &picture.split.to_string()));
    }
    let front = if snapshot.is_front_connected { "connected" } else { "not connected" };
    spans.extend(labelled("front door", front));
    if let Some(behind) = behind {
        let style = Style::new().add_modifier(Modifier::REVERSED);
        spans.push(Span::styled(format!("  paused: {behind} "), style));
    }
    Line::from(spans)
}

fn figures(snapshot: &Snapshot) -> Line<'static> {
    let figures = &snapshot.figures;
    let times = |times: Option<Quantiles>| {
        times
            .map_or_else(dash, |times| format!("{} / {}", duration(times.p50), duration(times.p99)))
    };
    let count = |count: Option<u64>| count.map_or_else(dash, text::count);
    let all = [
        ("fills/s", snapshot.fills_per_second.map_or_else(dash, rate)),
        ("inputs/s", figures.inputs_per_second.map_or_else(dash, rate)),
        ("answer p50/p99", times(figures.answer_seconds)),
        ("queue", count(figures.queue)),
        ("fsync p99", figures.fsync_seconds.map_or_else(dash, |times| duration(times.p99))),
        ("subscribers", count(figures.subscribers)),
        (
            "pending",
            figures.pending_bytes.map_or_else(dash, |bytes| format!("{} B", text::count(bytes))),
        ),
        ("drops", count(figures.drops)),
    ];
    let mut spans: Vec<_> = all.iter().flat_map(|(name, value)| labelled(name, value)).collect();
    // The first label begins the line.
    spans.remove(0);
    if !snapshot.has_metrics {
        spans.push(Span::styled("  more with --metrics HOST:PORT", soft()));
    }
    Line::from(spans)
}

fn labelled(name: &str, value: &str) -> [Span<'static>; 4] {
    let value = Span::styled(value.to_owned(), Style::new().add_modifier(Modifier::BOLD));
    [Span::raw("  "), Span::styled(name.to_owned(), soft()), Span::raw(" "), value]
}

/// The shards, above a view of something else, and how many lines they take.
fn shards(snapshot: &Snapshot, screen: &Screen, width: u16) -> Option<(Table<'static>, u16)> {
    if snapshot.figures.shards.is_empty() || screen.place.view == View::Shards {
        return None;
    }
    let place = Place { view: View::Shards, ..Place::default() };
    let width = usize::from(width);
    let cut = Cut { rows: 0..SHARDS_SHOWN, ticker: 0, width, sort: 0, is_down: false };
    let sheet = Sheet::of(snapshot, &place, &cut);
    let lines = u16::try_from(1 + sheet.rows.len()).unwrap_or(u16::MAX);
    Some((table(&sheet, u16::try_from(width).unwrap_or(u16::MAX)), lines))
}

fn paint_view(frame: &mut Frame<'_>, screen: &mut Screen, snapshot: &Snapshot, area: Rect) {
    // The title and the heads take a line each.
    let room = usize::from(area.height.saturating_sub(2));
    screen.row = screen.row.min(screen.rows_found.saturating_sub(room));
    let cut = screen.cut(room, usize::from(area.width));
    let sheet = Sheet::of(snapshot, &screen.place, &cut);
    (screen.rows_shown, screen.rows_found) = (sheet.rows.len(), sheet.found);
    screen.ticker = sheet.ticker;
    let block = Block::new().borders(Borders::TOP).title(title(screen, &sheet));
    if sheet.rows.is_empty() {
        let text = Paragraph::new(sheet.nothing).wrap(Wrap { trim: true });
        frame.render_widget(text.block(block), area);
    } else {
        frame.render_widget(table(&sheet, area.width).block(block), area);
    }
}

fn title(screen: &Screen, sheet: &Sheet) -> String {
    let mut title = format!(" {} ", screen.place.text());
    if !sheet.rows.is_empty() {
        let (from, to) = (screen.row + 1, screen.row + sheet.rows.len());
        title = format!("{title}· {from} to {to} of {} ", text::thousands(sheet.found as u128));
    }
    if screen.place.view == View::Accounts && 0 < sheet.tickers {
        let from = sheet.ticker + 1;
        title = format!("{title}· tickers from {from} of {} ", sheet.tickers);
    }
    title
}

/// As many columns as fit whole: a number without its first digits would be another one.
fn table(sheet: &Sheet, room: u16) -> Table<'static> {
    let mut left = usize::from(room) + 1;
    let fits = |width: &usize| {
        let rest = left.checked_sub(width + 1);
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    let widths = widths(&sheet.heads, &sheet.rows);
    let widths: Vec<_> = widths.into_iter().take_while(fits).collect();
    let columns = widths.len();
    let widths = widths
        .into_iter()
        .map(|width| Constraint::Length(u16::try_from(width).unwrap_or(u16::MAX)));
    let is_number: Vec<_> = sheet.heads.iter().map(|(_, is_number)| *is_number).collect();
    let aligned = |at: usize, line: Line<'static>| {
        let is_number = is_number.get(at).copied().unwrap_or(false);
        let alignment = if is_number { Alignment::Right } else { Alignment::Left };
        TableCell::from(Text::from(line).alignment(alignment))
    };
    let heads = sheet.heads.iter().take(columns).enumerate();
    let heads = heads.map(|(at, (head, _))| aligned(at, Line::styled(head.clone(), soft())));
    let row = |row: &Vec<Cell>| {
        let cells = row.iter().take(columns).enumerate();
        Row::new(cells.map(|(at, cell)| aligned(at, line(at, cell))).collect::<Vec<_>>())
    };
    let rows: Vec<_> = sheet.rows.iter().map(row).collect();
    Table::new(rows, widths).header(Row::new(heads.collect::<Vec<_>>()))
}

fn line(at: usize, cell: &Cell) -> Line<'static> {
    let style = match cell.tone {
        Tone::Plain if at == 0 => Style::new().add_modifier(Modifier::BOLD),
        Tone::Plain => Style::new(),
        Tone::More => Style::new().fg(Color::Green),
        Tone::Less => Style::new().fg(Color::Red),
        Tone::Warned => warned(),
    };
    Line::styled(cell.text.clone(), style)
}

/// What is typed, or what was wrong, or where the keys are named.
fn foot(screen: &Screen) -> Line<'static> {
    match (&screen.mode, &screen.message) {
        (Mode::Type(text), _) => Line::from(format!("{text}█")),
        (_, Some(message)) => Line::styled(message.clone(), warned()),
        _ => {
            let pause = if screen.paused.is_some() { "p go on" } else { "p pause" };
            Line::styled(format!("? keys   : go to   / narrow   {pause}   q quit"), soft())
        }
    }
}

/// The keys that work where the help was asked for.
fn paint_help(frame: &mut Frame<'_>, screen: &Screen, area: Rect) {
    let mut lines: Vec<_> =
        screen.keys().map(|keys| Line::from(format!(" {:<24}{}", keys.keys, keys.what))).collect();
    lines.push(Line::default());
    let views = View::ALL.iter();
    lines.extend(views.map(|(_, noun, what)| Line::from(format!(" :{noun:<23}{what}"))));
    let widest = lines.iter().map(Line::width).max().unwrap_or(0);
    let fit = |cells: usize, most: u16| u16::try_from(cells).unwrap_or(u16::MAX).min(most);
    let (width, height) = (fit(widest + 3, area.width), fit(lines.len() + 2, area.height));
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    let area = Rect { x, y, width, height };
    frame.render_widget(Clear, area);
    let title = format!(" keys in {} ", screen.place.text());
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title)), area);
}

fn soft() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn warned() -> Style {
    Style::new().fg(Color::Yellow)
}

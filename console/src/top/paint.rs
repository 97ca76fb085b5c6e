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
use crate::scrape::Quantiles;
use crate::text;
use crate::top::command::{Place, View};
use crate::top::screen::{Mode, Screen};
use crate::top::sheet::{Cell, Cut, Sheet, Tone, dash, duration, rate, widths};
use crate::top::snapshot::Snapshot;

/// Reasons and shards that are shown above the view; `:shard` shows all shards.
const REASONS_SHOWN: usize = 3;
const SHARDS_SHOWN: usize = 4;

/// Lines that a view needs: its title, its heads and some rows; and those that it has at least.
const VIEW_LINES: u16 = 6;
const VIEW_LINES_MIN: u16 = 4;

/// Paints all of it.
pub(crate) fn paint(frame: &mut Frame<'_>, screen: &mut Screen, live: &Snapshot) {
    let behind = screen.paused.as_ref().map(|paused| paused.behind(live));
    let shown = screen.paused.take();
    let snapshot = shown.as_ref().unwrap_or(live);
    let area = frame.area();
    let most = area.height.saturating_sub(1 + VIEW_LINES_MIN).max(1);
    let head = head(snapshot, behind.as_deref(), usize::from(area.width), usize::from(most));
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

/// How the data is, and the figures of the whole server, on as many lines as they need and as there
/// are. What matters most comes first.
fn head(snapshot: &Snapshot, behind: Option<&str>, width: usize, most: usize) -> Text<'static> {
    let mut lines = lines_of(status(snapshot, behind), "  ", "", width);
    let reasons = snapshot.freshness.reasons.iter().chain(&snapshot.figures.problems);
    let reasons = reasons.take(REASONS_SHOWN);
    for reason in reasons {
        let words = reason.split_whitespace();
        let words = words.map(|word| vec![Span::styled(word.to_owned(), warned())]).collect();
        lines.extend(lines_of(words, " ", "  ", width));
    }
    lines.extend(lines_of(figures(snapshot), "  ", "", width));
    if most < lines.len() {
        let more = lines.len() - most + 1;
        lines.truncate(most.max(2) - 1);
        let told = format!("… {more} more lines where there is room");
        // The state alone is said where there is one line.
        lines.extend((1 < most).then(|| Line::styled(told, soft())));
    }
    Text::from(lines)
}

/// Spans that stay together, and `between` two of them on one line.
type Group = Vec<Span<'static>>;

/// Groups on as few lines as have room for them whole.
fn lines_of(
    groups: Vec<Group>,
    between: &'static str,
    indent: &'static str,
    width: usize,
) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for group in groups {
        let needed = between.len() + group.iter().map(Span::width).sum::<usize>();
        match lines.last_mut().filter(|line| line.width() + needed <= width) {
            Some(line) => line.spans.extend([vec![Span::raw(between)], group].concat()),
            None => lines.push(Line::from([vec![Span::raw(indent)], group].concat())),
        }
    }
    lines
}

fn status(snapshot: &Snapshot, behind: Option<&str>) -> Vec<Group> {
    let state = snapshot.freshness.state;
    let colour = match state {
        State::Fresh => Color::Green,
        State::Degraded => Color::Yellow,
        State::Stale | State::Empty => Color::Red,
    };
    let style = Style::new().fg(colour).add_modifier(Modifier::BOLD);
    let mut groups = vec![vec![Span::styled(state.word(), style)]];
    if let Some(age) = snapshot.freshness.age {
        groups.push(labelled("age", &text::span(age)));
    }
    if let Some(picture) = &snapshot.picture {
        groups.push(labelled("report", &picture.report.to_string()));
        groups.push(labelled("as of input", &text::count(picture.cut)));
        groups.push(labelled("split", &picture.split.to_string()));
    }
    let front = if snapshot.is_front_connected { "connected" } else { "not connected" };
    groups.push(labelled("front door", front));
    if let Some(behind) = behind {
        let style = Style::new().add_modifier(Modifier::REVERSED);
        groups.push(vec![Span::styled(format!("paused: {behind} "), style)]);
    }
    groups
}

fn figures(snapshot: &Snapshot) -> Vec<Group> {
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
    let mut groups: Vec<_> = all.iter().map(|(name, value)| labelled(name, value)).collect();
    if !snapshot.has_metrics {
        groups.push(vec![Span::styled("more with --metrics HOST:PORT", soft())]);
    }
    groups
}

fn labelled(name: &str, value: &str) -> Group {
    let value = Span::styled(value.to_owned(), Style::new().add_modifier(Modifier::BOLD));
    vec![Span::styled(name.to_owned(), soft()), Span::raw(" "), value]
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
    let widths = widths(&sheet.heads, &sheet.rows);
    let columns = columns(sheet, &widths, usize::from(room));
    let width = |at: &usize| u16::try_from(widths[*at]).unwrap_or(u16::MAX);
    let constraints: Vec<_> = columns.iter().map(|at| Constraint::Length(width(at))).collect();
    let is_number: Vec<_> = sheet.heads.iter().map(|(_, is_number)| *is_number).collect();
    let aligned = |at: usize, line: Line<'static>| {
        let is_number = is_number.get(at).copied().unwrap_or(false);
        let alignment = if is_number { Alignment::Right } else { Alignment::Left };
        TableCell::from(Text::from(line).alignment(alignment))
    };
    let head = |at: &usize| aligned(*at, Line::styled(sheet.heads[*at].0.clone(), soft()));
    let heads: Vec<_> = columns.iter().map(head).collect();
    let row = |row: &Vec<Cell>| {
        let cells = columns.iter().filter_map(|at| Some((*at, row.get(*at)?)));
        Row::new(cells.map(|(at, cell)| aligned(at, line(at, cell))).collect::<Vec<_>>())
    };
    let rows: Vec<_> = sheet.rows.iter().map(row).collect();
    Table::new(rows, constraints).header(Row::new(heads))
}

/// The columns that have room. The name comes first, then what warns: the others make room for it.
fn columns(sheet: &Sheet, widths: &[usize], room: usize) -> Vec<usize> {
    let is_warning = |at: &usize| {
        sheet.rows.iter().any(|row| {
            row.get(*at).is_some_and(|cell| cell.tone == Tone::Warned && !cell.text.is_empty())
        })
    };
    let (warnings, others): (Vec<_>, Vec<_>) = (1..widths.len()).partition(is_warning);
    let mut left = room + 1;
    let mut columns = Vec::new();
    for at in std::iter::once(0).filter(|_| !widths.is_empty()).chain(warnings).chain(others) {
        let Some(rest) = left.checked_sub(widths[at] + 1) else { break };
        left = rest;
        columns.push(at);
    }
    columns.sort_unstable();
    columns
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use allot_runtime::Clock;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::board::Board;
    use crate::scrape::ShardFigures;
    use crate::top::snapshot::Watch;

    #[test]
    fn what_has_no_room_on_a_line_goes_to_the_next() {
        let groups = || ["drops 0", "queue 12"].map(|text| vec![Span::raw(text)]).to_vec();
        let text = |width| {
            let lines = lines_of(groups(), "  ", "", width);
            lines.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(text(17), ["drops 0  queue 12"]);
        assert_eq!(text(16), ["drops 0", "queue 12"]);
        assert_eq!(text(3), ["drops 0", "queue 12"]);
    }

    /// A server of which there is much to say.
    fn snapshot() -> Snapshot {
        let mut watch = Watch::new(Board::new(Clock::system()), Arc::default(), true);
        let mut snapshot = watch.snapshot();
        let long = "No metrics came from the process at this address, which may not run.";
        snapshot.freshness.reasons = vec![long.to_owned(); 5];
        let shard = |shard| ShardFigures { shard, ..ShardFigures::default() };
        snapshot.figures.shards = (0..8).map(shard).collect();
        snapshot
    }

    fn screen_of(width: u16, height: u16, screen: &mut Screen) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let snapshot = snapshot();
        terminal.draw(|frame| paint(frame, screen, &snapshot)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn no_terminal_is_too_small() {
        for width in [1, 2, 5, 10, 24, 40] {
            for height in [1, 2, 3, 5, 10] {
                for (view, ..) in View::ALL {
                    for mode in [Mode::Browse, Mode::Help, Mode::Type(":acct b".to_owned())] {
                        let place = Place { view: *view, ..Place::default() };
                        let mut screen = Screen { place, mode, ..Screen::default() };
                        screen_of(width, height, &mut screen);
                    }
                }
            }
        }
    }

    #[test]
    fn on_a_small_terminal_the_view_keeps_its_lines() {
        let page = screen_of(40, 10, &mut Screen::default());
        assert!(page.contains("empty") && page.contains(":acct"), "{page}");
        assert!(
            page.contains("more lines where there is room") && page.contains("? keys"),
            "{page}"
        );
        assert!(!screen_of(130, 40, &mut Screen::default()).contains("where there is room"));
    }

    #[test]
    fn a_warning_is_shown_before_figures() {
        let cell = |text: &str, tone| Cell { text: text.to_owned(), tone };
        let row = |warning| {
            vec![cell("alpha", Tone::Plain), cell("40.5", Tone::Plain), cell(warning, Tone::Warned)]
        };
        let heads = ["Account", "Weight", "Warnings"].map(|head| (head.to_owned(), false)).to_vec();
        let shown = |warning, room| {
            let sheet =
                Sheet { heads: heads.clone(), rows: vec![row(warning)], ..Sheet::default() };
            columns(&sheet, &widths(&sheet.heads, &sheet.rows), room)
        };
        assert_eq!(shown("off target", 25), [0, 1, 2]);
        assert_eq!(shown("off target", 24), [0, 2]);
        assert_eq!(shown("", 22), [0, 1]);
    }
}

//! Columns: a table of any cells, laid out as wide as the terminal at most.

use comfy_table::{CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};

use crate::terminal::TerminalSize;

/// No frame: a line under the header, and space between the columns.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'))
    .content_lines(ContentLineStyle::none());

/// The space on the left of every column but the first, and that on the right of the first.
const GAP: usize = 2;
const GAP_OF_FIRST: usize = 1;

/// The fewest columns in which the rest of a line is worth a line of its own.
const BROKEN_MIN: usize = 30;

/// How wide a page may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    /// Columns of the terminal; none: as wide as it is.
    pub(super) width: Option<usize>,
}

impl Layout {
    /// As wide as the terminal, if stdout is one.
    pub(crate) fn of_stdout() -> Self {
        Self { width: TerminalSize::of_stdout().map(|size| size.columns) }
    }

    /// As wide as it is.
    pub(crate) const fn wide() -> Self {
        Self { width: None }
    }

    /// Whether it has fewer columns.
    pub(crate) fn is_narrower_than(self, columns: usize) -> bool {
        self.width.is_some_and(|width| width < columns)
    }

    /// A line, broken at its spaces where it does not fit; what follows stands below this column.
    pub(crate) fn broken(self, line: &str, below: usize) -> String {
        let Some(most) = self.width.filter(|most| below + BROKEN_MIN <= *most) else {
            return line.to_owned();
        };
        let (mut broken, mut len) = (String::new(), 0);
        for word in line.split_inclusive(' ') {
            let word_len = word.trim_end().chars().count();
            if most < len + word_len && below < len {
                broken.truncate(broken.trim_end().len());
                broken.push('\n');
                broken.extend(std::iter::repeat_n(' ', below));
                len = below;
            }
            broken.push_str(word);
            len += word.chars().count();
        }
        broken
    }

    pub(super) fn fits(self, width: usize) -> bool {
        self.width.is_none_or(|most| width <= most)
    }
}

/// A table of any cells; the first line is its head.
pub(crate) fn plain(lines: Vec<Vec<String>>) -> String {
    let layout = Layout::of_stdout();
    match layout.width {
        Some(most) if most < width(&lines) => blocks(lines, most),
        _ => laid_out(lines),
    }
}

/// How wide a table is.
pub(super) fn width(lines: &[Vec<String>]) -> usize {
    let widths = widths(lines);
    widths.iter().sum::<usize>() + GAP_OF_FIRST + GAP * widths.len().saturating_sub(1)
}

fn widths(lines: &[Vec<String>]) -> Vec<usize> {
    let count = lines.first().map_or(0, Vec::len);
    let longest = |at: usize| {
        lines.iter().filter_map(|line| line.get(at)).map(|cell| length(cell)).max().unwrap_or(0)
    };
    (0..count).map(longest).collect()
}

pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

/// The columns in blocks that are as wide as the page at most, each with the first column.
pub(super) fn blocks(lines: Vec<Vec<String>>, most: usize) -> String {
    let widths = widths(&lines);
    let mut pages = Vec::new();
    let mut from = 1;
    while from < widths.len() {
        let mut taken = widths[0] + GAP_OF_FIRST;
        let mut to = from;
        while to < widths.len() && (to == from || taken + GAP + widths[to] <= most) {
            taken += GAP + widths[to];
            to += 1;
        }
        let block = lines.iter().map(|line| {
            let first = line.first().cloned().unwrap_or_default();
            [first].into_iter().chain(line[from..to].iter().cloned()).collect()
        });
        pages.push(laid_out(block.collect()));
        from = to;
    }
    pages.join("\n\n")
}

pub(super) fn laid_out(lines: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    let mut lines = lines.into_iter();
    table.set_header(lines.next().unwrap_or_default());
    table.add_rows(lines);
    for (index, column) in table.column_iter_mut().enumerate() {
        match index {
            0 => column.set_padding((0, 1)),
            _ => column.set_padding((2, 0)),
        };
        if 0 < index {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

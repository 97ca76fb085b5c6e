//! Table: rows as people read them, in columns like those of every peer with the same view.

use std::collections::BTreeMap;

use allot_mesh_rules::{Incarnation, Row, StrategyName, Unix};
use allot_mesh_service::ViewRow;
use allot_wire::json::Object;
use comfy_table::{ContentLineStyle, LineStyle, Table, TableStyle};

use crate::time_text;

/// A bar between the columns, a line under the header, and no frame.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction('|'))
    .header_separator(LineStyle::none().fill('-').junction('|'))
    .content_lines(ContentLineStyle::none().junction('|'));

/// Cells in columns.
pub(super) fn page(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    // The table pads each cell on both sides: before the first there is nothing to part it from.
    let lines: Vec<_> = table.lines().collect();
    let lines = lines.iter().map(|line| line.get(1..).unwrap_or_default().trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

/// A view as the strategy that follows it sees it, with whom it does not hear.
pub(super) fn view<'a>(
    rows: impl IntoIterator<Item = (&'a StrategyName, &'a Row)>,
    away: &BTreeMap<StrategyName, Unix>,
) -> String {
    let rows = rows.into_iter().map(|(owner, row)| {
        let (position, updated) = (row.position.to_string(), time_text::exact(row.updated.get()));
        vec![owner.to_string(), row.symbol.to_string(), position, updated]
    });
    let mut page = page(&["strategy", "symbol", "position", "updated"], rows);
    for (name, since) in away {
        page.push_str(&format!("\n{name} is away since {}", time_text::exact(since.get())));
    }
    page
}

/// Writes the number of a start, and what tells its life from others of that number.
pub(super) fn write_incarnation(incarnation: Incarnation, object: &mut Object<'_>) {
    object.literal("incarnation", incarnation.start());
    object.literal("life", incarnation.life());
}

/// Writes the fields of a row.
pub(super) fn write_row(one: &ViewRow, object: &mut Object<'_>) {
    let ViewRow { owner, row } = one;
    object.plain("strategy", owner.as_str());
    object.plain("symbol", row.symbol.as_str());
    object.decimal("position", row.position.nanos());
    write_incarnation(row.version.incarnation, object);
    object.number("sequence", row.version.sequence.get());
    object.time("updated", row.updated.get());
}

/// One line of JSON.
pub(super) fn json(write: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    write(&mut object);
    object.end();
    String::from_utf8(out).expect("JSON is UTF-8")
}

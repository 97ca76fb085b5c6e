//! A grid: rows under a header, laid out in columns.

use comfy_table::{CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};

/// No frame: a line under the header, and space between the columns.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'))
    .content_lines(ContentLineStyle::none());

/// Lays out rows; the columns of `left` are aligned left, the others right.
pub(crate) fn lay_out(head: &[&str], rows: Vec<Vec<String>>, left: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(head.to_vec()).add_rows(rows);
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if !left.contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_the_right() {
        let rows = [["a", "1"], ["bb", "200"]].map(|row| row.map(str::to_owned).to_vec());
        let page = lay_out(&["name", "count"], rows.to_vec(), &[0]);
        let lines: Vec<_> = page.lines().collect();
        assert!(lines[2].starts_with("a  ") && lines[3].starts_with("bb "), "{page}");
        assert!(lines[2].ends_with("  1") && lines[3].ends_with("200"), "{page}");
        assert_eq!(lines[2].len(), lines[3].len(), "{page}");
    }
}

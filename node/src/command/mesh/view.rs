//! `allot mesh view`: the whole view of a peer, once.

use std::process::ExitCode;

use allot_feeds::plural;
use allot_mesh_rules::Digest;
use allot_mesh_service::{Frame, ViewRow};
use anyhow::{Result, bail};
use clap::Args;

use super::client::{Client, ClientFlags};
use super::table;
use crate::stdout::print;
use crate::time_text;

/// Print the whole view of a peer, sorted, with its digest
///
/// The text is the same, byte by byte, at every peer that has the same view.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot mesh view 12345
  allot mesh view tcp://10.0.0.1:12345 --json
  allot mesh view 12345 --secret mesh.keys")]
pub(super) struct ViewPage {
    #[command(flatten)]
    client: ClientFlags,
    /// Print one JSON object a row, and one with the digest
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
pub(super) fn run(page: &ViewPage) -> Result<ExitCode> {
    let mut client = page.client.connect()?;
    let rows = rows(&mut client)?;
    let digest = ViewRow::digest_of(&rows);
    print(&if page.json { json(&rows, digest) } else { text(&rows, digest) })?;
    Ok(ExitCode::SUCCESS)
}

/// All rows. A view that changes while it is read is read again, as long as there is time.
fn rows(client: &mut Client) -> Result<Vec<ViewRow>> {
    loop {
        let mut rows: Vec<ViewRow> = Vec::new();
        let (digest, is_whole) = loop {
            let after = rows.last().map(|one| (one.owner, one.row.symbol));
            let Frame::View(_, page) = client.ask(|number| Frame::AskView(number, after))? else {
                bail!("{} gave another reply than a view", client.address());
            };
            let is_last = !page.more || page.rows.is_empty();
            rows.extend(page.rows);
            if is_last {
                break (page.digest, page.digest == ViewRow::digest_of(&rows));
            }
        };
        if is_whole {
            return Ok(rows);
        }
        if !client.has_time() {
            tracing::warn!(
                "the view changed while it was read: the digest is of the rows that are printed, \
                 and that of the view was {digest}"
            );
            return Ok(rows);
        }
    }
}

fn text(rows: &[ViewRow], digest: Digest) -> String {
    let cells = rows.iter().map(|ViewRow { owner, row }| {
        vec![
            owner.to_string(),
            row.symbol.to_string(),
            row.position.to_string(),
            row.version.to_string(),
            time_text::exact(row.updated.get()),
        ]
    });
    let page = table::page(&["strategy", "symbol", "position", "version", "updated"], cells);
    let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let noun = plural(count, "row");
    format!("{page}\n{count} {noun}, digest {digest}")
}

fn json(rows: &[ViewRow], digest: Digest) -> String {
    let lines = rows.iter().map(|one| table::json(|object| table::write_row(one, object)));
    let last = table::json(|object| {
        object.literal("rows", rows.len());
        object.plain("digest", &digest.to_string());
    });
    lines.chain([last]).collect::<Vec<_>>().join("\n")
}

//! `allot export`: fills, allocations, splits and positions of journals, as files for other tools.

mod format;
mod table;
mod csv_text;
mod row_block;
mod csv_files;
#[cfg(feature = "parquet")]
mod parquet_files;
mod sqlite_file;
mod written_splits;
mod sink;
mod write_error;
mod shard_rows;
mod shard_export;

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use allot_allocation_service::Allocation;
use allot_server::{Ledger, LedgerError};
use allot_shard::Service;
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::misuse::demand_period;
use crate::progress_bar::reading_bar;
use crate::replay_threads::ReplayThreads;
use crate::stdout::print;
use crate::unfinished_folder::UnfinishedFolder;
use crate::{shard_dirs, time_text};
use format::Format;
use shard_export::{Piece, ShardExport};
use shard_rows::Period;
use sink::Sink;
use write_error::cannot_write;

/// The version of the layout of an export.
const SCHEMA: u32 = 1;

/// The file that says what the export is of.
const ABOUT: &str = "export.json";

/// Write fills, allocations, splits and positions to files for other tools
///
/// Reads the journals of a data directory and changes nothing; a server may run meanwhile. Makes a
/// folder with the tables fills, busts, allocations, splits and positions, and export.json, which
/// says what they are of. Numbers are exact: no format has a float. The folder has its name
/// only when it is whole.
#[derive(Args)]
#[command(after_help = "\
Examples:
  allot export data --out export --format csv
  allot export data --out march --format parquet --from 2026-03-01 --to 2026-04-01
  allot export data --out export --format sqlite")]
pub(crate) struct Export {
    /// Data directory of a server, or the directory of one shard in it
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// Folder to make; it must not exist
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Format of the tables
    #[arg(long, value_enum)]
    format: Format,
    /// Leave out what came about before this time: a date of UTC, or a moment with its offset
    #[arg(long, value_name = "TIME", value_parser = time_text::parse)]
    from: Option<u64>,
    /// End before this time; positions are those of then
    #[arg(long, value_name = "TIME", value_parser = time_text::parse)]
    to: Option<u64>,
}

/// Exports every shard; fails if a journal is damaged, and leaves nothing then.
pub(crate) fn run(export: &Export) -> Result<ExitCode> {
    let Export { data, out, format, from, to } = export;
    demand_period(*from, *to)?;
    let directories = shard_dirs::find_to_sum_up(data)?;
    let ledger = if directories == [data.clone()] { None } else { ledger_of(data)? };
    let folder = UnfinishedFolder::create_outside(out, data)?;
    let mut sink = Sink::create(*format, folder.path())?;
    let period = Period { from: *from, to: *to };
    let bar = reading_bar();
    let exports = directories.iter().map(|path| {
        let (path, format, bar) = (path.clone(), *format, bar.clone());
        move || ShardExport::open(&path, period, format, bar)
    });
    let shards = ReplayThreads::open(exports)
        .and_then(|threads| write(threads, directories.len(), &mut sink));
    bar.finish_and_clear();
    let shards = shards?;
    let rows: Map<String, Value> =
        sink.rows().map(|(table, count)| (table.to_owned(), count.into())).collect();
    sink.finish()?;
    let about = json!({
        "schema": SCHEMA,
        "format": format.name(),
        "ledger": ledger,
        "from": from.map(time_text::exact),
        "to": to.map(time_text::exact),
        "shards": shards,
        "rows": rows,
    });
    write_about(folder.path(), &about)?;
    folder.finish()?;
    let rows: Vec<_> = rows.iter().map(|(table, count)| format!("{count} {table}")).collect();
    print(&format!("exported {} to {}", rows.join(", "), out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the rows of one shard after the other; a thread for each makes them. Returns what is to
/// be said of the shards.
fn write(mut threads: ReplayThreads<Piece>, count: usize, sink: &mut Sink) -> Result<Vec<Value>> {
    let written = take_all(&mut threads, count, sink);
    let ended = threads.end();
    let shards = written?;
    ended?;
    Ok(shards)
}

fn take_all(
    threads: &mut ReplayThreads<Piece>,
    count: usize,
    sink: &mut Sink,
) -> Result<Vec<Value>> {
    let (mut shards, mut pieces) = (Vec::new(), VecDeque::new());
    for shard in 0..count {
        while threads.read(shard, &mut pieces)? {
            for piece in pieces.drain(..) {
                match piece {
                    Piece::Rows(block) => sink.put(&block)?,
                    Piece::Shard(shard) => shards.push(shard),
                }
            }
        }
        sink.end_shard();
    }
    Ok(shards)
}

/// The id of the ledger of a data directory; none where its journals are older than ledgers.
fn ledger_of(data: &Path) -> Result<Option<String>> {
    match Ledger::read(data, Allocation::NAME) {
        Ok(ledger) => Ok(Some(ledger.id.to_string())),
        Err(LedgerError::Unnamed(_)) => Ok(None),
        Err(LedgerError::System { data, found, .. }) => bail!(
            "{} is a data directory of {found}: only fills and splits can be exported",
            data.display()
        ),
        Err(error) => Err(error.into()),
    }
}

fn write_about(folder: &Path, about: &Value) -> Result<()> {
    let path = folder.join(ABOUT);
    let write = || {
        let mut file = File::create_new(&path)?;
        writeln!(file, "{about:#}")?;
        file.sync_all()
    };
    write().with_context(|| cannot_write(&path))
}

//! Desk log: the file of a user's DUMPLOG, for its user.
//!
//! The server writes the file; the console reads it where it was told the directory, and gives it
//! once it has been written anew.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use allot_desk_rules::{Command, FileName};
use allot_domain::Seq;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout_at};

use crate::app::App;
use crate::desk_book::{DeskTold, Typed};
use crate::guard::{Person, see_other};
use crate::limits::{LOG_CHUNK_BYTES, LOG_LOOK_EVERY, LOG_PATIENCE};
use crate::page_form::PageForm;
use crate::pages::desk::{refused_page, trader};

/// The form.
#[derive(Deserialize)]
pub(super) struct LogForm {
    #[serde(default)]
    seq: String,
}

/// What changes when a file is written anew.
type Stamp = (u64, u64, i64, i64);

/// Has the log written, and gives it.
pub(super) async fn give(
    State(app): State<Arc<App>>,
    person: Person,
    PageForm { form: LogForm { seq }, _page }: PageForm<LogForm>,
) -> Response {
    let (desk, trader) = match trader(&app, &person) {
        Ok(found) => found,
        Err(refusal) => return *refusal,
    };
    let refuse_as = async |status: StatusCode, problem: String| {
        refused_page(&app, &person, desk, &trader, status, problem).await
    };
    let refuse = async |problem| refuse_as(StatusCode::SERVICE_UNAVAILABLE, problem).await;
    let Some(seq) = seq.parse().ok().filter(|seq| 0 < *seq).map(Seq::new) else {
        let problem = "The form has no number: load the page again.".to_owned();
        return refuse_as(StatusCode::UNPROCESSABLE_ENTITY, problem).await;
    };
    let (user, name) = (trader.user.as_str(), format!("console-{}.xml", trader.user));
    let Ok(file) = FileName::new(&name) else {
        return refuse(format!("{name} is no name of a log.")).await;
    };
    let path = desk.logs.as_ref().map(|logs| logs.join(&name));
    let before = path.as_deref().and_then(stamp);
    desk.book.begin(user, seq, &Typed::default());
    let is_again = match desk.send(&trader, seq, Command::DumpLog(file)).await {
        Ok(reply) if !reply.is_refused() => reply.duplicate,
        _ => return see_other(&format!("/desk?done={seq}")),
    };
    let Some(path) = path else {
        let text = format!("The server writes your log as {name} in its directory of logs.");
        desk.book.note(user, seq, DeskTold { text, ..DeskTold::default() });
        return see_other(&format!("/desk?done={seq}"));
    };
    match written(&path, before, is_again).await {
        Some(file) => download(file, &name),
        None => {
            let is_there = path.parent().is_some_and(Path::is_dir);
            let text = if is_there {
                "The log is being written: download it again in a moment. If it never comes, the \
                 console looks for it in another folder than the server: ask who runs it."
            } else {
                "The server has written your log, but the console has no folder of logs to read: \
                 ask who runs it."
            };
            let text = text.to_owned();
            desk.book.note(user, seq, DeskTold { text, ..DeskTold::default() });
            see_other(&format!("/desk?done={seq}"))
        }
    }
}

/// The file once it is another than before, or as it is where the command was sent before.
async fn written(path: &Path, before: Option<Stamp>, is_again: bool) -> Option<File> {
    let end = Instant::now() + LOG_PATIENCE;
    let is_there = async {
        loop {
            let now = stamp(path);
            if now.is_some() && (is_again || now != before) {
                return;
            }
            sleep(LOG_LOOK_EVERY).await;
        }
    };
    timeout_at(end, is_there).await.ok()?;
    File::open(path).ok()
}

/// None where there is no file of its own: a link leads elsewhere.
fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((file.ino(), file.len(), file.ctime(), file.ctime_nsec()))
}

/// The file, a piece at a time.
fn download(file: File, name: &str) -> Response {
    let pieces = stream::unfold(Some(file), async |file| {
        let read = tokio::task::spawn_blocking(move || piece(file?)).await;
        read.unwrap_or_else(|error| Some((Err(io::Error::other(error)), None)))
    });
    let headers = [
        (CONTENT_TYPE, "application/xml".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}

type Piece = (io::Result<Vec<u8>>, Option<File>);

/// The next piece; none at the end.
fn piece(mut file: File) -> Option<Piece> {
    let mut bytes = vec![0; LOG_CHUNK_BYTES];
    match file.read(&mut bytes) {
        Ok(0) => None,
        Ok(count) => {
            bytes.truncate(count);
            Some((Ok(bytes), Some(file)))
        }
        Err(error) => Some((Err(error), None)),
    }
}

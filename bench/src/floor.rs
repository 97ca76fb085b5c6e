//! Floors: what the parts under a server cost on their own, one operation at a time.
//!
//! Each runs one round after the other, so all are closed loops with a window of one.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::ExitCode;

use allot_domain::SourceId;
use allot_runtime::Clock;
use allot_wire::Encoding;
use anyhow::{Context, Result, ensure};

use crate::arguments::{LengthArgs, OutArgs};
use crate::batch_builder::BatchBuilder;
use crate::fills::Fills;
use crate::interrupt;
use crate::latency;
use crate::load::{LoadShape, Measured, describe};
use crate::offer::Offer;
use crate::output::Output;
use crate::pending::Sent;
use crate::phases::{Lengths, Phases};
use crate::process::Process;
use crate::recorder::Recorder;
use crate::span::nanoseconds;
use crate::transport::Transport;

/// Length of one write of the journal's floor: a page of a disk.
const WRITE_LEN: usize = 4_096;

/// Length of the file that is written again and again: a small segment.
const FILE_LEN: u64 = 8 << 20;

/// One round trip over TCP to an echo in another process, without ZeroMQ.
///
/// # Errors
/// When the echo does not start, or sends something else back.
pub(crate) fn tcp_raw(lengths: LengthArgs, out: &OutArgs) -> Result<ExitCode> {
    let output = Output::begin("tcp-raw", out, BTreeMap::new());
    let process = Process::echo("raw-server", Transport::Tcp)?;
    let front = process.endpoint("front")?;
    let mut stream = TcpStream::connect(front.trim_start_matches("tcp://"))?;
    stream.set_nodelay(true)?;
    let message = one_fill();
    let mut echo = vec![0; message.len()];
    rounds(output, lengths.lengths(), || {
        stream.write_all(&message)?;
        stream.read_exact(&mut echo)?;
        ensure!(echo == message, "an echo of something else");
        Ok(())
    })
}

/// 4 KiB writes, each with an `fdatasync`, into a file whose blocks are allocated: the best that
/// any journal can do on this disk.
///
/// # Errors
/// When the file cannot be made or written.
pub(crate) fn sync(folder: &Path, lengths: LengthArgs, out: &OutArgs) -> Result<ExitCode> {
    let facts = BTreeMap::from([("folder".to_owned(), folder.display().to_string())]);
    let output = Output::begin("journal", out, facts);
    fs::create_dir_all(folder)?;
    let place = tempfile::TempDir::new_in(folder)
        .with_context(|| format!("no file can be made in {}", folder.display()))?;
    let path = place.path().join("floor");
    let mut file = OpenOptions::new().create_new(true).write(true).open(path)?;
    let block = vec![0xa5; WRITE_LEN];
    for _ in (0..FILE_LEN).step_by(WRITE_LEN) {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let mut offset = 0;
    rounds(output, lengths.lengths(), || {
        file.write_all_at(&block, offset)?;
        file.sync_data()?;
        offset = (offset + u64::try_from(WRITE_LEN)?) % FILE_LEN;
        Ok(())
    })
}

/// Runs rounds one after the other, and times each.
fn rounds(
    mut output: Output,
    lengths: Lengths,
    mut round: impl FnMut() -> Result<()>,
) -> Result<ExitCode> {
    let clock = Clock::system();
    let phases = lengths.from(clock.now());
    let mut recorder = Recorder::new();
    loop {
        let begun = clock.now();
        if phases.to <= begun {
            break;
        }
        interrupt::unless_wished(round())?;
        let message = Sent { intended: begun, sent: begun, left: 0, refused: false };
        recorder.note_sent(&phases, begun, begun);
        recorder.note_replied(&phases, &message, clock.now());
    }
    output.add(measured(recorder, Some(Offer::Window(1)), lengths, phases));
    output.finish()
}

/// Runs many small steps, timed in groups: one step is shorter than the reading of a clock.
/// `steps` runs a group and returns its size; the recorded time is that of one step.
///
/// # Errors
/// When a step fails, or a file cannot be written.
pub(crate) fn steps(
    mut output: Output,
    lengths: Lengths,
    mut steps: impl FnMut() -> Result<u64>,
) -> Result<ExitCode> {
    let clock = Clock::system();
    let phases = lengths.from(clock.now());
    let mut recorder = Recorder::new();
    let mut begun = clock.now();
    while begun < phases.to {
        let count = interrupt::unless_wished(steps())?;
        let ended = clock.now();
        if phases.from <= begun {
            let each = nanoseconds(ended - begun) as f64 / count as f64;
            recorder.response.saturating_record(latency::whole(each));
            recorder.answered += count;
        }
        begun = clock.now();
    }
    output.add(measured(recorder, None, lengths, phases));
    output.finish()
}

/// The point of a floor.
pub(crate) fn measured(
    recorder: Recorder,
    offer: Option<Offer>,
    lengths: Lengths,
    phases: Phases,
) -> Measured {
    let shape = LoadShape { batch: 1, connections: 1, measure: lengths.measure };
    let mut point = describe(offer, shape, &recorder);
    point.checked = "every round was whole".to_owned();
    if recorder.response.is_empty() {
        point.failed = Some("no round ended in the time that counts".to_owned());
    }
    Measured { point, recorder, from: phases.from }
}

/// The message that most modes send: one fill, binary.
pub(crate) fn one_fill() -> Vec<u8> {
    let source = SourceId::new(b"bench").expect("a name");
    let mut message = Vec::new();
    BatchBuilder::new(source, 1, Encoding::Binary).write(&Fills::new(7, 10), 1, &mut message);
    message
}

//! Open lines: the lines of a file whose fills are not in the books yet.

use std::collections::BTreeMap;

use allot_domain::Seq;

/// Where each fill of a file stands, until it is allocated or refused.
#[derive(Default)]
pub(crate) struct OpenLines {
    file: Option<String>,
    lines: BTreeMap<Seq, u64>,
}

impl OpenLines {
    /// The lines of this file; without one, places are sequence numbers.
    pub(crate) fn of(file: Option<&str>) -> Self {
        Self { file: file.map(str::to_owned), lines: BTreeMap::new() }
    }

    /// A fill is about to be sent.
    pub(crate) fn open(&mut self, seq: Seq, line: Option<u64>) {
        self.lines.extend(line.map(|line| (seq, line)));
    }

    /// A fill has its last reply.
    pub(crate) fn close(&mut self, seq: Seq) {
        self.lines.remove(&seq);
    }

    /// Where a fill stands, as an operator looks for it.
    pub(crate) fn place(&self, seq: Seq) -> String {
        match (&self.file, self.lines.get(&seq)) {
            (Some(file), Some(line)) => format!("{file} line {line}"),
            _ => format!("seq {seq}"),
        }
    }
}

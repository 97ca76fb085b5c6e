//! A server in one of its shapes, as real processes that are killed and started again.

use std::path::PathBuf;

use allot_allocation_service::Reply;

use crate::client::Client;
use crate::process::{Place, Process};

/// The split of most tests.
pub(crate) const SPLIT: &str =
    r#"{"type":"split","source":"aum","seq":1,"weights":{"a":"33.3","b":"41.7","c":"25"}}"#;

/// Any free port.
pub(crate) const FREE: &str = "tcp://127.0.0.1:*";

/// A server in one of its shapes.
pub(crate) struct Server {
    pub(crate) place: Place,
    processes: Vec<(String, Process)>,
    pub(crate) front: String,
    pub(crate) publish: String,
    shards: String,
    /// Whether shards have journals, in `data` of the place.
    is_kept: bool,
    backplane: String,
    parts: String,
}

impl Server {
    /// Router, shards and publisher in one process.
    pub(crate) fn embedded(shards: usize) -> Self {
        let place = Place::new();
        let shards = shards.to_string();
        let arguments = ["serve", "--front", FREE, "--publish", FREE, "--shards", &shards];
        let mut serve = place.start(&arguments);
        let line = serve.line_with("listening ");
        Self {
            place,
            processes: vec![("serve".to_owned(), serve)],
            front: endpoint(&line, "front="),
            publish: endpoint(&line, "publish="),
            shards,
            is_kept: false,
            backplane: String::new(),
            parts: String::new(),
        }
    }

    /// Each box as a process; they connect at `backplane` and `parts`.
    pub(crate) fn processes(shards: usize, backplane: &str, parts: &str, place: Place) -> Self {
        let mut server = Self::stopped(shards, backplane, parts, place);
        server.start_all();
        server
    }

    /// The same with journals, so that what is acknowledged survives.
    pub(crate) fn kept_over_ipc(shards: usize) -> Self {
        let place = Place::new();
        let at = |name: &str| format!("ipc://{}", place.path().join(name).display());
        let front = at("front");
        let publish = at("publish");
        let backplane = at("backplane");
        let parts = at("parts");
        let mut server = Self::stopped(shards, &backplane, &parts, place);
        (server.front, server.publish, server.is_kept) = (front, publish, true);
        server.place.init();
        server.start_all();
        server
    }

    /// A server whose processes are not started yet.
    fn stopped(shards: usize, backplane: &str, parts: &str, place: Place) -> Self {
        Self {
            place,
            processes: Vec::new(),
            front: FREE.to_owned(),
            publish: FREE.to_owned(),
            shards: shards.to_string(),
            is_kept: false,
            backplane: backplane.to_owned(),
            parts: parts.to_owned(),
        }
    }

    fn start_all(&mut self) {
        self.start_router();
        self.start_publisher();
        let shards: usize = self.shards.parse().unwrap();
        (0..shards).for_each(|shard| self.start_shard(shard));
    }

    pub(crate) fn over_ipc(shards: usize) -> Self {
        let place = Place::new();
        let at = |name: &str| format!("ipc://{}", place.path().join(name).display());
        let backplane = at("backplane");
        let parts = at("parts");
        Self::processes(shards, &backplane, &parts, place)
    }

    pub(crate) fn over_tcp(shards: usize) -> Self {
        Self::processes(shards, FREE, FREE, Place::new())
    }

    /// Starts the router, and keeps its endpoints for a restart.
    pub(crate) fn start_router(&mut self) {
        let line = self.start("router", &["router"], &["front", "backplane"]);
        self.front = endpoint(&line, "front=");
        self.backplane = endpoint(&line, "backplane=");
    }

    pub(crate) fn start_publisher(&mut self) {
        let line = self.start("publisher", &["publisher"], &["publish", "backplane", "parts"]);
        self.publish = endpoint(&line, "publish=");
        self.parts = endpoint(&line, "parts=");
    }

    pub(crate) fn start_shard(&mut self, shard: usize) {
        let number = shard.to_string();
        let data = self.data().display().to_string();
        let mut command = vec!["shard", "--shard", &number];
        if self.is_kept {
            command.extend(["--data", &data, "--image-mib", "1", "--segment-mib", "8"]);
        }
        self.start(&format!("shard-{shard}"), &command, &["backplane", "parts"]);
    }

    /// Starts a process with these settings and waits until it is ready.
    pub(crate) fn start(&mut self, name: &str, command: &[&str], settings: &[&str]) -> String {
        let value_of = |setting: &&str| match *setting {
            "front" => &self.front,
            "publish" => &self.publish,
            "backplane" => &self.backplane,
            _ => &self.parts,
        };
        let mut arguments: Vec<String> = command.iter().map(ToString::to_string).collect();
        for setting in settings {
            arguments.extend([format!("--{setting}"), value_of(setting).clone()]);
        }
        arguments.extend(["--shards".to_owned(), self.shards.clone()]);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let mut process = self.place.start(&arguments);
        let line = process.line_with("ready");
        self.processes.push((name.to_owned(), process));
        line
    }

    /// Starts one of the boxes again, by its name.
    pub(crate) fn start_again(&mut self, name: &str) {
        match name {
            "router" => self.start_router(),
            "publisher" => self.start_publisher(),
            shard => self.start_shard(shard.trim_start_matches("shard-").parse().unwrap()),
        }
    }

    /// Where the journals are.
    pub(crate) fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// A process that runs.
    pub(crate) fn process(&self, name: &str) -> &Process {
        let found = self.processes.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("no {name} runs")).1
    }

    /// Kills a process as `kill -9` does.
    pub(crate) fn kill(&mut self, name: &str) {
        self.processes.retain(|(known, _)| known != name);
    }

    /// Stops every process as Ctrl-C does; each must succeed.
    pub(crate) fn stop(self) -> Place {
        for (_, process) in self.processes {
            process.signal("-INT");
            process.outcome().ok();
        }
        self.place
    }

    pub(crate) fn split(&self) -> Client {
        let client = Client::connect(&self.front);
        let reply = client.ask(SPLIT.as_bytes());
        assert!(matches!(reply, Reply::Accepted { .. }), "{reply:?}");
        client
    }
}

pub(crate) fn endpoint(line: &str, name: &str) -> String {
    let found = line.split_whitespace().find_map(|word| word.strip_prefix(name));
    found.unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
}

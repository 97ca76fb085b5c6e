//! A desk as real processes: a server, the simulated quote server, and clients of both.

mod answers;
mod kill;
mod kill_loop;
mod log;
mod quotes;
mod sessions;
mod workloads;

use serde_json::Value;

use crate::process::{Place, Process};

/// A folder with a desk in it, at sockets that outlast its restarts.
struct Desk {
    place: Place,
}

impl Desk {
    fn new() -> Self {
        Self { place: Place::new() }
    }

    /// Starts a quote server; returns where it is.
    fn quote_server(&self, listen: &str, prices: &str) -> (Process, String) {
        self.place.write("prices", prices);
        let page = ["desk", "quote-server", "--listen", listen, "--prices", "prices"];
        let mut server = self.place.start(&page);
        let line = server.line_with("listening quotes=");
        (server, line.replace("listening quotes=", ""))
    }

    /// Starts the server.
    fn serve(&self, quotes: &str, more: &[&str]) -> Process {
        let ends = ["--front", "ipc://front", "--publish", "ipc://publish", "--quotes", quotes];
        let page = [&["desk", "serve", "--report-every", "100ms"], &ends[..], more].concat();
        let mut server = self.place.start(&page);
        server.line_with("listening ");
        server
    }

    /// The answer to a command, and whether it was not refused.
    fn send(&self, command: &str) -> (Value, bool) {
        let outcome = self.place.run(&["desk", "send", command, "--front", "ipc://front"]);
        let answer = serde_json::from_str(&outcome.stdout);
        let answer = answer.unwrap_or_else(|_| panic!("{command}: {outcome:?}"));
        (answer, outcome.status.success())
    }

    #[track_caller]
    fn is_answered(&self, command: &str) -> Value {
        let (answer, is_good) = self.send(command);
        assert!(is_good && answer["type"] == "answered", "{command}: {answer}");
        answer
    }

    #[track_caller]
    fn is_refused(&self, command: &str, code: &str) {
        let (answer, is_good) = self.send(command);
        assert!(!is_good && answer["code"] == code, "{command}: {answer}");
    }

    /// A client in JSON, as its socket is; its path is that of the folder.
    fn client(&self) -> zmq::Socket {
        let socket = zmq::Context::new().socket(zmq::DEALER).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_rcvtimeo(crate::client::PATIENCE_MS).unwrap();
        let front = self.place.path().join("front");
        socket.connect(&format!("ipc://{}", front.display())).unwrap();
        socket
    }
}

/// The next replies, one or several.
fn receive(client: &zmq::Socket) -> Vec<Value> {
    let message = client.recv_bytes(0).expect("a reply in time");
    let lines = message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

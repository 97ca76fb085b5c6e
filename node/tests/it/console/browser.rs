//! A browser without JavaScript: requests over plain HTTP, a cookie, and the fields of a form.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::client::PATIENCE_MS;

/// A browser with its cookies.
#[derive(Clone)]
pub(super) struct Browser {
    address: String,
    cookies: Vec<(String, String)>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// A live stream.
pub(super) struct Stream(BufReader<TcpStream>);

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Where it leads to.
    #[track_caller]
    pub(super) fn place(&self) -> &str {
        self.header("location").unwrap_or_else(|| panic!("{}: {}", self.status, self.body))
    }

    /// The value of a hidden field.
    #[track_caller]
    pub(super) fn field(&self, name: &str) -> &str {
        let begin = format!("name=\"{name}\" value=\"");
        let Some((_, rest)) = self.body.split_once(&begin) else {
            panic!("no field {name} in {}", self.body);
        };
        rest.split_once('"').unwrap().0
    }

    /// The number of a button: its command has it from the moment the page is shown.
    #[track_caller]
    pub(super) fn button(&self, command: &str) -> String {
        let begin = format!("name=\"do\" value=\"{command} ");
        let Some((_, rest)) = self.body.split_once(&begin) else {
            panic!("no button {command} in {}", self.body);
        };
        format!("{command} {}", rest.split_once('"').unwrap().0)
    }

    /// The text of an element with this name for tests.
    #[track_caller]
    pub(super) fn text(&self, name: &str) -> &str {
        let Some((_, rest)) = self.body.split_once(&format!("data-testid=\"{name}\">")) else {
            panic!("no {name} in {}", self.body);
        };
        rest.split_once('<').unwrap().0.trim()
    }

    /// The text of a hidden area.
    fn area(&self, name: &str) -> &str {
        let begin = format!("<textarea name=\"{name}\" hidden>");
        let (_, rest) = self.body.split_once(&begin).unwrap();
        rest.split_once("</textarea>").unwrap().0
    }
}

impl Browser {
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), cookies: Vec::new() }
    }

    pub(super) fn get(&mut self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(super) fn get_with(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers, "")
    }

    pub(super) fn options(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("OPTIONS", path, headers, "")
    }

    pub(super) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_with(path, fields, &[])
    }

    pub(super) fn post_with(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let pair = |(name, value): &(&str, &str)| format!("{name}={}", encode(value));
        let body = fields.iter().map(pair).collect::<Vec<_>>().join("&");
        self.ask("POST", path, headers, &body)
    }

    /// Writes a split, and follows to what it would do.
    #[track_caller]
    pub(super) fn show(&mut self, weights: &str) -> Answer {
        let answer = self.post("/splits/preview", &[("weights", weights)]);
        self.get(answer.place())
    }

    /// Presses the button of a split that was shown.
    pub(super) fn send(&mut self, shown: &Answer, is_sure: bool) -> Answer {
        let mut fields = vec![
            ("seq", shown.field("seq")),
            ("basis", shown.field("basis")),
            ("closes", shown.area("closes")),
        ];
        fields.extend(is_sure.then_some(("is_sure", "yes")));
        self.post("/splits", &fields)
    }

    /// Begins to send a form; the console waits for the rest of it when this returns.
    #[track_caller]
    pub(super) fn begin(&self, path: &str) -> TcpStream {
        let mut stream = self.connect();
        let head = self.head("POST", path, &[("Expect", "100-continue")]);
        let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100";
        stream.write_all(format!("{head}{form}\r\n\r\n").as_bytes()).unwrap();
        let (status, _) = read_head(&mut BufReader::new(&mut stream));
        assert_eq!(status, 100);
        stream
    }

    /// Looks at a page until it has what is waited for: after each message of a live stream.
    #[track_caller]
    pub(super) fn wait(&mut self, path: &str, is_there: impl Fn(&str) -> bool) {
        let mut stream = Stream::open(self);
        while !is_there(&self.get(path).body) {
            stream.wait();
        }
    }

    fn head(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            let _ = write!(head, "Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        for (name, value) in &self.cookies {
            let _ = write!(head, "Cookie: {name}={value}\r\n");
        }
        head
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        let patience = Duration::from_millis(PATIENCE_MS.try_into().unwrap());
        stream.set_read_timeout(Some(patience)).unwrap();
        stream
    }

    fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = self.connect();
        let head = self.head(method, path, headers);
        let length = body.len();
        let form = "Content-Type: application/x-www-form-urlencoded";
        let text =
            format!("{head}Connection: close\r\n{form}\r\nContent-Length: {length}\r\n\r\n{body}");
        // A form that is too long is refused before it is read.
        let _ = stream.write_all(text.as_bytes());
        let answer = read(&mut BufReader::new(stream));
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Answer {
    let (status, headers) = read_head(stream);
    let mut body = Vec::new();
    // A connection that is reset behind its answer has given it.
    let _ = stream.read_to_end(&mut body);
    let is_chunked = headers.iter().any(|(name, _)| name == "transfer-encoding");
    let body = if is_chunked { whole(&body) } else { body };
    Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
}

/// What came in chunks, each behind its length in hex digits.
fn whole(chunks: &[u8]) -> Vec<u8> {
    let (mut rest, mut body) = (chunks, Vec::new());
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let length = str::from_utf8(&rest[..end]).unwrap().trim();
        let from = end + 1;
        let to = from + usize::from_str_radix(length, 16).unwrap();
        body.extend_from_slice(&rest[from..to]);
        // A chunk ends with a line feed of its own, and the last one is empty.
        rest = if from < to { &rest[to + 2..] } else { &[] };
    }
    body
}

fn read_head(stream: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("{line:?}")).parse().unwrap();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return (status, headers);
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
}

impl Stream {
    pub(super) fn open(browser: &Browser) -> Self {
        let mut stream = browser.connect();
        let head = browser.head("GET", "/events", &[]);
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let (status, _) = read_head(&mut stream);
        assert_eq!(status, 200);
        Self(stream)
    }

    /// Waits for the next line of a message; that of a heartbeat counts.
    pub(super) fn wait(&mut self) {
        let mut line = String::new();
        assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream has ended");
    }

    /// Waits for a message of this name, behind the first of each.
    pub(super) fn wait_for(&mut self, name: &str) {
        let wanted = format!("event: {name}\n");
        let mut count = 0;
        while count < 2 {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream has ended");
            count += u32::from(line == wanted);
        }
    }
}

fn encode(text: &str) -> String {
    let sign = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(sign).collect()
}

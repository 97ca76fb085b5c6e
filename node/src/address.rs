//! Address: where a component listens or is reached, in the short forms that people type.

use clap::Args;

/// An endpoint of ZeroMQ. `1001` and `:1001` are ports of this machine, `host:1001` is TCP.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Address(pub(crate) String);

/// Where a component listens.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ListenFlags {
    /// Endpoint to listen on: tcp://127.0.0.1:1000, ipc://PATH
    #[arg(long, value_name = "ADDR", value_parser = parse)]
    listen: Option<Address>,
    /// Port to listen on: short for --listen tcp://127.0.0.1:PORT
    #[arg(short, long, value_name = "PORT")]
    port: Option<u16>,
}

impl ListenFlags {
    pub(crate) fn endpoint(&self) -> String {
        match (&self.listen, self.port) {
            (Some(address), _) => address.0.clone(),
            (None, port) => local(&port.unwrap_or_default().to_string()),
        }
    }
}

fn local(port: &str) -> String {
    format!("tcp://127.0.0.1:{port}")
}

/// Reads an address. What means the same is one address: two forms of it are compared as text.
pub(crate) fn parse(text: &str) -> Result<Address, String> {
    let text = text.trim();
    if let Some(port) = read_port(text.strip_prefix(':').unwrap_or(text)) {
        return Ok(Address(local(&port)));
    }
    if let Some(path) = text.strip_prefix("ipc://")
        && !path.is_empty()
    {
        return Ok(Address(text.to_owned()));
    }
    let bare = text.strip_prefix("tcp://").unwrap_or(text);
    let any = |port: &str| (port == "*" && bare != text).then(|| port.to_owned());
    let ends = bare.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains('/'));
    let ends = ends.and_then(|(host, port)| Some((host, read_port(port).or_else(|| any(port))?)));
    match ends {
        Some((host, port)) if host.eq_ignore_ascii_case("localhost") => Ok(Address(local(&port))),
        Some((host, port)) => Ok(Address(format!("tcp://{host}:{port}"))),
        None => Err("use a port, HOST:PORT, tcp://HOST:PORT or ipc://PATH".to_owned()),
    }
}

/// A port without zeros before it.
fn read_port(text: &str) -> Option<String> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse::<u16>().ok().filter(|_| is_number)?;
    Some(port.to_string())
}

/// Reads the address of somebody else, who listens on one port.
pub(crate) fn parse_other(text: &str) -> Result<Address, String> {
    let address = parse(text)?;
    match address.0.ends_with(":*") || address.0.ends_with(":0") {
        true => Err("that is any free port; use the one that is listened on".to_owned()),
        false => Ok(address),
    }
}

/// Where a trader publishes that listens here: the next port, or the path with `.pub`.
pub(crate) fn beside(listen: &str) -> Result<String, String> {
    if listen.starts_with("ipc://") {
        return Ok(format!("{listen}.pub"));
    }
    let none = || "there is no port after that of --listen; add --publish ADDR".to_owned();
    let (host, port) = listen.rsplit_once(':').ok_or_else(none)?;
    match port.parse::<u16>() {
        // Port 0 is any free port.
        Ok(0) => Ok(listen.to_owned()),
        Ok(port) => Ok(format!("{host}:{}", port.checked_add(1).ok_or_else(none)?)),
        Err(_) if port == "*" => Ok(listen.to_owned()),
        Err(_) => Err(none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_read() {
        for (text, endpoint) in [
            ("1001", "tcp://127.0.0.1:1001"),
            (":1001", "tcp://127.0.0.1:1001"),
            ("quant-2:1001", "tcp://quant-2:1001"),
            ("localhost:01001", "tcp://127.0.0.1:1001"),
            ("tcp://LOCALHOST:1001", "tcp://127.0.0.1:1001"),
            ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*"),
            ("ipc:///run/g1", "ipc:///run/g1"),
        ] {
            assert_eq!(parse(text), Ok(Address(endpoint.to_owned())));
        }
        for text in [
            "",
            "localhost",
            "70000",
            "http://a:1",
            "a:b",
            "+1001",
            "a:+1",
            "a:*",
            "tcp://1010",
            "tcp://a:70000",
            "ipc://",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["0", "tcp://127.0.0.1:*"] {
            assert!(parse(text).is_ok() && parse_other(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_trader_publishes_beside_its_door() {
        for (listen, publish) in [
            ("tcp://127.0.0.1:1010", Ok("tcp://127.0.0.1:1011")),
            ("tcp://127.0.0.1:*", Ok("tcp://127.0.0.1:*")),
            ("ipc:///run/trader", Ok("ipc:///run/trader.pub")),
            ("tcp://127.0.0.1:65535", Err(())),
        ] {
            assert_eq!(beside(listen).map_err(|_| ()), publish.map(str::to_owned));
        }
    }
}

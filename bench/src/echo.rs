//! An echo: a bare ROUTER that sends every message back, the floor of a transport.
//!
//! It is written against `zmq` itself and not against `runtime`: a floor that shared the server's
//! own sockets would move with them, and a ratio to it would hide what they cost.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::{Context, Result};
use zmq::{Message, SNDMORE};

/// Echoes until this process is killed; with `curve` encrypted, under new keys.
///
/// # Errors
/// When the endpoint is taken.
pub(crate) fn serve(endpoint: &str, curve: bool) -> Result<()> {
    let context = zmq::Context::new();
    let socket = context.socket(zmq::ROUTER)?;
    // No bound: a floor drops nothing.
    socket.set_sndhwm(0)?;
    socket.set_rcvhwm(0)?;
    socket.set_linger(0)?;
    // As many as the server has: a thousand come at once.
    socket.set_backlog(4_096)?;
    let mut key = String::new();
    if curve {
        let keys = zmq::CurveKeyPair::new()?;
        socket.set_curve_server(true)?;
        socket.set_curve_secretkey(&keys.secret_key)?;
        key = format!(" front-key={}", zmq::z85_encode(&keys.public_key)?);
    }
    socket.bind(endpoint).with_context(|| format!("cannot listen at {endpoint}"))?;
    let bound = socket.get_last_endpoint()?.unwrap_or_else(|_| endpoint.to_owned());
    announce(&format!("{bound}{key}"))?;
    loop {
        let (mut identity, mut body) = (Message::new(), Message::new());
        socket.recv(&mut identity, 0)?;
        socket.recv(&mut body, 0)?;
        socket.send(identity, SNDMORE)?;
        socket.send(body, 0)?;
    }
}

/// Echoes bytes over TCP without ZeroMQ, for one client after another.
///
/// # Errors
/// When the port is taken.
pub(crate) fn serve_raw(endpoint: &str) -> Result<()> {
    let address = endpoint.trim_start_matches("tcp://").replace('*', "0");
    let listener = TcpListener::bind(&address)?;
    announce(&format!("tcp://{}", listener.local_addr()?))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        // However a client leaves, the next one is served.
        let _ = echo_stream(&mut stream, &mut buffer);
    }
}

fn echo_stream(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        let count = stream.read(buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}

fn announce(endpoint: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening front={endpoint}")?;
    Ok(out.flush()?)
}

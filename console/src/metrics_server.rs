//! The metrics server: `/metrics`, `/subscribers` and `/healthz` of a process of the server itself.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::metrics::{CONTENT, Measured};
use crate::own_host::is_own_host;
use crate::{ConsoleError, listener};

/// A running server of metrics, on a thread of its own; it ends when it is dropped.
pub struct MetricsServer {
    address: SocketAddr,
    _runtime: Runtime,
    _stop: watch::Sender<bool>,
}

impl MetricsServer {
    /// Serves what a process counts and times.
    ///
    /// # Errors
    /// When the address is taken, or the process is given no more threads.
    pub fn start(listen: SocketAddr, measured: Measured) -> Result<Self, ConsoleError> {
        let fail = |error| {
            ConsoleError(format!(
                "cannot serve metrics on {listen} ({error}); choose another address with --metrics"
            ))
        };
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).max_blocking_threads(1).thread_name("metrics").enable_all();
        let runtime = builder.build().map_err(fail)?;
        let socket = runtime.block_on(TcpListener::bind(listen)).map_err(fail)?;
        let address = socket.local_addr().map_err(fail)?;
        let measured = Arc::new(measured);
        let page = async |State(measured): State<Arc<Measured>>| {
            ([(CONTENT_TYPE, CONTENT)], measured.page())
        };
        let subscribers = async |State(measured): State<Arc<Measured>>| {
            ([(CONTENT_TYPE, "application/json")], measured.subscribers())
        };
        // Who subscribes is for whoever knows the address. Counts have nobody's name in them, and a
        // scraper of another machine may know this one by a name.
        let named =
            Router::new().route("/subscribers", get(subscribers)).layer(from_fn(by_address));
        let counts =
            Router::new().route("/metrics", get(page)).route("/healthz", get(async || "ok\n"));
        let is_loopback = address.ip().is_loopback();
        let counts = if is_loopback { counts.layer(from_fn(by_address)) } else { counts };
        let router = named.merge(counts).with_state(measured);
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(listener::serve(socket, router, stopped));
        Ok(Self { address, _runtime: runtime, _stop: stop })
    }

    /// Where it is found.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Refuses names of this host that are not its own: a page elsewhere may have made one.
async fn by_address(request: Request, next: Next) -> Response {
    if is_own_host(request.headers()) {
        return next.run(request).await;
    }
    let wrong = "This page is reached by an address, such as 127.0.0.1, or as localhost.\n";
    (StatusCode::MISDIRECTED_REQUEST, wrong).into_response()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use allot_runtime::Clock;

    use super::*;
    use crate::scrape::{Processes, Scrapes};

    #[test]
    fn who_does_not_reply_keeps_nobody_from_being_asked() {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        // The kernel accepts, and nobody replies.
        let silent = [(); 8].map(|()| TcpListener::bind(anywhere).unwrap());
        let measured = Measured {
            boxes: vec![("router".to_owned(), allot_runtime::Counters::new())],
            ..Measured::default()
        };
        let server = MetricsServer::start(anywhere, measured).unwrap();
        let addresses = silent.iter().map(|one| one.local_addr().unwrap());
        let addresses: Vec<_> = addresses.chain([server.address()]).collect();
        let processes = Processes::new(&addresses, Duration::from_millis(500));
        let clock = Clock::system();
        let mut scrapes = Scrapes::default();
        // Of those that do not reply, two take all the time that there is.
        while scrapes.figures().drops.is_none() {
            scrapes.add(processes.scrape(&clock));
        }
        let problems = scrapes.figures().problems;
        assert_eq!(problems.len(), silent.len(), "{problems:?}");
    }
}

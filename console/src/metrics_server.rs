//! The metrics server: `/metrics`, `/subscribers` and `/healthz` of a process of the server itself.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::metrics::{CONTENT, Measured};
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
        let router = Router::new()
            .route("/metrics", get(page))
            .route("/subscribers", get(subscribers))
            .route("/healthz", get(async || "ok\n"))
            .with_state(measured);
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

//! The listener: connections of browsers, bounded in number and in patience.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::impatient::Impatient;
use crate::limits::{
    AHEAD_BYTES_MAX, CONNECTIONS_MAX, HEAD_WITHIN, PUT_OFF_ANSWER_AFTER, TAKEN_WITHIN,
};

/// Who is at the other end of a connection; every request has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// Serves until it is told to stop.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Beyond the bound, connections wait in the kernel.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // No descriptor is left, or the browser has gone already.
                tracing::debug!("a connection was not accepted: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let pages = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(address.ip()));
            let answer = pages.call(request);
            async move {
                let answer = answer.await;
                // Whoever asks again at once would cost more than whoever waits.
                if answer.as_ref().is_ok_and(|one| one.status() == StatusCode::TOO_MANY_REQUESTS) {
                    tokio::time::sleep(PUT_OFF_ANSWER_AFTER).await;
                }
                answer
            }
        });
        tokio::spawn(async move {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_headers(64);
            builder.max_buf_size(AHEAD_BYTES_MAX);
            let stream = Impatient::new(stream, TAKEN_WITHIN);
            // A browser that goes away is no fault.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            drop(permit);
        });
    }
}

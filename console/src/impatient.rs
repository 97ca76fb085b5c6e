//! A connection that gives up: on a browser that takes nothing of what it asked for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A connection whose writes fail when none of their bytes is taken within a time.
pub(crate) struct Impatient<S> {
    stream: S,
    patience: Duration,
    /// When the write that waits fails; none while none waits.
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    pub(crate) const fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, end: None }
    }

    /// What a write gives: as it is once it is done, and an error when it has waited too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.end = None;
            return written;
        }
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(self.patience)));
        ready!(end.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::runtime::Builder;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Time stands still while anything can be done, and goes on to the next timer at once.
    fn run(test: impl Future<Output = ()>) {
        Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(test);
    }

    #[test]
    fn a_write_of_which_nothing_is_taken_fails() {
        run(async {
            let (_unread, stream) = duplex(8);
            let mut stream = Impatient::new(stream, PATIENCE);
            let error = stream.write_all(&[0; 100]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        });
    }

    #[test]
    fn a_slow_reader_gets_everything_however_long_it_takes() {
        run(async {
            let (mut reader, stream) = duplex(8);
            let mut stream = Impatient::new(stream, PATIENCE);
            let write = async {
                // A stream that has nothing to say for long waits for nobody.
                sleep(PATIENCE * 3).await;
                stream.write_all(&[7; 64]).await
            };
            let read = async {
                let mut bytes = [0; 64];
                for piece in bytes.chunks_mut(8) {
                    sleep(PATIENCE * 9 / 10).await;
                    reader.read_exact(piece).await.unwrap();
                }
                bytes
            };
            let (written, bytes) = futures_util::future::join(write, read).await;
            assert!(written.is_ok());
            assert_eq!(bytes, [7; 64]);
        });
    }
}

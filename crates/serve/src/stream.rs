//! A client's socket: read under the scanner's eyes, written with a bound on how long it may refuse to take bytes, and
//! closed so that the last answer arrives.

use super::scanner::Scanner;
use super::{Alarm, poll_write_pieces};
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Fails a write that made no progress for a while. Costs nothing as long as writes are taken at once.
pub(super) struct Guarded<S> {
    stream: S,
    /// For HTTP/1.1 only.
    scanner: Option<Scanner>,
    stalled: Alarm,
    lingering: Option<Pin<Box<Sleep>>>,
    /// Dropped with the socket, which a tunnel holds on to after HTTP has ended.
    _open: Open,
}

/// Tells, by its end, that a socket is closed.
pub(super) type Open = tokio::sync::oneshot::Sender<std::convert::Infallible>;

/// A socket closed with unread bytes is reset, and the client loses the answer that told it to stop sending (413, 400).
/// So, after the last byte out, what still comes in is read and thrown away for this long.
const LINGER: Duration = Duration::from_secs(1);

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, scanner: Option<Scanner>, patience: Duration, open: Open) -> Self {
        Self { stream, scanner, stalled: Alarm::new(patience), lingering: None, _open: open }
    }

    fn bound<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled.silence();
            return written;
        }
        self.stalled.poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let already = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if let Some(scanner) = &mut this.scanner {
            scanner.feed(buffer.filled().get(already..).unwrap_or_default());
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.bound(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = poll_write_pieces(&mut this.stream, context, pieces);
        this.bound(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.bound(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        let deadline = this.lingering.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        let mut discarded = [0; 4096];
        while deadline.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut discarded);
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

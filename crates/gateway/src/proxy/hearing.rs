//! Hearing an upstream out that takes no more.

use crate::serve::Alarm;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket whose writes, once one has failed, wait for the reader.
///
/// An upstream may answer before it has read the request and close (RFC 9112, section 9.6). Our next write then fails
/// while the answer already lies in the socket, and hyper, told of the failure, would never look at it: a paid request
/// that was served would count as lost. So what arrived is read first, and the failure is told where it ends.
pub(super) struct Hearing<S> {
    stream: S,
    /// Why nothing more can be written.
    failed: Option<io::ErrorKind>,
    /// Nothing more comes.
    heard: bool,
    /// Bounds the wait for a reader that does not come.
    silent: Alarm,
}

impl<S> Hearing<S> {
    /// `patience` is how long a failed write waits for each read.
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, failed: None, heard: false, silent: Alarm::new(patience) }
    }

    fn after<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(Err(error)) if !self.heard && says_closed(error.kind()) => {
                self.failed = Some(error.kind());
                // Whoever drives both directions may have tried to read before the answer was there.
                context.waker().wake_by_ref();
                self.refuse(error.kind(), context)
            }
            written => written,
        }
    }

    fn refuse<T>(&mut self, kind: io::ErrorKind, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if !self.heard {
            ready!(self.silent.poll(context));
        }
        Poll::Ready(Err(kind.into()))
    }
}

/// Only then is what can still be read all there is.
fn says_closed(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted)
}

impl<S: AsyncRead + Unpin> AsyncRead for Hearing<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let already = buffer.filled().len();
        let read = ready!(Pin::new(&mut this.stream).poll_read(context, buffer));
        this.silent.silence();
        this.heard = read.is_err() || (buffer.filled().len() == already && buffer.remaining() > 0);
        match this.failed {
            // A reset that a write was told of looks, to the next read, like an orderly end.
            Some(kind) if this.heard => Poll::Ready(Err(kind.into())),
            _ => Poll::Ready(read),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Hearing<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(kind) = this.failed {
            return this.refuse(kind, context);
        }
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.after(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(kind) = this.failed {
            return this.refuse(kind, context);
        }
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, pieces);
        this.after(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(kind) = this.failed {
            return this.refuse(kind, context);
        }
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.after(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A socket whose other side said this, closed with a byte unread, and is known to be gone.
    async fn reset_after(said: &[u8], patience: Duration) -> Hearing<TcpStream> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        stream.write_all(b"?").await.unwrap();
        other.readable().await.unwrap();
        other.write_all(said).await.unwrap();
        drop(other);
        Hearing::new(stream, patience)
    }

    #[tokio::test]
    async fn what_arrived_before_the_failure_is_read_and_then_the_failure() {
        let mut stream = reset_after(b"answer", PATIENCE).await;
        let mut answer = [0; 6];
        {
            let writing = std::pin::pin!(stream.write_all(&[b'a'; 100_000]));
            timeout(Duration::from_millis(50), writing).await.expect_err("a write told of the failure before the read");
        }
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
        let end = stream.read(&mut answer).await.unwrap_err().kind();
        assert!(says_closed(end), "the end that came too early looked like a good one: {end}");
        let written = timeout(PATIENCE, stream.write(b"more")).await.expect("a write waits though all is read");
        assert_eq!(written.unwrap_err().kind(), end);
    }

    #[tokio::test]
    async fn a_failed_write_does_not_wait_for_ever_for_a_reader() {
        let mut stream = reset_after(b"answer", Duration::from_millis(50)).await;
        let failed = timeout(PATIENCE, stream.write_all(b"more")).await.expect("it waits without end");
        assert!(says_closed(failed.unwrap_err().kind()));
    }
}

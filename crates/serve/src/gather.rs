//! Short messages leave in one plain write.
//!
//! A head and a short body come as separate pieces. Joining them here costs less than a gathering write does in the
//! kernel; long bodies are gathered there and never copied.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;

/// Pieces of up to this many bytes together are joined.
const SHORT: usize = 1024;

/// Writes these pieces, joined if they are short.
pub fn poll_write_pieces<S: AsyncWrite + Unpin>(
    stream: &mut S,
    context: &mut Context<'_>,
    pieces: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    if let [whole] = pieces {
        return stream.poll_write(context, whole);
    }
    let mut joined = [0; SHORT];
    let mut length = 0;
    for piece in pieces {
        let end = length + piece.len();
        let Some(room) = joined.get_mut(length..end) else { return stream.poll_write_vectored(context, pieces) };
        room.copy_from_slice(piece);
        length = end;
    }
    stream.poll_write(context, joined.get(..length).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test]
    async fn every_byte_leaves_in_its_order_whatever_the_sizes() {
        for sizes in [&[5][..], &[700, 6], &[1, 0, 1023], &[1000, 25], &[0, 5000, 3]] {
            let pieces: Vec<Vec<u8>> = sizes.iter().zip(b'a'..).map(|(&size, byte)| vec![byte; size]).collect();
            let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut written = Vec::new();
            let count = poll_fn(|context| poll_write_pieces(&mut written, context, &slices)).await.unwrap();
            assert_eq!(count, written.len());
            assert_eq!(written, pieces.concat(), "{sizes:?}");
        }
    }
}

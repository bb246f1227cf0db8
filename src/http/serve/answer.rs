//! The body of an answer, which keeps its request in flight until its last byte has been written to the socket.
//!
//! hyper drops a body after it has taken the last bytes, although they may still wait for the client. So each chunk
//! keeps the request in flight until the chunk is written, and on HTTP/2 the body ends only after that. Until the body
//! ends, dropping the stream's task resets the stream and frees the chunks that wait.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use axum::body::Body;
use hyper::body::{Buf, Bytes, Frame, SizeHint};

use super::requests::Request;

/// The size of an HTTP/2 frame, so that a stream does not fill the send buffer with data that it cannot send yet.
pub(super) const CHUNK_BYTES: usize = 16 * 1024;

/// The body of an answer.
pub(super) struct Answer {
    body: Body,
    /// The part of the last frame of `body` that is not in a chunk yet.
    rest: Bytes,
    delivery: Arc<Delivery>,
}

/// The state that a body and its chunks share.
struct Delivery {
    chunks: Mutex<Chunks>,
    _request: Arc<Request>,
}

#[derive(Default)]
struct Chunks {
    unwritten: usize,
    body: Option<Waker>,
}

/// Bytes of an answer. Dropped when they have been written to the socket.
pub(super) struct Chunk {
    bytes: Bytes,
    delivery: Arc<Delivery>,
}

impl Answer {
    pub(super) fn new(body: Body, request: Arc<Request>) -> Self {
        Self { body, rest: Bytes::new(), delivery: Arc::new(Delivery { chunks: Mutex::default(), _request: request }) }
    }

    fn next_chunk(&mut self) -> Frame<Chunk> {
        let bytes = self.rest.split_to(self.rest.len().min(CHUNK_BYTES));
        self.delivery.chunks().unwritten += 1;
        Frame::data(Chunk { bytes, delivery: Arc::clone(&self.delivery) })
    }

    fn poll_written(&self, cx: &Context<'_>) -> Poll<()> {
        let mut chunks = self.delivery.chunks();
        if chunks.unwritten == 0 {
            return Poll::Ready(());
        }
        chunks.body = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Delivery {
    fn chunks(&self) -> MutexGuard<'_, Chunks> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl hyper::body::Body for Answer {
    type Data = Chunk;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Chunk>, Self::Error>>> {
        loop {
            if !self.rest.is_empty() {
                return Poll::Ready(Some(Ok(self.next_chunk())));
            }
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)?) else {
                ready!(self.poll_written(cx));
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(bytes) => self.rest = bytes,
                Err(other) => {
                    if let Ok(trailers) = other.into_trailers() {
                        return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream() && self.delivery.chunks().unwritten == 0
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let mut chunks = self.delivery.chunks();
        chunks.unwritten -= 1;
        if chunks.unwritten == 0
            && let Some(body) = chunks.body.take()
        {
            body.wake();
        }
    }
}

//! Connections in memory: everything arrives late, and some of it never.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::faults::Fault;
use crate::world::{Life, Node, World};

/// A connection between two processes.
pub struct Link {
    world: Arc<World>,
    ends: [Life; 2],
    state: Mutex<State>,
}

/// One side of a connection.
pub struct End {
    link: Arc<Link>,
    /// 0 for whoever connected, 1 for whoever was connected to.
    side: usize,
    alarm: Option<Pin<Box<Sleep>>>,
}

struct State {
    /// What is on its way: from 0 to 1, and from 1 to 0.
    ways: [Way; 2],
    /// What happens to it, once.
    fate: Option<Fault>,
}

#[derive(Default)]
struct Way {
    queue: VecDeque<(Instant, Bytes)>,
    /// What the reader meets behind the last byte.
    end: Option<Ending>,
    /// Swallows everything from now on.
    stalled: bool,
    reader: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Orderly,
    Reset,
}

/// What can happen to a connection.
const FATES: [Fault; 5] = [Fault::Refused, Fault::RequestLost, Fault::AnswerLost, Fault::CutMidway, Fault::Stalled];

/// Connects two processes, or fails as the dice say.
pub fn connect(world: &Arc<World>, from: &Life, to: &Life) -> io::Result<(End, End)> {
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    if to.is_over() {
        return Err(refused());
    }
    let which = usize::try_from(world.dice.below(5)).unwrap_or(0);
    let fate = world.strikes(|weather| weather.connection).then(|| FATES.get(which).copied()).flatten();
    if fate == Some(Fault::Refused) {
        world.fault(from.node, Fault::Refused);
        return Err(refused());
    }
    let state = Mutex::new(State { ways: Default::default(), fate });
    let link = Arc::new(Link { world: Arc::clone(world), ends: [from.clone(), to.clone()], state });
    world.watch(&link);
    let end = |side| End { link: Arc::clone(&link), side, alarm: None };
    Ok((end(0), end(1)))
}

impl Link {
    /// Whether one of its ends belongs to this life.
    pub fn is_of(&self, life: &Life) -> bool {
        self.ends.iter().any(|end| end.is(life))
    }

    /// Breaks it: what is on its way may still arrive, nothing else does.
    pub fn reset(&self) {
        self.state().ways.iter_mut().for_each(|way| way.finish(Ending::Reset));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what one side writes, and lets happen to it what must.
    fn write(&self, side: usize, bytes: &[u8]) -> io::Result<usize> {
        let [asker, asked] = &self.ends;
        let is_presented = side == 0 && matches!(asked.node, Node::Gateway(_));
        self.world.overhear(format_args!("what {} and {} say", asker.node, asked.node), bytes, is_presented);
        let mut state = self.state();
        let State { ways: [there, back], fate } = &mut *state;
        let (own, other) = if side == 0 { (there, back) } else { (back, there) };
        if own.end.is_some() || other.end == Some(Ending::Reset) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let strikes = match fate {
            Some(Fault::RequestLost) => side == 0,
            Some(Fault::AnswerLost | Fault::CutMidway) => side == 1,
            // Half of those that stall do so on the way there; which half, the length of the request says.
            Some(Fault::Stalled) => (side == 0) == (bytes.len().is_multiple_of(2)),
            _ => false,
        };
        let struck = fate.take_if(|_| strikes);
        if let Some(fault) = struck {
            self.world.fault(self.ends.first().map_or(Node::Upstream, |end| end.node), fault);
        }
        match struck {
            Some(Fault::Stalled) => own.stalled = true,
            Some(Fault::CutMidway) => {
                let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
                own.push(self.arrival(side), half);
            }
            None if !own.stalled => own.push(self.arrival(side), bytes),
            _ => {}
        }
        if struck.is_some_and(|fault| fault != Fault::Stalled) {
            own.finish(Ending::Reset);
            other.finish(Ending::Reset);
        }
        Ok(bytes.len())
    }

    fn arrival(&self, side: usize) -> Instant {
        let [one, other] = &self.ends;
        let (from, to) = if side == 0 { (one, other) } else { (other, one) };
        let arrives = self.world.arrival(from.node, to.node);
        // What a process that stands still would send is sent when it goes on.
        from.stands_still_until().map_or(arrives, |until| arrives.max(until))
    }
}

impl Way {
    fn push(&mut self, at: Instant, bytes: &[u8]) {
        // Bytes of one connection never overtake each other.
        let at = self.queue.back().map_or(at, |(last, _)| at.max(*last));
        self.queue.push_back((at, Bytes::copy_from_slice(bytes)));
        self.wake();
    }

    fn finish(&mut self, ending: Ending) {
        if self.end.is_none() || ending == Ending::Reset {
            self.end = Some(ending);
        }
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let wait_until = {
                let link = Arc::clone(&self.link);
                let mut state = link.state();
                let Some(way) = state.ways.get_mut(1 - self.side) else { return Poll::Ready(Ok(())) };
                match (way.queue.front_mut(), way.end) {
                    (Some((at, bytes)), _) if *at <= Instant::now() => {
                        let length = bytes.len().min(buffer.remaining());
                        buffer.put_slice(bytes.get(..length).unwrap_or_default());
                        bytes.advance(length);
                        if bytes.is_empty() {
                            way.queue.pop_front();
                        }
                        return Poll::Ready(Ok(()));
                    }
                    (Some((at, _)), _) => *at,
                    (None, Some(Ending::Orderly)) => return Poll::Ready(Ok(())),
                    (None, Some(Ending::Reset)) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                    (None, None) => {
                        way.reader = Some(context.waker().clone());
                        return Poll::Pending;
                    }
                }
            };
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(wait_until)));
            if alarm.deadline() != wait_until {
                alarm.as_mut().reset(wait_until);
            }
            ready!(alarm.as_mut().poll(context));
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, _context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.link.write(self.side, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl End {
    fn close(&self) {
        if let Some(way) = self.link.state().ways.get_mut(self.side).filter(|way| way.end.is_none()) {
            way.finish(if way.stalled { Ending::Reset } else { Ending::Orderly });
        }
    }
}

impl Drop for End {
    /// Nobody reads here any more: what the other side writes fails.
    fn drop(&mut self) {
        self.close();
        if let Some(way) = self.link.state().ways.get_mut(1 - self.side) {
            way.queue.clear();
            way.end = Some(Ending::Reset);
        }
    }
}

//! Which bytes of a response may go out, given how much of its count is paid for. No I/O, and no byte of the
//! upstream's is copied on its way or changed.

use std::collections::VecDeque;

use bytes::Bytes;
use memchr::memmem::Finder;

use super::counter::Counter;
use super::events::{Boundaries, EventBytes};

/// The longest event that is held until its end has come, in bytes.
pub(crate) const LONGEST_EVENT: usize = 4 << 20;

/// What happens next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// These bytes go out.
    Forward(Bytes),
    /// Nothing goes out until a count of so many is paid for.
    Pay(u64),
    /// The stream says that it is over: what goes out before its last word goes out now.
    LastWord,
    /// The upstream is read on.
    Read,
}

/// An event that is longer than anything that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the upstream's is longer than {LONGEST_EVENT} bytes")]
pub(crate) struct TooLong;

/// A response on its way out.
pub(crate) struct Flow {
    counter: Counter,
    /// Nothing for a response that is no stream of events.
    events: Option<Events>,
    /// What came and was not looked at, behind `passed` bytes that may go out.
    chunk: Bytes,
    passed: usize,
    out: VecDeque<Bytes>,
    waiting: Option<Waiting>,
    /// How many are paid for.
    paid: u64,
    /// How many went out.
    gone: u64,
}

struct Events {
    boundaries: Boundaries,
    ours: Finder<'static>,
    /// Whether the chunk has anything in it that names of ours begin with.
    mentions_ours: bool,
    /// The pieces of an event whose end has not come, and their length.
    begun: Vec<Bytes>,
    begun_bytes: usize,
    /// The same pieces together, to be looked at.
    whole: Vec<u8>,
    said_last_word: bool,
    dropped: u64,
}

/// An event that is not paid for.
struct Waiting {
    event: Vec<Bytes>,
    count: u64,
    /// How much is owed even if it never goes out: what the upstream says of what went out before.
    owed: Option<u64>,
    is_last_word: bool,
}

/// What is to be done with an event.
enum Verdict {
    Pass,
    Wait(Waiting),
    Drop,
}

impl Flow {
    /// A stream of events, cut only between them.
    pub(crate) fn of_events(counter: Counter) -> Self {
        let events = Events {
            boundaries: Boundaries::new(),
            ours: Finder::new("payment-"),
            mentions_ours: false,
            begun: Vec::new(),
            begun_bytes: 0,
            whole: Vec::new(),
            said_last_word: false,
            dropped: 0,
        };
        Self { events: Some(events), ..Self::of_bytes(counter) }
    }

    /// A response that is cut anywhere.
    pub(crate) fn of_bytes(counter: Counter) -> Self {
        let (chunk, out) = (Bytes::new(), VecDeque::new());
        Self { counter, events: None, chunk, passed: 0, out, waiting: None, paid: 0, gone: 0 }
    }

    /// Takes what the upstream sent; only after [`Step::Read`].
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.chunk = chunk;
        self.passed = 0;
        if let Some(events) = &mut self.events {
            events.mentions_ours = events.ours.find(&self.chunk).is_some();
        }
    }

    /// So many are paid for, from the beginning.
    pub(crate) fn pay(&mut self, count: u64) {
        self.paid = count;
    }

    /// How many are paid for.
    pub(crate) fn paid(&self) -> u64 {
        self.paid
    }

    /// What happens next.
    pub(crate) fn next(&mut self) -> Result<Step, TooLong> {
        loop {
            if let Some(piece) = self.out.pop_front() {
                return Ok(Step::Forward(piece));
            }
            match &self.waiting {
                Some(waiting) if waiting.count > self.paid => return Ok(Step::Pay(waiting.count)),
                Some(waiting) if waiting.is_last_word => return Ok(Step::LastWord),
                _ => self.release(),
            }
            if !self.out.is_empty() {
                continue;
            }
            if self.chunk.is_empty() {
                return Ok(Step::Read);
            }
            match self.events.is_some() {
                true => self.look()?,
                false => return Ok(self.cut()),
            }
        }
    }

    /// The upstream has ended as it should: what it left without an end gets one, so that it is not taken for a part
    /// of what comes next.
    pub(crate) fn finish(&mut self) {
        if let Some(events) = self.events.as_mut().filter(|events| !events.begun.is_empty()) {
            let ends_line = events.begun.last().is_some_and(|piece| piece.ends_with(b"\n") || piece.ends_with(b"\r"));
            self.push(Bytes::from_static(if ends_line { b"\n" } else { b"\n\n" }));
        }
    }

    /// The last word goes out, after what comes before it.
    pub(crate) fn release(&mut self) {
        if let Some(Waiting { event, count, .. }) = self.waiting.take() {
            self.out.extend(event);
            self.gone = count;
        }
    }

    /// Whether what went out ends with an event, so that others may stand here.
    pub(crate) fn is_between(&self) -> bool {
        self.out.is_empty()
    }

    /// How many are owed: those that went out, and never more than were paid for.
    pub(crate) fn owed(&self) -> u64 {
        let said = self.waiting.as_ref().and_then(|waiting| waiting.owed);
        said.unwrap_or(self.gone).min(self.paid)
    }

    /// Whether the upstream never said how many there were, though it should have.
    pub(crate) fn is_guess(&self) -> bool {
        self.counter.is_guess()
    }

    /// Events of the upstream's that would have passed for ours.
    pub(crate) fn dropped(&self) -> u64 {
        self.events.as_ref().map_or(0, |events| events.dropped)
    }

    /// As much of the chunk as is paid for.
    fn cut(&mut self) -> Step {
        let Counter::Bytes(count) = &mut self.counter else { return Step::Forward(std::mem::take(&mut self.chunk)) };
        let covered = usize::try_from(self.paid.saturating_sub(*count)).unwrap_or(usize::MAX);
        if covered == 0 {
            return Step::Pay(count.saturating_add(1));
        }
        let piece = self.chunk.split_to(covered.min(self.chunk.len()));
        *count = count.saturating_add(piece.len() as u64);
        self.gone = *count;
        Step::Forward(piece)
    }

    /// Looks at the chunk up to its end, or up to an event that is not paid for.
    fn look(&mut self) -> Result<(), TooLong> {
        let Some(mut events) = self.events.take() else { return Ok(()) };
        let looked = self.look_at(&mut events);
        self.events = Some(events);
        looked
    }

    fn look_at(&mut self, events: &mut Events) -> Result<(), TooLong> {
        while let Some(length) = events.boundaries.end(self.chunk.get(self.passed..).unwrap_or_default()) {
            if !events.begun.is_empty() {
                events.begun.push(self.chunk.split_to(length));
                let begun = std::mem::take(&mut events.begun);
                events.begun_bytes = 0;
                let mut whole = std::mem::take(&mut events.whole);
                begun.iter().for_each(|piece| whole.extend_from_slice(piece));
                let mentions_ours = events.ours.find(&whole).is_some();
                let verdict = events.judge(&mut self.counter, self.paid, EventBytes(&whole), mentions_ours);
                whole.clear();
                events.whole = whole;
                self.follow(verdict, begun);
                return Ok(());
            }
            let end = self.passed + length;
            let event = EventBytes(self.chunk.get(self.passed..end).unwrap_or_default());
            match events.judge(&mut self.counter, self.paid, event, events.mentions_ours) {
                Verdict::Pass => {
                    self.passed = end;
                    self.gone = self.counter.count();
                }
                verdict => {
                    self.pass();
                    let event = self.chunk.split_to(length);
                    self.follow(verdict, vec![event]);
                    return Ok(());
                }
            }
        }
        self.pass();
        let rest = std::mem::take(&mut self.chunk);
        events.begun_bytes += rest.len();
        if events.begun_bytes > LONGEST_EVENT {
            return Err(TooLong);
        }
        if !rest.is_empty() {
            events.begun.push(rest);
        }
        Ok(())
    }

    /// What passed goes out, in one piece.
    fn pass(&mut self) {
        let passed = self.chunk.split_to(std::mem::take(&mut self.passed));
        if !passed.is_empty() {
            self.out.push_back(passed);
        }
    }

    fn follow(&mut self, verdict: Verdict, event: Vec<Bytes>) {
        match verdict {
            Verdict::Pass => {
                self.out.extend(event);
                self.gone = self.counter.count();
            }
            Verdict::Wait(waiting) => self.waiting = Some(Waiting { event, ..waiting }),
            Verdict::Drop => {}
        }
    }
}

impl Events {
    /// Counts an event, and says whether it may go out.
    fn judge(&mut self, counter: &mut Counter, paid: u64, event: EventBytes<'_>, mentions_ours: bool) -> Verdict {
        let passes_for_ours = mentions_ours && event.passes_for_payment();
        if passes_for_ours || self.said_last_word {
            self.dropped += u64::from(passes_for_ours);
            return Verdict::Drop;
        }
        self.said_last_word = event.is_last_word();
        let corrects = !self.said_last_word && counter.take(event);
        let count = counter.count();
        if count <= paid && !self.said_last_word {
            return Verdict::Pass;
        }
        let owed = corrects.then_some(count);
        Verdict::Wait(Waiting { event: Vec::new(), count, owed, is_last_word: self.said_last_word })
    }
}

#[cfg(test)]
mod tests;

//! The money of one response while it goes out.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use farthing_money::Amount;
use farthing_protocol::Receipt;
use farthing_protocol::stream::NeedVoucher;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::purse::{Account, Held, Purse};

/// After this the books are asked again that did not answer.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Holds more when what is held runs low, and finds out when there is more. When it is dropped early, what went out
/// is charged all the same and the rest let go of.
pub(crate) struct Till<P: Purse> {
    account: Account,
    place: Place<P>,
    /// How many went out.
    owed: u64,
    /// How many are to be paid for next.
    next: u64,
    /// Whether something waits to be paid for.
    is_waited_for: bool,
    /// The total that was last asked for.
    asked: Option<Amount>,
    /// What is to be asked for once something waits for it.
    unsaid: Option<Unsaid>,
    is_closing: bool,
    /// Ends the waiting for news: nothing more is to be held.
    leave: Arc<Notify>,
    run: Run,
}

/// Runs what is left to do when the client has gone.
pub(crate) type Run = Box<dyn Fn(BoxFuture<'static, ()>) + Send>;

/// Where the purse is.
enum Place<P> {
    Here(P),
    Holding(BoxFuture<'static, (P, Held)>),
    Waiting(BoxFuture<'static, P>),
    Closed,
}

/// A voucher that is needed.
struct Unsaid {
    least: Amount,
    wanted: Amount,
    need: NeedVoucher,
}

/// What is new about the money.
#[derive(Debug)]
pub(crate) enum News {
    /// So many are paid for now.
    Paid(u64),
    /// Nothing more is signed for: this is to be asked.
    Ask(NeedVoucher),
    /// There will never be more.
    Ended,
}

impl<P: Purse> Till<P> {
    pub(crate) fn new(purse: P, account: Account, run: Run) -> Self {
        Self {
            account,
            place: Place::Here(purse),
            owed: 0,
            next: 0,
            is_waited_for: false,
            asked: None,
            unsaid: None,
            is_closing: false,
            leave: Arc::default(),
            run,
        }
    }

    /// How many are paid for.
    pub(crate) fn paid(&self) -> u64 {
        self.account.paid()
    }

    /// So many went out. Holds more if it is time for that.
    pub(crate) fn owe(&mut self, owed: u64) {
        self.owed = owed;
        if self.account.runs_low(owed) {
            self.start(owed.saturating_add(1));
        }
    }

    /// So many are owed, as far as they are paid for. Holds nothing more for that.
    pub(crate) fn owe_at_most(&mut self, owed: u64) {
        self.owed = owed.min(self.account.paid());
    }

    /// Something waits that takes a count of so many: tries to hold enough for that, and a slice with it.
    pub(crate) fn hold(&mut self, count: u64) {
        self.is_waited_for = true;
        self.start(count);
    }

    /// Whether it waits for a voucher, or for the books.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.place, Place::Waiting(_))
    }

    /// Goes on with what is being done, up to something new.
    pub(crate) fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<News> {
        loop {
            if self.is_waited_for
                && let Some(news) = self.ask()
            {
                return Poll::Ready(news);
            }
            match &mut self.place {
                Place::Holding(holding) => {
                    let (purse, held) = ready!(holding.poll_unpin(context));
                    if let Some(news) = self.hear(purse, held) {
                        return Poll::Ready(news);
                    }
                }
                Place::Waiting(waiting) => {
                    self.place = Place::Here(ready!(waiting.poll_unpin(context)));
                    if !self.is_closing && self.account.runs_low(self.owed) {
                        self.start(self.next.max(self.owed.saturating_add(1)));
                    }
                }
                Place::Here(_) | Place::Closed => return Poll::Pending,
            }
        }
    }

    /// Tells what was delivered in all, lets go of the rest, and gives the last receipt.
    pub(crate) fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<Option<Receipt>> {
        self.is_closing = true;
        self.leave.notify_one();
        while self.poll_news(context).is_ready() {}
        match std::mem::replace(&mut self.place, Place::Closed) {
            Place::Here(mut purse) => {
                self.tell(&mut purse);
                Poll::Ready(Some(purse.receipt()))
            }
            Place::Closed => Poll::Ready(None),
            busy => {
                self.place = busy;
                Poll::Pending
            }
        }
    }

    /// Tells what was delivered and tries to hold more, unless that is being done.
    fn start(&mut self, count: u64) {
        self.next = count;
        self.place = match std::mem::replace(&mut self.place, Place::Closed) {
            Place::Here(mut purse) => {
                self.tell(&mut purse);
                let (least, wanted) = self.account.to_hold(count, self.owed);
                Place::Holding(purse.hold(least, wanted).boxed())
            }
            busy => busy,
        };
    }

    fn hear(&mut self, purse: P, held: Held) -> Option<News> {
        match held {
            Held::More(more) => {
                self.account.add(more);
                (self.is_waited_for, self.asked, self.unsaid) = (false, None, None);
                self.place = Place::Here(purse);
                Some(News::Paid(self.account.paid()))
            }
            Held::Uncovered { least, wanted, early } => {
                self.unsaid = Some(Unsaid { least, wanted, need: purse.need(wanted) });
                let mut purse = purse;
                let leave = Arc::clone(&self.leave);
                let news = async move {
                    tokio::select! {
                        () = purse.news() => {}
                        () = leave.notified() => {}
                    }
                    purse
                };
                self.place = Place::Waiting(news.boxed());
                if early { self.ask() } else { None }
            }
            Held::Ended => {
                self.place = Place::Here(purse);
                Some(News::Ended)
            }
            Held::Unknown => {
                let leave = Arc::clone(&self.leave);
                let again = async move {
                    let _ = tokio::time::timeout(ASK_AGAIN, leave.notified()).await;
                    purse
                };
                self.place = Place::Waiting(again.boxed());
                None
            }
        }
    }

    /// Asks for the voucher that is needed, once.
    fn ask(&mut self) -> Option<News> {
        let Unsaid { least, wanted, need } = self.unsaid.take()?;
        if self.asked.is_some_and(|asked| asked >= least) {
            return None;
        }
        self.asked = Some(wanted);
        Some(News::Ask(need))
    }

    fn tell(&mut self, purse: &mut P) {
        if let Some((amount, units)) = self.account.deliver(self.owed) {
            purse.deliver(amount, units);
        }
    }
}

impl<P: Purse> Drop for Till<P> {
    fn drop(&mut self) {
        let delivered = self.account.deliver(self.owed);
        let tell = move |mut purse: P| {
            if let Some((amount, units)) = delivered {
                purse.deliver(amount, units);
            }
        };
        match std::mem::replace(&mut self.place, Place::Closed) {
            Place::Here(purse) => tell(purse),
            Place::Holding(holding) => (self.run)(holding.map(move |(purse, _)| tell(purse)).boxed()),
            Place::Waiting(waiting) => (self.run)(waiting.map(tell).boxed()),
            Place::Closed => {}
        }
    }
}

//! A timer that is set often and almost never rings.
//!
//! Every exchange waits several times with a bound, and nearly every wait ends long before its bound. Setting one of
//! the runtime's timers means taking it out of a shared wheel and putting it back. An [`Alarm`] stays where it is in
//! the wheel while its deadline moves on; when it comes up early it is put back once.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Bounds one wait after another by the same patience.
#[derive(Debug)]
pub struct Alarm {
    patience: Duration,
    /// Of the wait under way.
    deadline: Option<Instant>,
    sleep: Bell,
}

impl Alarm {
    /// An alarm that is not set.
    pub fn new(patience: Duration) -> Self {
        Self { patience, deadline: None, sleep: Bell::default() }
    }

    /// Ready when the wait has lasted too long. The first poll begins the wait.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience;
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + patience);
        self.sleep.poll_until(deadline, context)
    }

    /// The wait is over; the next poll begins another.
    pub fn silence(&mut self) {
        self.deadline = None;
    }
}

/// One timer of the runtime, made when it is first needed.
#[derive(Debug, Default)]
struct Bell(Option<Pin<Box<Sleep>>>);

impl Bell {
    fn poll_until(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(context));
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}

/// The timer of one connection, for hyper, which bounds the wait for each request head. Serves one wait at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionTimer(Arc<Mutex<Bell>>);

impl hyper::rt::Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Until { deadline: deadline.into(), bell: Arc::clone(&self.0) })
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

struct Until {
    deadline: Instant,
    bell: Arc<Mutex<Bell>>,
}

impl hyper::rt::Sleep for Until {}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // No code that holds the lock can leave the timer half changed.
        self.bell.lock().unwrap_or_else(PoisonError::into_inner).poll_until(self.deadline, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::rt::Timer;
    use std::future::poll_fn;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn each_wait_has_its_whole_patience() {
        let mut alarm = Alarm::new(PATIENCE);
        for _ in 0..3 {
            let begun = Instant::now();
            let rang = tokio::time::timeout(Duration::from_secs(7), poll_fn(|context| alarm.poll(context))).await;
            assert!(rang.is_err(), "after {:?}", begun.elapsed());
            alarm.silence();
        }
        let begun = Instant::now();
        poll_fn(|context| alarm.poll(context)).await;
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE + Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_of_one_connection_share_a_timer_and_keep_their_deadlines() {
        let timer = ConnectionTimer::default();
        let begun = Instant::now();
        let (early, late) = (begun + Duration::from_secs(3), begun + Duration::from_secs(9));
        let mut abandoned = timer.sleep_until(late.into_std());
        assert!(poll_fn(|context| Poll::Ready(abandoned.as_mut().poll(context))).await.is_pending());
        timer.sleep_until(early.into_std()).await;
        assert!(begun.elapsed() < Duration::from_secs(4));
        abandoned.await;
        assert!(begun.elapsed() >= Duration::from_secs(9));
    }
}

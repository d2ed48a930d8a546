//! Finishing what was begun for a client that has left.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::seller::Seller;

/// A step that goes on without whoever waits for it: when this is dropped early, the step runs to its end in a task
/// of its own. While somebody waits it costs no task.
pub(crate) struct Unattended<T: Send + 'static> {
    seller: Arc<Seller>,
    step: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T: Send + 'static> Unattended<T> {
    pub(crate) fn new(seller: Arc<Seller>, step: impl Future<Output = T> + Send + 'static) -> Self {
        Self { seller, step: Some(Box::pin(step)) }
    }
}

impl<T: Send + 'static> Future for Unattended<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(step) = &mut self.step else { return Poll::Pending };
        let polled = step.as_mut().poll(context);
        if polled.is_ready() {
            self.step = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Unattended<T> {
    fn drop(&mut self) {
        let Some(step) = self.step.take() else { return };
        if Handle::try_current().is_ok() {
            self.seller.spawn(step);
        }
    }
}

use std::fmt;
use std::sync::Arc;

/// Whether a rail may send from its accounts just now. Of several processes that share books one has each account, and
/// one that the others may have taken for dead has none until it was heard of again.
#[derive(Clone)]
pub struct Licence(Arc<dyn Fn() -> bool + Send + Sync>);

impl Licence {
    /// One that never ends: there is no other process.
    pub fn always() -> Self {
        Self::while_(|| true)
    }

    /// One that holds as long as this says so. It is asked before everything that is sent.
    pub fn while_(holds: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(holds))
    }

    /// Whether it holds now.
    pub fn holds(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Licence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Licence").field(&self.holds()).finish()
    }
}

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Something about a person or a card. It never shows in `Debug`, and only [`Personal::reveal`] hands it out.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct Personal<T: Zeroize>(T);

impl<T: Zeroize> Personal<T> {
    /// Takes it in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The thing itself.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Personal<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(personal)")
    }
}

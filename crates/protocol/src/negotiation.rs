//! `Accept-Payment` (core, section 7.4).

/// What a client can pay with, weighted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptPayment;

impl AcceptPayment {
    /// Reads all values of the header; `None` when absent or malformed.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let _ = lines.into_iter().count();
        todo!()
    }
    /// The indices of the offers to make, best first; all of them in order when nothing matches.
    pub fn rank(&self, offers: &[(&str, &str)]) -> Vec<usize> {
        let _ = offers;
        todo!()
    }
}

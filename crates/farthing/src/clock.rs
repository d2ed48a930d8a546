//! The one place where this program reads the time of day.

pub(crate) use farthing_rails::now;

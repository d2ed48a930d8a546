//! Books in a schema of a PostgreSQL server, which several processes may write.

pub(crate) mod address;
mod bulk;
pub(crate) mod link;
pub(crate) mod schema;
mod senders;
pub(crate) mod session;
mod tls;
pub(crate) mod turn;
pub(crate) mod value;
pub(crate) mod watch;

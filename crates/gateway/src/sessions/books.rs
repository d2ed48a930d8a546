//! What the books answer to a session's command.

use farthing_books::{Command, Outcome, SessionCommand, SessionOutcome, SessionRecord};
use farthing_rail::SessionId;

use super::stop::Stop;
use crate::seller::Seller;

/// Carries out a command, durably.
pub(super) async fn carry_out(seller: &Seller, command: SessionCommand) -> Result<SessionOutcome, Stop> {
    match seller.books.submit(Command::Session(command)).await {
        Ok(Outcome::Session(outcome)) => Ok(outcome),
        Ok(outcome) => {
            tracing::error!(?outcome, "the books answered a session's command with something else");
            Err(Stop::fault())
        }
        Err(error) => Err(Stop::store_down(seller, &error)),
    }
}

/// How a session stands.
pub(super) async fn record_of(seller: &Seller, session: SessionId) -> Result<Option<SessionRecord>, Stop> {
    seller.books.session(session).await.map_err(|error| Stop::store_down(seller, &error))
}

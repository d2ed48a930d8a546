//! `farthing pay --stream`: what comes goes to standard output as it comes, and is paid by the piece.

use std::io::Write;
use std::process::ExitCode;

use farthing_wallet::client::{Ending, PaidStream, Piece, Streamed, plain};
use farthing_wallet::{ApprovalRecord, Outcome, PayError, PayingClient};
use serde_json::json;

use super::{AWAITS_APPROVAL, Lasting, NO_OFFER, Pay, REFUSED, SERVER_ERROR, UNKNOWN, tell};
use crate::failure::Failure;
use crate::terminal;

impl Pay {
    pub(super) async fn run_stream(
        &self,
        client: &PayingClient,
        request: reqwest::Request,
    ) -> Result<ExitCode, Failure> {
        let started = match self.wait {
            true => self.stream_patiently(client, request).await,
            false => client.stream(request, &self.order()).await,
        };
        let stream = match started {
            Ok(Streamed::Stream(stream)) => stream,
            Ok(Streamed::Other(outcome)) => return self.conclude(client, *outcome).await,
            Err(PayError::Request(sentence)) => return Err(Failure::wrong_use(sentence)),
            Err(error) => return Err(said(error)),
        };
        let (ending, interrupted) = print(*stream).await?;
        self.keep(ending.receipt.as_ref())?;
        let (mut summary, exit) = summary(&ending);
        if interrupted {
            summary = format!("stopped; {}", summary.replacen("paid ", "paid at most ", 1));
        }
        if self.json {
            let session = ending.receipt.as_ref().map(|receipt| receipt.reference.clone());
            let shown = json!({
                "summary": summary, "wallet": client.wallet().name().as_str(), "exit": exit,
                "cost": ending.cost.to_string(), "session": session,
            });
            terminal::note(&shown.to_string());
        } else {
            terminal::note(&format!("farthing: {summary}"));
        }
        Ok(ExitCode::from(exit))
    }

    /// Begins a stream once whoever has to be asked has answered.
    async fn stream_patiently(&self, client: &PayingClient, request: reqwest::Request) -> Result<Streamed, PayError> {
        let (Lasting(patience), order) = (self.patience, self.order());
        let waiting = terminal::spinner("waiting for an answer");
        let asked = |record: &ApprovalRecord| waiting.suspend(|| tell(record));
        let streamed = client.stream_when_allowed(request, &order, patience, asked).await;
        waiting.finish_and_clear();
        streamed
    }
}

/// Prints what comes, until it ends or whoever sits at the terminal has enough.
async fn print(mut stream: PaidStream) -> Result<(Ending, bool), Failure> {
    let mut output = std::io::stdout();
    loop {
        let piece = tokio::select! {
            piece = stream.next() => piece.map_err(said)?,
            _ = tokio::signal::ctrl_c() => return Ok((stream.stop().await.map_err(said)?, true)),
        };
        match piece {
            Piece::End(ending) => return Ok((*ending, false)),
            Piece::Data(data) => {
                let ends = if stream.is_of_events() { b"\n".as_slice() } else { b"" };
                let written = output.write_all(&data).and_then(|()| output.write_all(ends));
                // A closed pipe is the reader's choice, and nothing more is paid for nobody.
                if written.and_then(|()| output.flush()).is_err() {
                    return Ok((stream.stop().await.map_err(said)?, true));
                }
            }
        }
    }
}

fn summary(ending: &Ending) -> (String, u8) {
    let cost = ending.cost;
    let session = ending.receipt.as_ref().map(|receipt| format!(", session {}", plain(&receipt.reference)));
    let bound = if ending.stopped.is_some() { "at most " } else { "" };
    let paid = format!("paid {bound}{cost}{}", session.unwrap_or_default());
    match &ending.stopped {
        None => (paid, 0),
        Some(Outcome::Refused { sentence, .. }) => (format!("{paid}; stopped: {sentence}"), REFUSED),
        Some(Outcome::NoOffer { reasons }) => (format!("{paid}; stopped: {}", reasons.join("; ")), NO_OFFER),
        Some(Outcome::Unknown { sentence, .. }) => (format!("{paid}; {sentence}"), UNKNOWN),
        Some(Outcome::ServerError { response, .. }) => {
            (format!("{paid}; the server answered a voucher with {}", response.status()), SERVER_ERROR)
        }
        Some(Outcome::AwaitsApproval { id, sentence, .. }) => (
            format!("{paid}; stopped: {sentence}; farthing approvals allow {id} lets the next call go on"),
            AWAITS_APPROVAL,
        ),
        Some(_) => (format!("{paid}; stopped"), UNKNOWN),
    }
}

fn said(error: PayError) -> Failure {
    Failure::new(error.to_string())
}

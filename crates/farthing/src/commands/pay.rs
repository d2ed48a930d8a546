//! `farthing pay`: fetch a URL, and pay for it if it asks and the policy allows.

mod stream;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use farthing_money::Price;
use farthing_protocol::{Receipt, Timestamp};
use farthing_wallet::client::{By, Order, plain};
use farthing_wallet::{ApprovalId, ApprovalRecord, Outcome, PayError, PayingClient, WalletName};
use http::{HeaderName, HeaderValue, Method};
use serde_json::json;
use url::Url;

use super::home::Home;
use super::key::delegated::Lasting;
use super::tag::{self, Tag};
use crate::failure::{Failure, OrFail};
use crate::terminal;

const REFUSED: u8 = 3;
const NO_OFFER: u8 = 4;
const UNKNOWN: u8 = 5;
const AWAITS_APPROVAL: u8 = 6;
const UNCONFIRMED: u8 = 7;
const SERVER_ERROR: u8 = 22;
/// In which a gateway says that it owes a delivery.
const ENTITLEMENT: &str = "farthing-entitlement";
/// How many reasons are given for offers that cannot be paid.
const REASONS: usize = 3;

/// Fetch a URL and pay for it if it asks.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  farthing pay --wallet agent --max \"0.05 USD\" https://api.example.com/v1/forecast/paris\n  \
    farthing pay --wait --patience 10m https://api.example.com/v1/report\n  \
    farthing pay --stream --max \"0.10 USD\" -d @question.json https://api.example.com/v1/answers\n\n\
    Exit codes: 0 paid or free, 2 wrong use, 3 refused by policy, 4 no offer can be paid,\n\
    5 outcome unknown (the same call may be repeated safely), 6 waits for approval, 7 answered, and not known whether it was paid\n\
    (it stays counted; the same call is another purchase), 22 the server's own error."
)]
pub(crate) struct Pay {
    /// What to fetch.
    url: Url,
    /// The method; POST when there is a body, otherwise GET.
    #[arg(short = 'X', long)]
    method: Option<Method>,
    /// A header, `name: value`; may be repeated.
    #[arg(short = 'H', long = "header")]
    headers: Vec<Header>,
    /// A body, or @FILE.
    #[arg(short = 'd', long)]
    data: Option<String>,
    /// The most this call may cost, on top of the policy.
    #[arg(long)]
    max: Option<Price>,
    /// What it is for, `name=value`, for limits of the policy; may be repeated.
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<Tag>,
    /// Print an answer that is a stream as it comes, and pay for it by the piece, from a session. --max is then
    /// for the whole stream.
    #[arg(long)]
    stream: bool,
    /// Pay from a session, which is opened if there is none.
    #[arg(long, conflicts_with = "charge")]
    session: bool,
    /// Pay by itself, from no session.
    #[arg(long)]
    charge: bool,
    /// The most to deposit in a session now, within the policy; more than the seller suggests, if so.
    #[arg(long)]
    deposit: Option<Price>,
    /// How many units of a stream to sign for ahead of what it asks, so that it pauses less often.
    #[arg(long, value_name = "UNITS", default_value_t = 0)]
    ahead: u32,
    /// The wallet that pays.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    /// Say what would happen and which rule decides; pay nothing.
    #[arg(long)]
    dry_run: bool,
    /// Where a person has to allow it, wait for their answer and then pay.
    #[arg(long)]
    wait: bool,
    /// How long to wait for the answer.
    #[arg(long, value_name = "DURATION", default_value = "10m", requires = "wait")]
    patience: Lasting,
    /// Write the receipt here, as JSON.
    #[arg(long)]
    receipt: Option<PathBuf>,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Clone)]
struct Header(HeaderName, HeaderValue);

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("a header is written \"name: value\"")?;
        let name = name.trim().parse().map_err(|_| format!("\"{name}\" is not a header name"))?;
        let value = value.trim().parse().map_err(|_| "the header's value has a character that is not allowed")?;
        Ok(Self(name, value))
    }
}

impl Pay {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.home.client(&self.wallet).await?;
        let request = self.request()?;
        if self.dry_run {
            return super::policy::explain(&client, request, &self.order(), self.json).await;
        }
        if self.stream {
            return self.run_stream(&client, request).await;
        }
        let paid = match self.wait {
            true => self.pay_patiently(&client, request).await,
            false => client.pay_as(request, &self.order()).await,
        };
        match paid {
            Ok(outcome) => self.conclude(&client, outcome).await,
            Err(PayError::Request(sentence)) => Err(Failure::wrong_use(sentence)),
            Err(error) => Err(Failure::new(error.to_string())),
        }
    }

    async fn pay_patiently(&self, client: &PayingClient, request: reqwest::Request) -> Result<Outcome, PayError> {
        let (Lasting(patience), order) = (self.patience, self.order());
        let waiting = terminal::spinner("waiting for an answer");
        let paid = client.pay_when_allowed(request, &order, patience, |record| waiting.suspend(|| tell(record))).await;
        waiting.finish_and_clear();
        paid
    }

    fn order(&self) -> Order {
        let by = match (self.session || self.stream, self.charge) {
            (_, true) => By::Charge,
            (true, false) => By::Session,
            (false, false) => By::Cheapest,
        };
        let tags = tag::all(&self.tags);
        Order { max: self.max, by, deposit: self.deposit, ahead: self.ahead, tags, ..Order::default() }
    }

    fn request(&self) -> Result<reqwest::Request, Failure> {
        let method = self.method.clone().unwrap_or(if self.data.is_some() { Method::POST } else { Method::GET });
        let mut request = reqwest::Request::new(method, self.url.clone());
        for Header(name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        if let Some(data) = &self.data {
            let body = match data.strip_prefix('@') {
                Some(file) => std::fs::read(file).map_err(|error| Failure::wrong_use(format!("{file}: {error}")))?,
                None => data.clone().into_bytes(),
            };
            *request.body_mut() = Some(body.into());
        }
        Ok(request)
    }

    async fn conclude(&self, client: &PayingClient, outcome: Outcome) -> Result<ExitCode, Failure> {
        let (summary, exit) = match &outcome {
            Outcome::Free { response }
                if response.status().is_client_error() || response.status().is_server_error() =>
            {
                (format!("the server answered {}; nothing was paid", response.status()), SERVER_ERROR)
            }
            Outcome::Free { .. } => ("free".to_owned(), 0),
            Outcome::Paid { cost, fee, receipt, .. } => {
                self.keep(receipt.as_ref())?;
                let reference = receipt.as_ref().map(|receipt| format!(", reference {}", plain(&receipt.reference)));
                (format!("paid {}{}", spent(*cost, *fee, &self.url), reference.unwrap_or_default()), 0)
            }
            Outcome::Refused { sentence, .. } => (format!("not paid: {sentence}"), REFUSED),
            Outcome::AwaitsApproval { id, sentence, deadline } => (awaits(*id, sentence, *deadline), AWAITS_APPROVAL),
            Outcome::NoOffer { reasons } => (format!("not paid: {}", no_offer(reasons)), NO_OFFER),
            Outcome::Unknown { sentence, .. } => (format!("outcome unknown: {sentence}"), UNKNOWN),
            Outcome::Unconfirmed { cost, sentence, .. } => {
                (unconfirmed(*cost, sentence, client.wallet().name()), UNCONFIRMED)
            }
            Outcome::ServerError { response, cost } => (not_delivered(response, *cost), SERVER_ERROR),
            _ => ("outcome unknown".to_owned(), UNKNOWN),
        };
        if self.json {
            terminal::note(
                &json!({ "summary": summary, "wallet": client.wallet().name().as_str(), "exit": exit }).to_string(),
            );
        } else {
            terminal::note(&format!("farthing: {summary}"));
        }
        if let Outcome::Free { response }
        | Outcome::Paid { response, .. }
        | Outcome::Unconfirmed { response, .. }
        | Outcome::ServerError { response, .. } = outcome
        {
            print_body(response).await?;
        }
        Ok(ExitCode::from(exit))
    }

    fn keep(&self, receipt: Option<&Receipt>) -> Result<(), Failure> {
        let (Some(file), Some(receipt)) = (&self.receipt, receipt) else { return Ok(()) };
        let mut kept = json!({
            "status": "success",
            "method": receipt.method.as_str(),
            "reference": receipt.reference,
            "timestamp": receipt.timestamp.to_rfc3339(),
            "challengeId": receipt.challenge_id.as_ref().map(|id| id.as_str()),
            "externalId": receipt.external_id,
        });
        for member in ["signedReceipt", "signedBy", "sandbox", "notice"] {
            if let Some(said) = receipt.extra.get(member) {
                kept[member] = said.clone();
            }
        }
        std::fs::write(file, format!("{kept}\n")).or_fail("paid, but the receipt cannot be written")
    }
}

/// Says what a person is asked.
fn tell(record: &ApprovalRecord) {
    let (id, sentence) = (record.id, plain(&record.sentence));
    terminal::note(&format!("farthing: {sentence}; answer with: farthing approvals allow {id}"));
}

/// How much went to whom, and for what.
fn spent(cost: Price, fee: Option<Price>, url: &Url) -> String {
    let price = fee.and_then(|fee| Some((cost.millionths().checked_sub(fee.millionths())?, fee)));
    match price {
        Some((price, fee)) => {
            let price = Price::from_millionths(price, cost.currency());
            format!("{price} to {}, and at most {fee} for the chain's fee", origin(url))
        }
        None => format!("{cost} to {}", origin(url)),
    }
}

/// What is asked, and how it is answered.
fn awaits(id: ApprovalId, sentence: &str, deadline: Timestamp) -> String {
    format!(
        "not paid yet: {sentence}; until {} run farthing approvals allow {id}, then make the same call again",
        deadline.to_rfc3339()
    )
}

/// What an answer means that does not say what became of the payment.
fn unconfirmed(cost: Price, sentence: &str, wallet: &WalletName) -> String {
    format!(
        "answered, and it is not known whether {cost} was paid: {sentence}; it stays counted, and farthing wallet settle \
         {wallet} asks the chain"
    )
}

/// What an error in answer to a payment means for the money. A gateway of this kind says until when it
/// owes the delivery.
fn not_delivered(response: &reqwest::Response, cost: Price) -> String {
    let status = response.status();
    let owed = response.headers().get(ENTITLEMENT).and_then(|owed| owed.to_str().ok());
    match owed.map(|owed| owed.split(';').find_map(|member| member.trim().strip_prefix("until="))) {
        Some(until) => {
            let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
            format!("the server took {cost} and answered {status}; the same call fetches again for free{until}")
        }
        None => format!(
            "the server answered the payment with {status}; {cost} stays counted, and the same call presents the same \
             payment again and does not pay anew"
        ),
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The reasons, each once, and not more than a person reads.
fn no_offer(reasons: &[String]) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for reason in reasons {
        if !distinct.contains(&reason.as_str()) {
            distinct.push(reason);
        }
    }
    let shown = distinct.iter().take(REASONS).copied().collect::<Vec<_>>().join("; ");
    match distinct.len().checked_sub(REASONS) {
        _ if distinct.is_empty() => "the server asks for a payment and offers no way to pay".to_owned(),
        None | Some(0) => shown,
        Some(more) => format!("{shown}; and {more} other reasons"),
    }
}

async fn print_body(mut response: reqwest::Response) -> Result<(), Failure> {
    let mut output = std::io::stdout();
    while let Some(chunk) = response.chunk().await.or_fail("the answer broke off")? {
        // A closed pipe is the reader's choice.
        if output.write_all(&chunk).is_err() {
            break;
        }
    }
    let _ = output.flush();
    Ok(())
}

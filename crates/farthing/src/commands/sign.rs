//! `farthing sign`: signatures out of a vault of the Open Wallet Standard.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alloy_primitives::{Address, U256, hex};
use clap::{Args, Subcommand, ValueEnum};
use farthing_keys::{Stop, Stopped, Token};
use farthing_ows::{Credential, Journal, Labels, OwsError, OwsSigner, Presented, Request};
use farthing_wallet::Ambient;
use secrecy::SecretSlice;
use serde_json::json;

use super::home::Home;
use super::ows::Vault;
use crate::failure::{Failure, OrFail};
use crate::{clock, environment, terminal};

/// No more than this is read of what is to be signed.
const MOST_BYTES: u64 = 1024 * 1024;
/// The exit code of a refusal by policy, as `pay` has it.
const REFUSED: u8 = 3;

/// Sign out of a vault of the Open Wallet Standard.
#[derive(Subcommand)]
pub(crate) enum Sign {
    /// Sign a message (EIP-191).
    #[command(
        after_help = "Examples:\n  farthing sign message --wallet treasury --chain eip155:8453 --message hello\n  \
        farthing sign message --wallet treasury --chain base --message 0x68690a --encoding hex --json\n\n\
        What opens the wallet: FARTHING_CARD (a key's token), OWS_PASSPHRASE (the owner's passphrase or a token),\n\
        --passphrase-file, FARTHING_PASSPHRASE, or a question on the terminal. A token signs what the policies of its\n\
        key allow; each decision is in logs/audit.jsonl of the vault.\n\
        Exit codes: 0 signed, 1 not signed, 2 wrong use, 3 refused by policy."
    )]
    Message(Message),
    /// Sign a transaction: legacy with its chain (EIP-155), EIP-2930, EIP-1559 or EIP-7702. What cannot be decoded is
    /// refused.
    #[command(
        after_help = "Example:\n  farthing sign tx --wallet treasury --chain eip155:8453 --tx 0x02f8... \\\n    \
        --recipient 0x000000000000000000000000000000000000bEEF --amount 1000000\n\n\
        --recipient, --contract and --amount are compared with the bytes; a difference is refused."
    )]
    Tx(Tx),
    /// Sign typed data (EIP-712). The chain of its domain must be the one named.
    #[command(after_help = "Example:\n  farthing sign typed-data --wallet treasury --chain base --file permit.json")]
    TypedData(TypedData),
}

#[derive(Args)]
pub(crate) struct Message {
    /// What to sign.
    #[arg(long)]
    message: String,
    /// How the message is written.
    #[arg(long, value_enum, default_value = "utf8")]
    encoding: Encoding,
    #[command(flatten)]
    with: With,
}

#[derive(Clone, Copy, ValueEnum)]
enum Encoding {
    /// Text.
    Utf8,
    /// Hexadecimal digits.
    Hex,
}

#[derive(Args)]
pub(crate) struct Tx {
    /// The unsigned transaction, in hexadecimal.
    #[arg(long)]
    tx: String,
    #[command(flatten)]
    labels: Believed,
    #[command(flatten)]
    with: With,
}

#[derive(Args)]
pub(crate) struct TypedData {
    /// The typed data, as JSON.
    #[arg(long, required_unless_present = "file")]
    data: Option<String>,
    /// A file with it; - for standard input.
    #[arg(long, conflicts_with = "data")]
    file: Option<PathBuf>,
    #[command(flatten)]
    labels: Believed,
    #[command(flatten)]
    with: With,
}

/// What the caller believes to sign.
#[derive(Args)]
pub(crate) struct Believed {
    /// Who is paid, or may take the money.
    #[arg(long)]
    recipient: Option<Address>,
    /// The contract that is called, or that the typed data is for.
    #[arg(long)]
    contract: Option<Address>,
    /// How much is paid, in base units, without the chain's fee.
    #[arg(long)]
    amount: Option<U256>,
}

/// Which wallet, and on which chain.
#[derive(Args)]
pub(crate) struct With {
    /// The wallet, by name or id.
    #[arg(long, env = "OWS_WALLET")]
    wallet: String,
    /// The chain (CAIP-2), such as eip155:8453, or its short name, such as base.
    #[arg(long)]
    chain: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    vault: Vault,
    #[command(flatten)]
    home: Home,
}

impl Sign {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Message(Message { message, encoding, with }) => {
                let message = match encoding {
                    Encoding::Utf8 => message.into_bytes(),
                    Encoding::Hex => hex::decode(&message).or_fail("the message is not hexadecimal")?,
                };
                with.sign(Presented::Message(message), Labels::default())
            }
            Self::Tx(Tx { tx, labels, with }) => {
                let bytes = hex::decode(tx.trim()).or_fail("the transaction is not hexadecimal")?;
                with.sign(Presented::Transaction(bytes), labels.into())
            }
            Self::TypedData(TypedData { data, file, labels, with }) => {
                let data = match (data, file) {
                    (Some(data), _) => data,
                    (None, Some(file)) => read(&file)?,
                    (None, None) => return Err(Failure::wrong_use("give the typed data, or a file with it")),
                };
                with.sign(Presented::TypedData(data), labels.into())
            }
        }
    }
}

impl With {
    fn sign(self, presented: Presented, labels: Labels) -> Result<ExitCode, Failure> {
        let vault = self.vault.open()?;
        let credential = self.credential()?;
        // Whoever freezes everything here means this, too.
        let frozen = Stop::while_there(self.home.directory()?.join("frozen"), Stopped::Everything);
        let journal = Journal::of(&vault);
        let signer = OwsSigner::new(vault, journal, Ambient::new(clock::now), vec![frozen]);
        let request = Request { wallet: self.wallet, chain: self.chain, presented, labels };
        let signed = match signer.sign(&request, &credential) {
            Ok(signed) => signed,
            Err(error @ OwsError::PolicyDenied(_)) => {
                terminal::complain(&format!("{}: {error}", error.code()));
                return Ok(ExitCode::from(REFUSED));
            }
            Err(error) => return Err(Failure::new(format!("{}: {error}", error.code()))),
        };
        let (signature, transaction) =
            (hex::encode(signed.signature), signed.transaction.as_ref().map(hex::encode_prefixed));
        if self.json {
            terminal::say_json(&json!({
                "signature": signature,
                "recovery_id": signed.recovery_id(),
                "transaction": transaction,
            }));
        } else {
            terminal::say(&signature);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The first of the places where something is that opens the wallet.
    fn credential(&self) -> Result<Credential, Failure> {
        let given = environment::variable("FARTHING_CARD").or_else(|| environment::variable("OWS_PASSPHRASE"));
        match given {
            Some(token) if token.trim().starts_with(Token::PREFIX) => {
                Token::parse(&token).map(Credential::Token).or_fail("the token")
            }
            Some(_) if environment::variable("FARTHING_CARD").is_some() => {
                Err(Failure::wrong_use("FARTHING_CARD holds no token; it begins with ows_key_"))
            }
            Some(empty) if empty.is_empty() => Err(Failure::wrong_use(
                "OWS_PASSPHRASE is empty; a wallet that opens without one is not signed with here",
            )),
            Some(passphrase) => Ok(Credential::Owner(SecretSlice::from(passphrase.into_bytes()))),
            None => {
                let source = self.home.passphrase()?;
                let passphrase = source.read(&self.home.directory()?);
                passphrase.map(Credential::Owner).or_fail("the passphrase")
            }
        }
    }
}

impl From<Believed> for Labels {
    fn from(Believed { recipient, contract, amount }: Believed) -> Self {
        Self { recipient, contract, amount }
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let shown = path.display().to_string();
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text),
        false => std::fs::File::open(path).or_fail(&shown)?.take(MOST_BYTES).read_to_string(&mut text),
    };
    read.or_fail(&shown)?;
    Ok(text)
}

//! The rails that are raced over: who pays, whom, and what was signed.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farthing_rail::Payer;
use farthing_rail_evm::Account;
use farthing_rail_evm::buyer::Chains;
use farthing_rail_evm::evm::EvmPayer;
use farthing_rail_evm::tempo::{PayingKey, TempoPayer};
use farthing_rail_evm::usdc::UsdcPayer;
use farthing_wallet::PayingClient;
use farthing_wallet::client::Settings;

use crate::double::{self, Asked};
use crate::{PRICE, session_double, x402_double};

/// One way to pay.
pub(crate) struct Rail {
    pub(crate) name: &'static str,
    /// The named steps of a payment by it.
    pub(crate) steps: &'static [&'static str],
    /// What is asked for, where it is a charge by a challenge: the method, the currency and the whole request.
    charge: Option<(&'static str, &'static str)>,
}

const CHARGED: &[&str] =
    &["wallet-after-reserve", "wallet-after-sign", "wallet-after-keep", "wallet-after-send", "wallet-before-confirm"];

const BALANCE: Rail = Rail { name: "balance", steps: CHARGED, charge: None };
const X402: Rail = Rail { name: "x402", steps: CHARGED, charge: None };
const SESSIONS: Rail = Rail {
    name: "sessions",

    steps: &[
        "wallet-after-session-begin",
        "wallet-after-deposit-reserve",
        "wallet-after-open-sign",
        "wallet-after-open-keep",
        "wallet-after-voucher-sign",
        "wallet-after-voucher-keep",
        "wallet-after-send",
        "wallet-before-session-conclude",
    ],
    charge: None,
};
/// The seller pays the fee, so that a payment costs what it is for.
const TEMPO: Rail = Rail {
    name: "tempo",

    steps: CHARGED,
    charge: Some((
        "tempo",
        r#"{"amount": "1000", "currency": "0x20c0000000000000000000000000000000000000",
            "recipient": "0x742d35cc6634c0532925a3b844bc9e7595f8fe00",
            "methodDetails": {"chainId": 42431, "feePayer": true, "supportedModes": ["pull"]}}"#,
    )),
};
const EVM: Rail = Rail {
    name: "evm",

    steps: CHARGED,
    charge: Some((
        "evm",
        r#"{"amount": "1000", "currency": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "recipient": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
            "methodDetails": {"chainId": 84532, "credentialTypes": ["authorization"]}}"#,
    )),
};
const USDC: Rail = Rail {
    name: "usdc",

    steps: CHARGED,
    charge: Some((
        "usdc",
        r#"{"amount": "1000", "currency": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "recipient": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
            "methodDetails": {"type": "evm", "evm": {"chainId": 84532, "decimals": 6}}}"#,
    )),
};

/// All that a wallet pays by.
pub(crate) const ALL: [&Rail; 6] = [&BALANCE, &X402, &SESSIONS, &TEMPO, &EVM, &USDC];

/// The rail of this name.
pub(crate) fn named(name: &str) -> &'static Rail {
    ALL.into_iter().find(|rail| rail.name == name).unwrap()
}

impl Rail {
    /// A client that pays by it, out of the wallet in this home.
    pub(crate) fn client(&self, home: &Path) -> PayingClient {
        match self.name {
            "balance" => double::client(home),
            "x402" => x402_double::client(home).0,
            "sessions" => session_double::client(home),
            _ => on_chains(home),
        }
    }

    /// Somebody who is paid by it.
    pub(crate) async fn open(&self) -> Seller {
        match (self.name, self.charge) {
            ("x402", _) => Seller::X402(
                x402_double::Shop::honest(|origin| x402_double::list(origin, vec![x402_double::entry("1000")])).await,
            ),
            ("sessions", _) => Seller::Sessions(session_double::Shop::start().await),
            (_, Some((method, request))) => {
                let asked = Asked { method, request: Some(request), ..Asked::default() };
                Seller::Charges(double::Seller::offering(vec![asked]).await)
            }
            (_, None) => Seller::Charges(double::Seller::start().await),
        }
    }
}

/// One whose every payment is signed by an account, and which no chain is asked about.
fn on_chains(home: &Path) -> PayingClient {
    let wallet = double::open(home);
    let account = || Account::new(wallet.account().unwrap());
    let (chains, clock) = (Chains::default(), Arc::new(double::now));
    let payers: Vec<Arc<dyn Payer>> = vec![
        Arc::new(TempoPayer::new(PayingKey::Own(account()), Arc::default(), Arc::clone(&clock) as _)),
        Arc::new(EvmPayer::new(account(), &chains, Arc::clone(&clock) as _)),
        Arc::new(UsdcPayer::new(account(), &chains, clock)),
    ];
    let settings = Settings { attempts: 3, longest_wait: Duration::from_millis(5), ..Settings::default() };
    PayingClient::with_settings(wallet, payers, settings).unwrap()
}

/// Who is paid in a round, and settles nothing.
pub(crate) enum Seller {
    /// By the Payment scheme.
    Charges(double::Seller),
    X402(x402_double::Shop),
    Sessions(session_double::Shop),
}

impl Seller {
    /// What is bought.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Charges(seller) => seller.url("/same").to_string(),
            Self::X402(shop) => shop.get("/report").url().to_string(),
            Self::Sessions(shop) => format!("{}/same", shop.origin),
        }
    }

    /// What it was shown signatures for, in millionths: every different one is money.
    pub(crate) fn signed(&self) -> u64 {
        match self {
            Self::Charges(seller) => {
                let seen = seller.seen();
                let shown = seen.iter().filter_map(|seen| seen.headers.get("authorization"));
                shown.map(|value| value.as_bytes()).collect::<BTreeSet<_>>().len() as u64 * PRICE
            }
            Self::X402(shop) => shop.headers().into_iter().collect::<BTreeSet<_>>().len() as u64 * PRICE,
            Self::Sessions(shop) => {
                let channels = shop.channels();
                assert!(channels.iter().all(|channel| channel.spent <= channel.deposit), "{channels:?}");
                channels.iter().map(|channel| u64::try_from(channel.deposit).unwrap()).sum()
            }
        }
    }
}

//! The commands, one file each.

mod admin;
mod approvals;
mod audit;
mod balance;
mod books;
mod card;
mod check;
mod conformance;
mod console;
mod demo;
mod devnet;
mod differences;
mod exposure;
mod facilitator;
mod freeze;
mod gateway;
mod home;
mod key;
mod mcp;
mod owner;
mod ows;
mod password;
mod pay;
mod policy;
mod proxy;
mod run;
mod sessions;
mod sign;
mod store;
mod subscriptions;
mod tag;
mod wallet;

use std::future::Future;
use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::{Failure, OrFail};

/// What `farthing` can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Watch an agent buy a thousand requests, be stopped by its limit, and the books balance.
    Demo(demo::Demo),
    /// Start a chain on this machine to try payments on.
    Devnet(devnet::Devnet),
    /// Put a price on an HTTP server.
    Gateway(gateway::Gateway),
    /// Settle x402 payments for other sellers.
    Facilitator(facilitator::Facilitator),
    /// Fetch a URL and pay for it if it asks.
    Pay(pay::Pay),
    /// Give an assistant a wallet, as tools of the Model Context Protocol.
    Mcp(mcp::Mcp),
    /// Run a command whose requests are paid for, and say what it spent.
    Run(run::Run),
    /// Let any program that knows a proxy pay.
    Proxy(proxy::Proxy),
    /// Wallets, one per agent.
    #[command(subcommand)]
    Wallet(wallet::Wallet),
    /// Deposits that vouchers are drawn from, and getting the rest of them back.
    #[command(subcommand)]
    Sessions(sessions::Sessions),
    /// What sellers collect period after period, and ending it.
    #[command(subcommand)]
    Subscriptions(subscriptions::Subscriptions),
    /// The limits of a wallet.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Payments that wait for a person.
    #[command(subcommand)]
    Approvals(approvals::Approvals),
    /// See and answer what waits, and stop wallets, over an API on this machine.
    Console(console::Console),
    /// Where a gateway's books are.
    #[command(subcommand)]
    Store(store::Store),
    /// The log of what was decided about every payment.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// The key that signs what wallets may spend.
    #[command(subcommand)]
    Owner(owner::Owner),
    /// The keys of a wallet.
    #[command(subcommand)]
    Key(key::Key),
    /// Sign out of a vault of the Open Wallet Standard.
    #[command(subcommand)]
    Sign(sign::Sign),
    /// Virtual cards: a wallet handed to an agent as one token, within limits.
    #[command(subcommand)]
    Card(card::Card),
    /// Prepaid balances at a gateway.
    #[command(subcommand)]
    Balance(balance::Balance),
    /// Stop a wallet, a card, or everything, at once: nothing is signed until it is thawed. With --all (or
    /// --unwind) what is out is then taken back: sessions, signatures, allowances, granted keys, cards.
    #[command(after_help = "Examples:\n  farthing freeze --all\n  farthing freeze --wallet agent\n  \
        farthing freeze --wallet agent --unwind --json\n\n\
        Exit codes: 0 frozen, and nothing can leave any more, 1 failed, 2 wrong use, 5 frozen, and something is\n\
        still out (the same command goes on with it).")]
    Freeze(freeze::Freeze),
    /// The most that can still leave a wallet, and what it is made of.
    #[command(after_help = "Examples:\n  farthing exposure\n  farthing exposure --wallet agent --json")]
    Exposure(exposure::Exposure),
    /// Let what is frozen sign again.
    #[command(after_help = "Examples:\n  farthing thaw --all\n  farthing thaw --wallet agent")]
    Thaw(freeze::Thaw),
    /// A seller's books.
    #[command(subcommand)]
    Books(books::Books),
    /// Examine a paid endpoint without paying.
    Check(check::Check),
    /// Answer one request of the public MPP conformance suite.
    Conformance(conformance::Conformance),
}

impl Command {
    /// Does it.
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        if self.is_the_owner_s() && card::presented()?.is_some() {
            return Err(Failure::wrong_use(
                "whoever pays with a card changes nothing; unset FARTHING_CARD to do it as the wallet's owner",
            ));
        }
        match self {
            Self::Demo(command) => block_on(command.run()),
            Self::Devnet(command) => block_on(command.run()),
            Self::Gateway(command) => block_on(command.run()),
            Self::Facilitator(command) => block_on(command.run()),
            Self::Pay(command) => block_on(command.run()),
            Self::Mcp(command) => block_on(command.run()),
            Self::Run(command) => block_on(command.run()),
            Self::Proxy(command) => block_on(command.run()),
            Self::Wallet(command) => block_on(command.run()),
            Self::Sessions(command) => block_on(command.run()),
            Self::Subscriptions(command) => block_on(command.run()),
            Self::Policy(command) => block_on(command.run()),
            Self::Approvals(command) => block_on(command.run()),
            Self::Console(command) => block_on(command.run()),
            Self::Audit(command) => block_on(command.run()),
            Self::Store(command) => block_on(command.run()),
            Self::Owner(command) => command.run(),
            Self::Key(command) => block_on(command.run()),
            Self::Sign(command) => command.run(),
            Self::Balance(command) => block_on(command.run()),
            Self::Card(command) => block_on(command.run()),
            Self::Freeze(command) => block_on(command.run()),
            Self::Exposure(command) => block_on(command.run()),
            Self::Thaw(command) => block_on(command.run()),
            Self::Books(command) => block_on(command.run()),
            Self::Check(command) => block_on(command.run()),
            Self::Conformance(command) => command.run(),
        }
    }
}

impl Command {
    /// Whether it changes what may be paid, or shows a key. Stopping is anybody's.
    fn is_the_owner_s(&self) -> bool {
        use {approvals::Approvals, card::Card, key::Key, policy::Policy, wallet::Wallet};
        match self {
            Self::Thaw(_) => true,
            Self::Card(command) => matches!(command, Card::Create(_) | Card::Issue(_) | Card::Thaw(_)),
            Self::Approvals(command) => !matches!(command, Approvals::List(_) | Approvals::Show(_)),
            Self::Key(command) => !matches!(command, Key::List(_)),
            Self::Policy(command) => matches!(command, Policy::Set(_)),
            Self::Wallet(command) => {
                use Wallet::{Balance, Freeze, History, List, Settle, Show, Templates};
                !matches!(command, List(_) | Show(_) | Balance(_) | History(_) | Settle(_) | Freeze(_) | Templates(_))
            }
            _ => false,
        }
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    // With one core there is nobody to share tasks with, and sharing them is a tenth of a proxied request.
    let alone = std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let mut builder = match alone {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build().or_fail("cannot start the runtime")?.block_on(work)
}

//! The cap, raced for: ten processes over one home try two hundred payments where there is room for a hundred, and
//! half of them are killed, at a step of a payment or wherever they happen to be. What was signed stays within
//! the cap, always; and afterwards the log of decisions says what the counters say.
//!
//! Twenty rounds over all rails; `cargo xtask nightly` runs a thousand. A process that survives a round goes on in the
//! next, over the same home and under a new cap, with what the dead left behind. The same again with processes of three
//! machines, each with a home of its own, that have nothing in common but one PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, helpers of the tests included")]
#![allow(clippy::disallowed_methods, reason = "its child processes are told what to do by their environment")]

#[path = "../double/mod.rs"]
mod double;
mod racer;
mod rails;
#[path = "../session_double/mod.rs"]
mod session_double;
#[path = "../x402_double/mod.rs"]
mod x402_double;

use std::path::{Path, PathBuf};

use farthing_keys::private_file::{self, private_directory};
use farthing_wallet::PayingClient;
use racer::{CALLS, Fate, Racer, random};
use rails::Seller;

/// How many rounds in all, over all rails.
const ROUNDS: &str = "FARTHING_ROUNDS";
/// For how many rounds homes are used, in turn; then their logs are verified. What goes wrong in the first moments of a
/// new home is raced for, and so is what comes of the things that the dead of many rounds left behind.
const ROUNDS_OF_HOMES: [u32; 4] = [1, 1, 1, 7];

/// What every payment costs, in millionths, and how many of them each round's cap has room for.
const PRICE: u64 = 1_000;
const ROOM: u64 = 100 * PRICE;

/// What came of the rounds, for people who read the nightly's output.
#[derive(Default)]
struct Tally {
    rounds: u32,
    killed: u32,
    died_at_a_step: u32,
    used_up: u32,
    /// Signed, of so much that the caps allowed, in millionths: where that was the greatest part.
    fullest: (u64, u64),
}

/// Ten processes over one home, or over those of several machines, round after round.
struct Race {
    /// The first has the owner's key.
    homes: Vec<PathBuf>,
    client: PayingClient,
    /// Those that live, by their slot; the rail is the slot's.
    racers: Vec<Option<Racer>>,
    /// The sellers of all rounds: what was signed for any of them counts.
    sellers: Vec<Seller>,
}

impl Race {
    /// Over one home in this folder; over three, that have the books at an address in common.
    fn new(folder: &Path, address: Option<&str>) -> Self {
        let machines = if address.is_some() { 3 } else { 1 };
        let homes: Vec<_> = (0..machines).map(|number| folder.join(format!("home-{number}"))).collect();
        for (number, home) in homes.iter().enumerate() {
            copy_home(home, number == 0);
            if let Some(address) = address {
                double::wallets(home).sharing(address, |address| address).unwrap();
            }
        }
        set_cap(&homes[0], ROOM);
        let client = double::client(&homes[0]);
        Self { homes, client, racers: (0..10).map(|_| None).collect(), sellers: Vec::new() }
    }

    /// One round: room for a hundred more, and two hundred calls over all rails at once.
    async fn round(&mut self, tally: &mut Tally, steps: &mut Steps) {
        let (spent, reserved) = double::counted(self.client.wallet()).await;
        let cap = spent + reserved + ROOM;
        set_cap(&self.homes[0], cap);
        self.fill_up(steps);
        let mut urls = Vec::new();
        for rail in rails::ALL {
            let seller = rail.open().await;
            urls.push(seller.url());
            self.sellers.push(seller);
        }
        let killed = [random(10), random(10)];
        let racing = self.racers.iter_mut().zip(0..).map(|(racer, slot)| {
            let kill_after = killed.contains(&slot).then(|| random(CALLS));
            let (racer, url) = (racer.take().unwrap(), urls[rail_of(slot)].clone());
            tokio::task::spawn_blocking(move || racer.race(&url, kill_after))
        });
        let racing: Vec<_> = racing.collect();
        for (racing, slot) in racing.into_iter().zip(self.racers.iter_mut()) {
            match racing.await.unwrap() {
                Fate::Survived(racer) => *slot = Some(racer),
                Fate::Killed => tally.killed += 1,
                Fate::Died => tally.died_at_a_step += 1,
            }
        }
        tally.rounds += 1;
        self.check(cap, tally).await;
    }

    /// Ten of them, up to four of which die at steps that come in turn.
    fn fill_up(&mut self, steps: &mut Steps) {
        for slot in 0..10 {
            let doomed = self.racers.iter().flatten().filter(|racer| racer.is_doomed()).count();
            let (home, rail) = (&self.homes[(slot + slot / 6) % self.homes.len()], rail_of(slot as u64));
            self.racers[slot].get_or_insert_with(|| {
                let step = (doomed < 4).then(|| steps.next(rail));
                Racer::start(rails::ALL[rail].name, home, step.as_deref())
            });
        }
    }

    /// What must hold whatever happened.
    async fn check(&self, cap: u64, tally: &mut Tally) {
        let signed: u64 = self.sellers.iter().map(Seller::signed).sum();
        let (spent, reserved) = double::counted(self.client.wallet()).await;
        let by_rail = self.sellers.iter().zip(rails::ALL.into_iter().cycle());
        let by_rail: Vec<_> = by_rail.map(|(seller, rail)| (rail.name, seller.signed())).collect();
        let says =
            format!("{signed} signed, {spent} spent, {reserved} reserved, cap {cap}, signed for each: {by_rail:?}");
        assert!(signed <= cap && spent + reserved <= cap, "{says}");
        assert!(signed <= spent + reserved, "{says}");
        tally.used_up += u32::from(spent + reserved == cap);
        let (most, of) = tally.fullest;
        if signed * of.max(1) >= most * cap {
            tally.fullest = (signed, cap);
        }
    }

    /// The log of all rounds adds up to the counters, and every decision in it comes out again.
    async fn verify(self) {
        drop(self.racers);
        let found = double::wallets(&self.homes[0]).verify_audit(None).await.unwrap();
        assert_eq!(found.findings, Vec::<String>::new());
        assert!(found.records > 0);
    }
}

/// The steps at which processes die, each rail's in turn.
#[derive(Default)]
struct Steps([usize; rails::ALL.len()]);

impl Steps {
    /// The next step of a rail, and the how manieth time it is deadly.
    fn next(&mut self, rail: usize) -> String {
        let steps = rails::ALL[rail].steps;
        let step = steps[self.0[rail] % steps.len()];
        self.0[rail] += 1;
        format!("{step}:{}", 1 + random(3))
    }
}

fn rail_of(slot: u64) -> usize {
    usize::try_from(slot).unwrap() % rails::ALL.len()
}

/// A wallet whose keys are under the cheapest derivation that is accepted, so that many processes can open it.
fn copy_home(home: &Path, is_the_owners: bool) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/home");
    let files = ["vault.key", "wallets/agent/wallet.json", "owner.json"];
    for name in files.into_iter().take(if is_the_owners { 3 } else { 2 }) {
        let (from, to) = (from.join(name), home.join(name));
        private_directory(to.parent().unwrap()).unwrap();
        private_file::write(&to, &std::fs::read(from).unwrap()).unwrap();
    }
}

/// Room for so much in all, signed by the owner; one payment's worth in a voucher, so that sessions are opened and
/// added to in a race, too.
fn set_cap(home: &Path, total: u64) {
    let total = format!("{}.{:06}", total / 1_000_000, total % 1_000_000);
    let policy = format!("total = \"{total} USD\"\nper_payment = \"0.001 USD\"\nsession_deposit = \"0.01 USD\"");
    let (name, source) = (double::AGENT.parse().unwrap(), farthing_wallet::PassphraseSource::KeyFile);
    double::wallets(home).set_policy(&name, &policy.parse().unwrap(), &source).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_25_ten_processes_that_are_killed_never_sign_beyond_one_cap_over_every_rail() {
    race(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_44_processes_of_three_machines_that_are_killed_never_sign_beyond_one_cap_over_every_rail() {
    race(Some(|| farthing_testing_postgres::shared().address())).await;
}

async fn race(books: Option<fn() -> String>) {
    let rounds: u32 = std::env::var(ROUNDS).map_or(20, |rounds| rounds.parse().unwrap());
    let (mut tally, mut steps) = (Tally::default(), Steps::default());
    for rounds_of_home in ROUNDS_OF_HOMES.into_iter().cycle() {
        if tally.rounds == rounds {
            break;
        }
        let directory = tempfile::tempdir().unwrap();
        let mut race = Race::new(directory.path(), books.map(|address| address()).as_deref());
        for _ in 0..rounds_of_home.min(rounds - tally.rounds) {
            race.round(&mut tally, &mut steps).await;
        }
        race.verify().await;
        let Tally { rounds, killed, died_at_a_step, used_up, fullest: (signed, cap) } = tally;
        let place = if books.is_some() { "over three machines and one PostgreSQL" } else { "over one home" };
        println!(
            "{rounds} rounds {place}: {killed} processes killed and {died_at_a_step} dead at a step, the cap used up in \
             {used_up}, at most {signed} millionths signed where {cap} were allowed"
        );
    }
}

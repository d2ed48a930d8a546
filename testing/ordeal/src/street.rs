//! A gateway, the server behind it, the rail beside it, and whoever may come by.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::books::{self, Books};
use crate::gateway::Gateway;
use crate::journal::Journal;
use crate::load::Crowd;
use crate::shop::Shop;
use crate::upstream::Upstream;
use crate::verdict::{Evidence, Verdict, judge};

/// What each request costs, in millionths.
pub const PRICE: u128 = 1_000;
/// What each payer of a balance begins with, in millionths.
pub const GRANT: u128 = 1_000_000_000;
/// How long what is in progress may take to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Places {
    /// The program under test.
    pub binary: PathBuf,
    /// The folder of the configuration, the log and the rail's own memory: never taken away from anybody.
    pub folder: PathBuf,
    /// What the configuration names as its store: a file, or the address of a server.
    pub store: String,
}

/// One gateway after the other, on the same books.
pub struct Street {
    /// Where buyers come.
    pub shop: Shop,
    places: Places,
    upstream: Upstream,
    seed: u64,
    gateway: Option<Gateway>,
    ended: u32,
}

impl Street {
    /// Nobody is there yet. The seed is the rail's, whose answers are drawn from it.
    pub fn new(places: Places, upstream: Upstream, seed: u64) -> anyhow::Result<Self> {
        Ok(Self { shop: Shop::new()?, places, upstream, seed, gateway: None, ended: 0 })
    }

    /// Starts a gateway on whatever the books hold.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let generation = self.ended + 1;
        let upstream = self.upstream.open(generation).await?;
        let settings = self.places.folder.join("farthing.toml");
        std::fs::write(&settings, self.configuration(&upstream, generation))?;
        let gateway = Gateway::start(&self.places.binary, &settings, &self.log()).await?;
        self.shop.moves_to(&gateway.listen);
        self.gateway = Some(gateway);
        Ok(())
    }

    /// `kill -9`.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.ended += 1;
        self.gateway.take().context("nobody to kill")?.kill().await
    }

    /// The gateway that is there.
    pub fn gateway(&self) -> anyhow::Result<&Gateway> {
        self.gateway.as_ref().context("no gateway is there")
    }

    /// Everything that the gateways wrote to standard error.
    pub fn log(&self) -> PathBuf {
        self.places.folder.join("gateway.log")
    }

    /// What has reached the server behind.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Gives every payer that has a balance money to spend.
    pub async fn grant(&self, crowd: &Crowd) -> anyhow::Result<Vec<String>> {
        let payers = crowd.prepaid()?;
        let place = format!("{}/admin/balance/grant", self.gateway()?.admin);
        for payer in &payers {
            let grant = serde_json::json!({ "payer": payer, "amount": "1000 USD", "id": payer });
            let answer = reqwest::Client::new().post(&place).json(&grant).send().await?;
            ensure!(answer.status().is_success(), "no grant: {}", answer.text().await?);
        }
        Ok(payers)
    }

    /// Waits until nothing is in progress, has the books verified and the rail's statement matched, and compares what
    /// everybody saw.
    pub async fn judge(&mut self, journal: &Journal, payers: &[String]) -> anyhow::Result<Verdict> {
        let admin = self.gateway()?.admin.clone();
        let books = self.when_settled(&admin).await?;
        let mut faults = books::verify(&admin).await?;
        faults.extend(self.unexplained(&admin).await?);
        faults.extend(journal.odd());
        let evidence = Evidence {
            purchases: journal.purchases(),
            sessions: journal.sessions(),
            upstream: self.upstream.log(),
            rail: std::fs::read_to_string(self.rail()).unwrap_or_default(),
            books,
            payers: payers.to_vec(),
            deaths: self.ended,
        };
        let mut verdict = judge(&evidence);
        verdict.figures.later = journal.later().values().sum();
        verdict.faults.extend(faults);
        self.gateway.take().context("no gateway is there")?.stop().await?;
        self.verify_alone(&mut verdict)?;
        Ok(verdict)
    }

    /// Until the resolver is done with what was left behind.
    async fn when_settled(&self, admin: &str) -> anyhow::Result<Books> {
        let since = Instant::now();
        loop {
            let books = books::read(admin).await?;
            let open = books.payments.iter().find(|payment| payment.is_in_progress());
            match open {
                None => return Ok(books),
                Some(payment) if since.elapsed() > PATIENCE => bail!("no end of {payment:?}"),
                Some(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// What a reconciliation with the rail's own statement names.
    async fn unexplained(&self, admin: &str) -> anyhow::Result<Option<String>> {
        let answer = reqwest::Client::new().post(format!("{admin}/admin/reconcile")).send().await?;
        let report: serde_json::Value = serde_json::from_str(&answer.text().await?)?;
        Ok((report["clean"] != true).then(|| format!("the rail's statement differs from the books: {report}")))
    }

    /// `farthing books verify`, without a gateway.
    fn verify_alone(&self, verdict: &mut Verdict) -> anyhow::Result<()> {
        let store = self.places.store.strip_prefix("sqlite:").unwrap_or(&self.places.store);
        let mut command = std::process::Command::new(&self.places.binary);
        let output = command.args(["books", "verify", "--data", store]).output()?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            verdict.faults.push(format!("books verify: {}", String::from_utf8_lossy(&said)));
        }
        Ok(())
    }

    /// The rail's memory. The rail is somebody else: its disk is well, whatever is done to the gateway's.
    fn rail(&self) -> PathBuf {
        self.places.folder.join("rail.txt")
    }

    fn configuration(&self, upstream: &str, generation: u32) -> String {
        let route = |path: &str, accept: &str| {
            format!(
                "[[route]]\nmatch = \"* /{path}/{{*rest}}\"\nupstream = \"{upstream}\"\nprice = \"0.001 USD\"\n\
                 accept = [\"{accept}\"]\nentitlement = \"2s\"\nsettle_timeout = \"1s\"\n"
            )
        };
        let script = self.seed.wrapping_add(u64::from(generation)) % (1 << 62);
        format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nrealm = \"shop.example\"\n\
             secret = \"a secret for trials that is long enough to bind\"\nstore = \"{store}\"\ndevelopment = true\n\
             [rails.balance]\nasset = \"USD\"\n[rails.simulated]\nseed = {script}\nmemory = \"{rail}\"\n\
             [[route]]\nmatch = \"* /free/{{*rest}}\"\nupstream = \"{upstream}\"\nfree = true\n{}{}{}\
             [route.session]\ndeposit = \"0.04 USD\"\n",
            route("balance", "balance/charge"),
            route("rail", "simulated/charge"),
            route("session", "balance/session"),
            store = self.places.store,
            rail = self.rail().display(),
        )
    }
}

impl Places {
    /// Books in a file of this folder.
    pub fn in_folder(binary: &Path, folder: &Path) -> Self {
        Self::with_books_in(folder, binary, folder)
    }

    /// Books in a file of another place, and everything else in this folder.
    pub fn with_books_in(place: &Path, binary: &Path, folder: &Path) -> Self {
        let store = format!("sqlite:{}", place.join("farthing.db").display());
        Self { binary: binary.to_owned(), folder: folder.to_owned(), store }
    }

    /// Books on a server, and everything else in this folder.
    pub fn on_server(binary: &Path, folder: &Path, address: String) -> Self {
        Self { binary: binary.to_owned(), folder: folder.to_owned(), store: address }
    }
}

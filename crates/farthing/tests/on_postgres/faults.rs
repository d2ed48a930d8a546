//! What happens to the server and to the way there: the gateway refuses in time, serves nothing unpaid, says so once,
//! and goes on by itself.

use std::time::{Duration, Instant};

use farthing_testing_postgres::{Cluster, SmallDisk, Way, Weather};
use futures_util::future::join_all;

use crate::stage::Stage;
use crate::support::seller::Seller;

/// Longer than `docs/postgres.md` lets any request wait, and so shorter than a client's patience.
const LONGEST: Duration = Duration::from_secs(30);
/// How many buyers ask at a time.
const BUYERS: usize = 8;

/// A gateway that sells, and what it sold.
struct Trial {
    stage: Stage,
    seller: Seller,
    sold: u64,
}

impl Trial {
    async fn at(address: String) -> Self {
        let stage = Stage::at(address).await;
        let seller = stage.start("one", &[("RUST_LOG", "info")]);
        seller.grant(&stage.buyer.did, "10 USD").await;
        let mut trial = Self { stage, seller, sold: 0 };
        for answer in trial.ask(&trial.credentials().await).await {
            assert_eq!(answer, 200);
        }
        trial.sold = trial.stage.upstream.hits();
        trial
    }

    fn url(&self) -> String {
        format!("{}/paid/x", self.seller.listen)
    }

    /// Fresh ones, which need no books.
    async fn credentials(&self) -> Vec<String> {
        let url = self.url();
        join_all((0..BUYERS).map(|_| self.stage.buyer.credential(&url))).await
    }

    /// Presents all at once; each answer comes in time, and a refusal says when to come back.
    async fn ask(&self, credentials: &[String]) -> Vec<u16> {
        let url = self.url();
        let asked = credentials.iter().map(async |credential| {
            let began = Instant::now();
            let answer = self.stage.buyer.get(&url, credential).send().await.unwrap();
            assert!(began.elapsed() < LONGEST, "{:?} for {}", began.elapsed(), answer.status());
            let status = answer.status().as_u16();
            assert!(matches!(status, 200 | 503), "{status}");
            assert_eq!(status == 503, answer.headers().contains_key("retry-after"), "{status}");
            (status, began.elapsed())
        });
        let answers = join_all(asked).await;
        let slowest = answers.iter().map(|(_, took)| *took).max();
        println!("{} at a time, the slowest took {slowest:?}", answers.len());
        answers.into_iter().map(|(status, _)| status).collect()
    }

    /// While the fault lasts everybody is refused, again and again, and nothing is served.
    async fn refuses(&mut self) -> Vec<String> {
        let credentials = self.credentials().await;
        for _ in 0..3 {
            assert_eq!(self.ask(&credentials).await, [503; BUYERS]);
        }
        assert_eq!(self.stage.upstream.hits(), self.sold, "nothing is served unpaid");
        credentials
    }

    /// When it is over, what was refused pays, each once, and the log tells of it in a line or two each way.
    async fn recovers(mut self, refused: &[String]) {
        let url = self.url();
        for credential in refused {
            assert_eq!(self.stage.settled(&url, credential).await, 200, "the same credential pays now");
        }
        self.sold += u64::try_from(refused.len()).unwrap();
        assert_eq!(self.stage.upstream.hits(), self.sold);
        assert!(self.seller.is_alive());
        self.stage.assert_sound(self.sold);
        let log = self.seller.log();
        let loud = log.lines().filter(|line| line.contains("\"ERROR\"") || line.contains("\"WARN\""));
        let loud: Vec<&str> = loud.filter(|line| !line.contains("development")).collect();
        assert!((1..=8).contains(&loud.len()), "{} lines: {loud:#?}", loud.len());
        assert!(loud.iter().any(|line| line.contains("the books cannot be written")), "{loud:#?}");
        assert!(loud.iter().any(|line| line.contains("the books can be written again")), "{loud:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p_21_a_server_that_is_killed_under_load_is_waited_for() {
    let cluster = Cluster::start().unwrap();
    let mut trial = Trial::at(cluster.address()).await;
    cluster.kill().unwrap();
    let refused = trial.refuses().await;
    cluster.start_again().unwrap();
    trial.recovers(&refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_22_a_server_without_room_is_refused_until_it_has_some() {
    let Some(disk) = SmallDisk::of_megabytes(200).unwrap() else {
        return println!("SKIPPED: only root may mount a small disk here");
    };
    let cluster = Cluster::start_on(&disk, "min_wal_size = 32MB\nmax_wal_size = 32MB\n").unwrap();
    let mut trial = Trial::at(cluster.address()).await;
    disk.fill().unwrap();
    let mut refused = Vec::new();
    for _ in 0..500 {
        let credentials = trial.credentials().await;
        let answers = trial.ask(&credentials).await;
        let (paid, not): (Vec<_>, Vec<_>) =
            credentials.into_iter().zip(answers).partition(|(_, status)| *status == 200);
        trial.sold += u64::try_from(paid.len()).unwrap();
        assert_eq!(trial.stage.upstream.hits(), trial.sold, "nothing is served unpaid");
        refused.extend(not.into_iter().map(|(credential, _)| credential));
        if refused.len() >= BUYERS {
            break;
        }
    }
    assert!(!refused.is_empty(), "the disk is never full");
    disk.empty().unwrap();
    // A server that could not write its log ends, and whoever keeps it running starts it again.
    while cluster.run("SELECT 1").is_err() {
        if !cluster.runs() {
            let _ = cluster.start_again();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    trial.recovers(&refused).await;
    drop(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn p_23_a_server_that_takes_long_for_everything_is_refused_in_time() {
    let cluster = Cluster::start().unwrap();
    let way = Way::to(&cluster).unwrap();
    let mut trial = Trial::at(way.address(&cluster.address())).await;
    way.turn(Weather::Slow(Duration::from_secs(2)));
    let refused = trial.refuses().await;
    way.turn(Weather::Fair);
    trial.recovers(&refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_24_a_server_of_which_nothing_is_heard_any_more_is_refused_in_time() {
    let cluster = Cluster::start().unwrap();
    let way = Way::to(&cluster).unwrap();
    let mut trial = Trial::at(way.address(&cluster.address())).await;
    way.turn(Weather::Silent);
    let refused = trial.refuses().await;
    way.turn(Weather::Fair);
    trial.recovers(&refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_25_a_server_behind_a_silent_one_is_found() {
    let cluster = Cluster::start().unwrap();
    let (silent, other) = (Way::to(&cluster).unwrap(), Way::to(&cluster).unwrap());
    let address = cluster.address();
    let (one, both) = (silent.address(&address), other.address(&address));
    let host = |address: &str| address.split_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    let both = both.replace(&host(&both), &format!("{},{}", host(&one), host(&both)));
    let trial = Trial::at(both).await;
    let credentials = trial.credentials().await;
    silent.turn(Weather::Silent);
    trial.recovers(&credentials).await;
}

/// A server whose gateway is a user like others, without a superuser's privileges.
async fn with_a_plain_user() -> (Cluster, Trial) {
    let cluster = Cluster::start().unwrap();
    cluster.run("CREATE USER gate; GRANT CREATE ON DATABASE postgres TO gate").unwrap();
    let address = cluster.address().replace("postgres://postgres@", "postgres://gate@");
    let trial = Trial::at(address).await;
    (cluster, trial)
}

#[tokio::test(flavor = "multi_thread")]
async fn p_26_a_server_that_lets_nobody_in_is_asked_again_until_it_does() {
    let (cluster, mut trial) = with_a_plain_user().await;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'gate'";
    cluster.run(&format!("ALTER USER gate CONNECTION LIMIT 0; {cut}")).unwrap();
    let refused = trial.refuses().await;
    cluster.run("ALTER USER gate CONNECTION LIMIT -1").unwrap();
    trial.recovers(&refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_27_a_server_that_turns_read_only_is_refused_until_it_takes_writes() {
    let (cluster, mut trial) = with_a_plain_user().await;
    cluster.run("ALTER SYSTEM SET default_transaction_read_only = on").unwrap();
    cluster.run("SELECT pg_reload_conf()").unwrap();
    let until_it_is = async |state: &str| {
        while cluster.run("SHOW default_transaction_read_only").unwrap() != state {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until_it_is("on").await;
    let refused = trial.refuses().await;
    cluster.run("ALTER SYSTEM RESET default_transaction_read_only").unwrap();
    cluster.run("SELECT pg_reload_conf()").unwrap();
    until_it_is("off").await;
    trial.recovers(&refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_28_a_permission_that_is_taken_away_refuses_everything_until_it_is_given_back() {
    let (cluster, mut trial) = with_a_plain_user().await;
    let schema = trial.stage.address.split_once("schema=").unwrap().1.to_owned();
    cluster.run(&format!("REVOKE INSERT ON {schema}.payments FROM gate")).unwrap();
    let refused = trial.refuses().await;
    cluster.run(&format!("GRANT INSERT ON {schema}.payments TO gate")).unwrap();
    trial.recovers(&refused).await;
}

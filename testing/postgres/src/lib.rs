//! A PostgreSQL server for tests: its own data in a temporary folder, reached over a socket in it, started in a second
//! or two and gone with the process that started it, however that ends.
//!
//! [`shared`] is one server for a whole test program, where each test takes a schema of its own with
//! [`Cluster::address`]. A test that stops or kills its server starts one for itself with [`Cluster::start`].

mod disk;
mod ending;
mod programs;
mod way;

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use disk::SmallDisk;
use programs::Programs;
pub use way::{Way, Weather};

/// The port in the name of a server's socket, where it has no port of its own.
const PORT: u16 = 5432;

/// What every server of the tests is told. That a power cut would lose data does not matter to it: a kill does not.
const SETTINGS: &str = "listen_addresses = ''\nfsync = off\nfull_page_writes = off\nmax_connections = 200\n\
     shared_buffers = 32MB\nlog_min_messages = fatal\nautovacuum_naptime = 5s\n";

/// How long one may take to be well again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// PostgreSQL is not installed.
    #[error(
        "the programs of PostgreSQL are not here; install Debian's package `postgresql`, or let `cargo xtask setup`"
    )]
    NotInstalled,
    /// A program of it failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// Which.
        program: &'static str,
        /// What it said.
        said: String,
    },
    /// The folder could not be made.
    #[error("the folder of the test's database: {0}")]
    Folder(#[from] io::Error),
}

/// A running server.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: Programs,
    /// Ends the server and removes its folder when the pipe to it is closed.
    watch: Child,
    schemas: AtomicU64,
    port: u16,
}

/// The server of this test program; it starts with the first call.
///
/// # Panics
///
/// When there is none, with the reason: a test cannot go on without it.
#[allow(clippy::panic, reason = "a test says so by failing")]
pub fn shared() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| match Cluster::start() {
        Ok(cluster) => cluster,
        Err(trouble) => panic!("no PostgreSQL for this test: {trouble}"),
    })
}

impl Cluster {
    /// Makes an empty server and starts it.
    pub fn start() -> Result<Self, Trouble> {
        Self::start_with("")
    }

    /// The same, with more lines for its configuration.
    pub fn start_with(settings: &str) -> Result<Self, Trouble> {
        let cluster = Self::make(TempDir::with_prefix("farthing-pg-")?, PORT, settings)?;
        cluster.start_again()?;
        Ok(cluster)
    }

    /// The same, with everything that it keeps on this disk.
    pub fn start_on(disk: &SmallDisk, settings: &str) -> Result<Self, Trouble> {
        let cluster = Self::make(TempDir::with_prefix_in("farthing-pg-", disk.folder())?, PORT, settings)?;
        cluster.start_again()?;
        Ok(cluster)
    }

    /// The same, with everything that it keeps in a folder of this one.
    pub fn start_in(place: &Path, settings: &str) -> Result<Self, Trouble> {
        let cluster = Self::make(TempDir::with_prefix_in("farthing-pg-", place)?, PORT, settings)?;
        cluster.start_again()?;
        Ok(cluster)
    }

    /// One that is reached over a port of this machine, [`Cluster::port`], and encrypts there with this certificate
    /// and its key, both in PEM.
    pub fn start_encrypted(certificate: &str, key: &str) -> Result<Self, Trouble> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = format!("listen_addresses = '127.0.0.1'\nport = {port}\nssl = on\n");
        let cluster = Self::make(TempDir::with_prefix("farthing-pg-")?, port, &settings)?;
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let file = cluster.folder.join("data").join(name);
            fs::write(&file, text)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            cluster.programs.own(&file)?;
        }
        cluster.start_again()?;
        Ok(cluster)
    }

    /// An empty one that does not run yet.
    fn make(folder: TempDir, port: u16, settings: &str) -> Result<Self, Trouble> {
        let programs = Programs::find()?;
        let data = folder.path().join("data");
        programs.own(folder.path())?;
        programs.run("initdb", &["-D", &text(&data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])?;
        let socket = format!("unix_socket_directories = '{}'\n", folder.path().display());
        fs::write(data.join("postgresql.auto.conf"), format!("{SETTINGS}{socket}{settings}"))?;
        let watch = programs.watch(folder.path(), &data)?;
        Ok(Self { folder: folder.keep(), programs, watch, schemas: AtomicU64::new(0), port })
    }

    /// A standby that follows this server from here on. As long as it is there, `synchronous_standby_names` may name it
    /// `standby`.
    pub fn standby(&self) -> Result<Self, Trouble> {
        let folder = TempDir::with_prefix("farthing-pg-")?;
        self.programs.own(folder.path())?;
        let watch = self.programs.watch(folder.path(), &folder.path().join("data"))?;
        let programs = self.programs.clone();
        let cluster = Self { folder: folder.keep(), programs, watch, schemas: AtomicU64::new(0), port: self.port };
        cluster.follow(self)?;
        Ok(cluster)
    }

    /// Throws away what this server has, which must not be running, and makes it a standby of another.
    pub fn follow(&self, primary: &Self) -> Result<(), Trouble> {
        let data = self.folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        let from = format!("host={} user=postgres application_name=standby", text(&primary.folder));
        let arguments = ["-d", &from, "-D", &text(&data), "-R", "-X", "stream", "-c", "fast", "--no-sync"];
        self.programs.run("pg_basebackup", &arguments)?;
        let socket = format!("unix_socket_directories = '{}'\n", self.folder.display());
        let settings = fs::read_to_string(data.join("postgresql.auto.conf"))?;
        fs::write(data.join("postgresql.auto.conf"), format!("{settings}\n{socket}synchronous_standby_names = ''\n"))?;
        self.start_again()
    }

    /// Lets no commit end before a standby has it, from here on; there must be one.
    pub fn wait_for_standby_at_commits(&self) -> Result<(), Trouble> {
        self.run("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (standby)'")?;
        self.run("SELECT pg_reload_conf()")?;
        let in_force = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'";
        while self.run(in_force)? != "1" || self.run("SHOW synchronous_standby_names")?.is_empty() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Makes a standby take writes.
    pub fn promote(&self) -> Result<(), Trouble> {
        self.programs.run("pg_ctl", &["-D", &self.data(), "-w", "-s", "promote"]).map(|_| ())
    }

    /// The folder of its socket, as addresses name it.
    pub fn host(&self) -> String {
        text(&self.folder).replace('/', "%2F")
    }

    /// The address of books that nobody else has.
    pub fn address(&self) -> String {
        let number = self.schemas.fetch_add(1, Ordering::Relaxed);
        format!("{}?schema=books_{}_{number}", self.server(), std::process::id())
    }

    /// The address of the server and its database, without a schema.
    pub fn server(&self) -> String {
        let port = if self.port == PORT { String::new() } else { format!(":{}", self.port) };
        format!("postgres://postgres@{}{port}/postgres", self.host())
    }

    /// Where it is reached over TCP, if it is.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{}", self.port))
    }

    /// Whether it runs, as far as its own programs can tell.
    pub fn runs(&self) -> bool {
        self.programs.run("pg_ctl", &["-D", &self.data(), "status"]).is_ok()
    }

    /// Lets a client run statements, as an operator would; what it printed.
    pub fn run(&self, sql: &str) -> Result<String, Trouble> {
        let (folder, port) = (text(&self.folder), self.port.to_string());
        let place = ["-h", &folder, "-p", &port, "-U", "postgres"];
        self.programs.run("psql", &[&place[..], &["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql]].concat())
    }

    /// Kills the server: every process of it ends at once, without a word to anybody (SIGQUIT).
    pub fn kill(&self) -> Result<(), Trouble> {
        self.stop("immediate")
    }

    /// `kill -9` of every process of the server, as a machine without memory does it.
    pub fn kill_outright(&self) -> Result<(), Trouble> {
        ending::kill(&self.folder)
    }

    /// Starts it where it has ended by itself, and returns when it takes connections.
    pub fn revive(&self) -> Result<(), Trouble> {
        let since = Instant::now();
        loop {
            match self.run("SELECT 1") {
                Ok(_) => return Ok(()),
                Err(trouble) if since.elapsed() > PATIENCE => return Err(trouble),
                // It may be ending, or be starting, just now.
                Err(_) if self.runs() => std::thread::sleep(Duration::from_millis(50)),
                Err(_) => drop(self.start_again()),
            }
        }
    }

    /// Stops the server as an operator does: connections are cut.
    pub fn shut_down(&self) -> Result<(), Trouble> {
        self.stop("fast")
    }

    /// Starts it after a stop or a kill, and returns when it takes connections.
    pub fn start_again(&self) -> Result<(), Trouble> {
        let log = text(&self.folder.join("log"));
        self.programs.run("pg_ctl", &["-D", &self.data(), "-l", &log, "-w", "-s", "start"]).map(|_| ())
    }

    fn stop(&self, mode: &str) -> Result<(), Trouble> {
        self.programs.run("pg_ctl", &["-D", &self.data(), "-m", mode, "-w", "-s", "stop"]).map(|_| ())
    }

    fn data(&self) -> String {
        text(&self.folder.join("data"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn piped(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null())
}

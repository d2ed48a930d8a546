//! A PostgreSQL server for tests: its own data in a temporary folder, reached over a socket in it, started in a second
//! or two and gone with the process that started it, however that ends.
//!
//! [`shared`] is one server for a whole test program, where each test takes a schema of its own with
//! [`Cluster::address`]. A test that stops or kills its server starts one for itself with [`Cluster::start`].

mod programs;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use programs::Programs;

/// What every server of the tests is told. That a power cut would lose data does not matter to it: a kill does not.
const SETTINGS: &str = "listen_addresses = ''\nfsync = off\nfull_page_writes = off\nmax_connections = 200\n\
     shared_buffers = 32MB\nlog_min_messages = fatal\nautovacuum_naptime = 5s\n";

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
        let programs = Programs::find()?;
        let folder = TempDir::with_prefix("farthing-pg-")?;
        let data = folder.path().join("data");
        programs.own(folder.path())?;
        programs.run("initdb", &["-D", &text(&data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])?;
        let socket = format!("unix_socket_directories = '{}'\n", folder.path().display());
        fs::write(data.join("postgresql.auto.conf"), format!("{SETTINGS}{socket}{settings}"))?;
        let watch = programs.watch(folder.path(), &data)?;
        let cluster = Self { folder: folder.keep(), programs, watch, schemas: AtomicU64::new(0) };
        cluster.start_again()?;
        Ok(cluster)
    }

    /// A standby that follows this server from here on. As long as it is there, `synchronous_standby_names` may name it
    /// `standby`.
    pub fn standby(&self) -> Result<Self, Trouble> {
        let folder = TempDir::with_prefix("farthing-pg-")?;
        let data = folder.path().join("data");
        self.programs.own(folder.path())?;
        let from = format!("host={} user=postgres application_name=standby", text(&self.folder));
        let arguments = ["-d", &from, "-D", &text(&data), "-R", "-X", "stream", "-c", "fast", "--no-sync"];
        self.programs.run("pg_basebackup", &arguments)?;
        let socket = format!("unix_socket_directories = '{}'\n", folder.path().display());
        let settings = fs::read_to_string(data.join("postgresql.auto.conf"))?;
        fs::write(data.join("postgresql.auto.conf"), format!("{settings}\n{socket}synchronous_standby_names = ''\n"))?;
        let watch = self.programs.watch(folder.path(), &data)?;
        let programs = self.programs.clone();
        let cluster = Self { folder: folder.keep(), programs, watch, schemas: AtomicU64::new(0) };
        cluster.start_again()?;
        Ok(cluster)
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
        format!("postgres://postgres@{}/postgres", self.host())
    }

    /// Lets a client run statements, as an operator would; what it printed.
    pub fn run(&self, sql: &str) -> Result<String, Trouble> {
        let folder = text(&self.folder);
        self.programs.run("psql", &["-h", &folder, "-U", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql])
    }

    /// Kills the server as `kill -9` does.
    pub fn kill(&self) -> Result<(), Trouble> {
        self.stop("immediate")
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

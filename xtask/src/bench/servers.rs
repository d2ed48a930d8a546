use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use farthing_testing_postgres::Cluster;
use tempfile::TempDir;

use super::{LOAD_CORE, SERVER_CORE};
use crate::commands::{Run as _, cargo, is_installed, program};
use crate::gateway::{Beside, Gateway, free_address};
use crate::{farthing, tools, workspace};

/// Bytes of the file that nginx serves: about as many as a 402 with its problem document.
const STATIC_BYTES: usize = 1024;

/// Every server of a run. Those that are measured share one core, and only one of them is asked at a time.
pub(super) struct Servers {
    pub(super) gateway: Gateway,
    /// The same gateway with its books on a PostgreSQL server, which has both cores.
    pub(super) on_postgres: Gateway,
    /// nginx with the static file and as a reverse proxy.
    pub(super) nginx: Server,
    /// The axum layer of the `mpp` crate.
    pub(super) mpp: Server,
    /// mppx on node's http.
    pub(super) mppx: Server,
    /// pympp on Starlette and uvicorn.
    pub(super) pympp: Server,
    /// What both proxies stand in front of; it shares the load generator's core.
    _upstream: Server,
    _postgres: Cluster,
    _folder: TempDir,
}

/// What the server of the books is told: durable, and with room for the runs.
pub(super) const DURABLE: &str = "fsync = on\nfull_page_writes = on\nshared_buffers = 256MB\nmax_wal_size = 4GB\n";

/// A process that is ended when dropped.
pub(super) struct Server {
    address: String,
    process: Child,
}

/// The programs under test, built for release.
pub(super) struct Binaries {
    pub(super) farthing: PathBuf,
    pub(super) load: PathBuf,
    pub(super) mpp_micro: PathBuf,
    seller: PathBuf,
}

impl Binaries {
    pub(super) fn build() -> anyhow::Result<Self> {
        println!("building farthing, the load generator and the mpp seller for release");
        farthing::release_binary()?;
        cargo(["build", "--quiet", "--release", "--package", "farthing-load"]).run()?;
        cargo(["build", "--quiet", "--locked", "--release", "--features", "seller", "--bins"])
            .args(["--manifest-path", "interop/mpp-rs/Cargo.toml", "--target-dir"])
            .arg(workspace::target()?.join("interop"))
            .run()?;
        Self::as_built()
    }

    pub(super) fn as_built() -> anyhow::Result<Self> {
        let target = workspace::target()?;
        Ok(Self {
            farthing: target.join("release/farthing"),
            load: target.join("release/farthing-load"),
            seller: target.join("interop/release/seller"),
            mpp_micro: target.join("interop/release/micro"),
        })
    }
}

impl Servers {
    pub(super) fn start(binaries: &Binaries) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("static"), "x".repeat(STATIC_BYTES))?;
        let upstream = upstream(folder.path())?;
        let address = upstream.address.clone();
        let proxy = PROXY.replace("{root}", &folder.path().to_string_lossy()).replace("{upstream}", &address);
        let nginx = nginx(folder.path(), "proxy", SERVER_CORE, &free_address()?, &proxy)?;
        let mpp = free_address()?;
        let mpp = Server::start(SERVER_CORE, &binaries.seller, &[&mpp], mpp.clone())?;
        let script = tools::mppx()?.join("paid-seller.js");
        let address_of_mppx = free_address()?;
        let arguments = [&*script.to_string_lossy(), &*address_of_mppx];
        let mppx = Server::start(SERVER_CORE, Path::new("node"), &arguments, address_of_mppx.clone())?;
        let address_of_pympp = free_address()?;
        let arguments = ["interop/pympp/paid_seller.py", &*address_of_pympp];
        let pympp = Server::start(SERVER_CORE, &tools::python("pympp")?, &arguments, address_of_pympp.clone())?;
        let routes = ROUTES.replace("{upstream}", &address);
        let gateway = Gateway::start(&["taskset", "--cpu-list", SERVER_CORE], &binaries.farthing, &routes)?;
        let postgres = Cluster::start_with(DURABLE)?;
        let on_postgres = gateway_on(binaries, &postgres.address(), &routes)?;
        Ok(Self {
            gateway,
            on_postgres,
            nginx,
            mpp,
            mppx,
            pympp,
            _upstream: upstream,
            _postgres: postgres,
            _folder: folder,
        })
    }
}

/// A gateway on the core of whatever is measured, with its books at this address.
pub(super) fn gateway_on(binaries: &Binaries, store: &str, routes: &str) -> anyhow::Result<Gateway> {
    let beside = Beside { store: Some(store), ..Beside::default() };
    Gateway::start_beside(&["taskset", "--cpu-list", SERVER_CORE], &binaries.farthing, routes, beside)
}

/// What the proxies stand in front of, by itself: nginx on the load generator's core.
pub(super) fn upstream(folder: &Path) -> anyhow::Result<Server> {
    nginx(folder, "upstream", LOAD_CORE, &free_address()?, UPSTREAM)
}

const UPSTREAM: &str = "location / { default_type text/plain; return 200 'served'; }";

const PROXY: &str = "
    location = /static { root {root}; }
    location / {
        proxy_pass http://upstream;
        proxy_http_version 1.1;
        proxy_set_header Connection '';
    }
}
upstream upstream {
    server {upstream};
    keepalive 64;
    keepalive_requests 1000000000;
";

const ROUTES: &str = r#"
[[route]]
match = "GET /free"
upstream = "http://{upstream}"
free = true

[[route]]
match = "GET /paid"
upstream = "http://{upstream}"
price = "0.001 USD"
accept = ["balance/charge"]

[[route]]
match = "GET /session"
upstream = "http://{upstream}"
price = "0.00002 USD"
accept = ["balance/session"]
"#;

/// One nginx process on one core, logging nothing, never closing a connection.
fn nginx(folder: &Path, name: &str, core: &str, address: &str, locations: &str) -> anyhow::Result<Server> {
    let own = folder.join(name);
    std::fs::create_dir(&own)?;
    let own_text = own.to_string_lossy();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {own_text}/{kind};"))
        .concat();
    let settings = own.join("nginx.conf");
    std::fs::write(
        &settings,
        format!(
            "daemon off; master_process off; pid {own_text}/pid; error_log {own_text}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; open_file_cache max=16; {temporary}\n\
             server {{ listen {address}; {locations} }} }}\n"
        ),
    )?;
    let nginx =
        if is_installed("nginx") && Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    let log = own.join("error.log");
    let arguments = ["-c", &*settings.to_string_lossy(), "-e", &*log.to_string_lossy()];
    Server::start(core, Path::new(nginx), &arguments, address.to_owned())
}

impl Server {
    fn start(core: &str, binary: &Path, arguments: &[&str], address: String) -> anyhow::Result<Self> {
        let mut command = program("taskset", ["--cpu-list", core]);
        command.arg(binary).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
        let mut server = Self { address, process };
        let started = Instant::now();
        while std::net::TcpStream::connect(&server.address).is_err() {
            if server.process.try_wait()?.is_some() || started.elapsed() > Duration::from_secs(10) {
                bail!("{} does not listen on {}", binary.display(), server.address);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! A real nginx beside or before a gateway.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail loudly")]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub struct Nginx {
    directory: tempfile::TempDir,
    pub address: SocketAddr,
    read: usize,
}

impl Nginx {
    /// Runs with these directives in its `http` block; `FOLDER` and `LISTEN` stand for its own. `None`, said
    /// loudly, where nginx is not installed; continuous integration must have it.
    #[allow(clippy::disallowed_methods, reason = "a test asks its own environment")]
    pub fn start(tested: &str, directives: &str) -> Option<Self> {
        let Some(program) = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists())
        else {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "install the package nginx to run this test");
            eprintln!("SKIPPED, NOT TESTED: {tested}; install the package nginx");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let at = directory.path().display().to_string();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
            .join(" ");
        let directives = directives.replace("FOLDER", &at).replace("LISTEN", &address.to_string());
        let config = format!(
            "worker_processes 1; pid {at}/pid; error_log {at}/error.log; daemon on; events {{}}\n\
             http {{ {temporary} log_format line '$request_method $request_uri'; access_log {at}/access.log line;\n\
             {directives} }}"
        );
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let log = directory.path().join("error.log");
        assert!(Command::new(program).arg("-e").arg(log).arg("-c").arg(&file).status().unwrap().success());
        Some(Self { directory, address, read: 0 })
    }

    /// Method and target of each request since the last call.
    pub fn seen(&mut self) -> Vec<String> {
        std::thread::sleep(Duration::from_millis(20));
        let log = std::fs::read_to_string(self.directory.path().join("access.log")).unwrap_or_default();
        let lines: Vec<String> = log.lines().skip(self.read).map(str::to_owned).collect();
        self.read += lines.len();
        lines
    }

    /// What it complained of.
    pub fn complaints(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.directory.path().join("pid")) {
            drop(Command::new("kill").arg(pid.trim()).status());
        }
    }
}

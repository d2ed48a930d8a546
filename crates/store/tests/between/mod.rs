//! What stands between a store and its server, and cuts the connection at the worst moment.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The commit does not reach the server.
    Question,
    /// The server commits, and its answer does not come back.
    Answer,
}

#[derive(Default)]
struct Plan {
    next: Option<Cut>,
    cut: bool,
    /// Whether nobody is let through from the cut on, and since then.
    stays_away: bool,
    is_away: bool,
}

/// Stands between; ends with the test.
pub(crate) struct Between {
    folder: tempfile::TempDir,
    plan: Arc<Mutex<Plan>>,
}

impl Between {
    /// Before a server that is named by the address of the folder of its socket.
    pub(crate) fn start(server: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let host = server.split_once('@').unwrap().1.split_once('/').unwrap().0.replace("%2F", "/");
        let plan = Arc::<Mutex<Plan>>::default();
        let shared = Arc::clone(&plan);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.lock().unwrap().is_away {
                    continue;
                }
                let Ok(server) = UnixStream::connect(format!("{host}/.s.PGSQL.5432")) else { continue };
                let plan = Arc::clone(&shared);
                thread::spawn(move || carry(&client, &server, &plan));
            }
        });
        Self { folder, plan }
    }

    pub(crate) fn address(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.folder.path().display().to_string().replace('/', "%2F"))
    }

    /// Cuts at the next commit that is sent together with a row.
    pub(crate) fn cut_next_commit_that_writes(&self, cut: Cut) {
        *self.plan.lock().unwrap() = Plan { next: Some(cut), ..Plan::default() };
    }

    /// The same, and lets no new connection through until [`Self::come_back`].
    pub(crate) fn cut_next_commit_that_writes_and_stay_away(&self, cut: Cut) {
        *self.plan.lock().unwrap() = Plan { next: Some(cut), stays_away: true, ..Plan::default() };
    }

    pub(crate) fn come_back(&self) {
        self.plan.lock().unwrap().is_away = false;
    }

    pub(crate) fn has_cut(&self) -> bool {
        self.plan.lock().unwrap().cut
    }
}

fn carry(client: &UnixStream, server: &UnixStream, plan: &Arc<Mutex<Plan>>) {
    let (answers, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let mute = Arc::new(Mutex::new(false));
    let muted = Arc::clone(&mute);
    let back = thread::spawn(move || {
        copy(&answers, |bytes| !*muted.lock().unwrap() && (&to).write_all(bytes).is_ok());
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    copy(client, |bytes| {
        // A beat commits too, and writes no row in that breath: a bound row makes the message long.
        let commits = bytes.len() > 200 && bytes.windows(6).any(|word| word == b"COMMIT");
        let cut = if commits { plan.lock().unwrap().next.take() } else { None };
        if let Some(cut) = cut {
            {
                let mut plan = plan.lock().unwrap();
                (plan.cut, plan.is_away) = (true, plan.stays_away);
            }
            if cut == Cut::Answer {
                *mute.lock().unwrap() = true;
                let _ = (&*server).write_all(bytes);
            }
            return false;
        }
        (&*server).write_all(bytes).is_ok()
    });
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = server.shutdown(std::net::Shutdown::Write);
    let _ = back.join();
}

fn copy(mut from: &UnixStream, mut pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 || !pass(&buffer[..read]) {
            return;
        }
    }
}

//! The way between a gateway and its server: one that works, takes long, or swallows what is sent on it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Cluster;

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// They arrive.
    Fair,
    /// They arrive after so long, in each direction.
    Slow(Duration),
    /// They vanish, and nobody is told: connections stay open, and new ones are taken and never answered.
    Silent,
}

/// A port of this machine that leads to a server, until the test ends.
#[derive(Clone, Debug)]
pub struct Way {
    port: u16,
    weather: Arc<Mutex<Weather>>,
}

impl Way {
    /// To this server, in fair weather.
    pub fn to(cluster: &Cluster) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let way = Self { port: listener.local_addr()?.port(), weather: Arc::new(Mutex::new(Weather::Fair)) };
        let (shared, socket) = (way.clone(), cluster.socket());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (way, socket) = (shared.clone(), socket.clone());
                thread::spawn(move || way.carry(&client, &socket));
            }
        });
        Ok(way)
    }

    /// Another weather from now on. What was swallowed stays so: its connections are never heard of again.
    pub fn turn(&self, weather: Weather) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// The same address over this way.
    pub fn address(&self, address: &str) -> String {
        let schema = address.split_once('?').map_or("", |(_, schema)| schema);
        format!("postgres://postgres@127.0.0.1:{}/postgres?{schema}", self.port)
    }

    fn carry(&self, client: &TcpStream, socket: &PathBuf) {
        let is_lost = AtomicBool::new(false);
        let Ok(server) = UnixStream::connect(socket) else { return };
        let _ = client.set_nodelay(true);
        thread::scope(|scope| {
            scope.spawn(|| {
                self.copy(&server, client, &is_lost);
                // Of what happens behind a silent way, nothing is heard.
                if !is_lost.load(Ordering::Relaxed) {
                    let _ = client.shutdown(std::net::Shutdown::Both);
                }
            });
            self.copy(client, &server, &is_lost);
            let _ = server.shutdown(std::net::Shutdown::Both);
        });
    }

    fn copy(&self, mut from: impl Read, mut to: impl Write, is_lost: &AtomicBool) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read) = from.read(&mut buffer) {
            let weather = *self.weather.lock().unwrap_or_else(PoisonError::into_inner);
            match weather {
                Weather::Fair => {}
                Weather::Slow(by) => thread::sleep(by),
                Weather::Silent => is_lost.store(true, Ordering::Relaxed),
            }
            if read == 0 {
                return;
            }
            let sent =
                is_lost.load(Ordering::Relaxed) || buffer.get(..read).is_some_and(|sent| to.write_all(sent).is_ok());
            if !sent {
                return;
            }
        }
    }
}

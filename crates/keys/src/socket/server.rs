use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use farthing_rail::RecoverableSigner;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Reply, Request, line_of, prefixed, read_line, unprefixed};

/// How many clients are answered at once; others wait.
const MOST_CLIENTS: usize = 64;
/// How long a client may stay silent.
const SILENCE: Duration = Duration::from_secs(60);

/// Answers for keys on a Unix socket that only its owner can connect to.
pub struct KeyServer {
    listener: UnixListener,
    path: PathBuf,
    signers: Arc<[Arc<dyn RecoverableSigner>]>,
}

/// Why keys cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Somebody serves there already.
    #[error("{path} is served already; stop that process, or choose another path", path = .0.display())]
    Taken(PathBuf),
    /// There is a file that is no socket.
    #[error("{path} exists and is no socket; choose another path", path = .0.display())]
    InTheWay(PathBuf),
    /// The system refused.
    #[error("{path}: {source}", path = path.display())]
    System {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl KeyServer {
    /// Binds the socket. One that a dead process left behind is replaced.
    pub fn bind(path: &Path, signers: Vec<Arc<dyn RecoverableSigner>>) -> Result<Self, ServeError> {
        use std::os::unix::fs::FileTypeExt as _;
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => return Err(ServeError::InTheWay(path.to_owned())),
            Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
                return Err(ServeError::Taken(path.to_owned()));
            }
            _ => {}
        }
        let listener = bind_privately(path).map_err(|source| ServeError::System { path: path.to_owned(), source })?;
        Ok(Self { listener, path: path.to_owned(), signers: signers.into() })
    }

    /// Answers until it is dropped. A client that breaks the rules is cut off, and the others are not.
    pub async fn run(&self) -> io::Result<()> {
        let room = Arc::new(Semaphore::new(MOST_CLIENTS));
        let mut clients = JoinSet::new();
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
            let (stream, _) = self.listener.accept().await?;
            let signers = Arc::clone(&self.signers);
            clients.spawn(async move {
                if let Err(error) = converse(stream, &signers).await {
                    tracing::debug!(%error, "a client of the keys was cut off");
                }
                drop(permit);
            });
            while clients.try_join_next().is_some() {}
        }
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds within a directory that nobody else can enter, closes the socket to others, and only then
/// moves it to its place: there is no moment at which others could connect.
fn bind_privately(path: &Path) -> io::Result<UnixListener> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let room = path.with_file_name(name);
    fs::DirBuilder::new().mode(0o700).create(&room)?;
    let bound = || {
        let inside = room.join("s");
        let listener = UnixListener::bind(&inside)?;
        fs::set_permissions(&inside, fs::Permissions::from_mode(0o600))?;
        fs::rename(&inside, path)?;
        Ok(listener)
    };
    let listener = bound();
    fs::remove_dir_all(&room)?;
    listener
}

async fn converse(stream: UnixStream, signers: &[Arc<dyn RecoverableSigner>]) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let line = tokio::time::timeout(SILENCE, read_line(&mut reader)).await;
        let Some(line) = line.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? else { return Ok(()) };
        let reply = match serde_json::from_slice(&line) {
            Ok(request) => answer(&request, signers).await.unwrap_or_else(refused),
            Err(_) => refused("a request is one JSON object: {\"sign\": \"0x..\", \"public_key\": \"0x..\"}".into()),
        };
        tokio::time::timeout(SILENCE, writer.write_all(&line_of(&reply)?))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    }
}

async fn answer(request: &Request, signers: &[Arc<dyn RecoverableSigner>]) -> Result<Reply, String> {
    if request.list {
        let public_keys = signers.iter().map(|signer| prefixed(&signer.public_key())).collect();
        return Ok(Reply { public_keys: Some(public_keys), ..Reply::default() });
    }
    let message = request.sign.as_deref().and_then(unprefixed).ok_or("sign is the message, in 0x hexadecimal")?;
    let wanted = request.public_key.as_deref().and_then(unprefixed);
    let wanted = wanted.ok_or("public_key is the 64 bytes of the key to sign with, in 0x hexadecimal")?;
    let signer = signers.iter().find(|signer| signer.public_key().as_slice() == wanted);
    let signer = signer.ok_or("there is no such key here; ask with {\"list\": true} which there are")?;
    let signature = signer.sign_keccak(&message).await.map_err(|error| error.to_string())?;
    Ok(Reply { signature: Some(prefixed(&signature)), ..Reply::default() })
}

fn refused(reason: String) -> Reply {
    Reply { refused: Some(reason), ..Reply::default() }
}

impl std::fmt::Debug for KeyServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeyServer").field("path", &self.path).finish_non_exhaustive()
    }
}

//! A folder that statements are put into.
//!
//! Files stay where they are: the books remember by its hash what was taken. A file that is refused is looked at again
//! when it changes, because it may have been half there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use farthing_rail::FundingAccount;
use tokio::sync::watch;

use super::{ImportError, import};
use crate::seller::Seller;

/// How often a folder is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// What a file looked like when it was looked at.
type Seen = HashMap<PathBuf, (u64, Option<SystemTime>)>;

/// Imports what is put into the folders of the configuration, until `stop` turns true.
pub(crate) async fn run(seller: Arc<Seller>, mut stop: watch::Receiver<bool>) {
    let mut seen = Seen::new();
    loop {
        let accounts = seller.site.load().fundings.clone();
        for account in &accounts {
            let Some(folder) = account.statements().map(Path::to_owned) else { continue };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = look(&seller, account, &folder, &mut seen) => {}
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn look(seller: &Seller, account: &Arc<dyn FundingAccount>, folder: &Path, seen: &mut Seen) {
    let found = match files(folder).await {
        Ok(found) => found,
        Err(error) => {
            // Said once: the folder stands for a file that cannot be read.
            if seen.insert(folder.to_owned(), (0, None)).is_none() {
                tracing::error!(%error, folder = %folder.display(), "the folder of statements cannot be read");
            }
            return;
        }
    };
    for (path, looks) in found {
        if seen.get(&path) == Some(&looks) {
            continue;
        }
        match import(&seller.books, account, &path, seller.now(), &mut |_| {}).await {
            Ok(done) if done.known => {}
            Ok(done) => {
                let taken = done.taken;
                tracing::info!(
                    file = %path.display(), entries = done.file.entries, credited = taken.credited,
                    suspended = taken.suspended, "a statement was imported"
                );
            }
            // The books may answer the next time.
            Err(error @ (ImportError::Store(_) | ImportError::Changed)) => {
                tracing::warn!(%error, file = %path.display(), "a statement could not be imported, and is tried again");
                continue;
            }
            Err(error) => tracing::error!(%error, file = %path.display(), "a statement was refused"),
        }
        seen.insert(path, looks);
    }
}

/// The files of a folder in the order of their names, which banks make of dates.
async fn files(folder: &Path) -> std::io::Result<Vec<(PathBuf, (u64, Option<SystemTime>))>> {
    let mut entries = tokio::fs::read_dir(folder).await?;
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let path = entry.path();
        let is_xml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
        let about = tokio::fs::metadata(&path).await?;
        if is_xml && about.is_file() {
            found.push((path, (about.len(), about.modified().ok())));
        }
    }
    found.sort();
    Ok(found)
}

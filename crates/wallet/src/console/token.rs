use std::path::{Path, PathBuf};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use farthing_keys::{FileError, private_file};
use zeroize::Zeroizing;

use crate::Ambient;
use crate::approvals::ApprovalError;
use crate::wallets::WalletsError;

/// What whoever uses the console shows with every request.
#[derive(Clone)]
pub struct ConsoleToken(Zeroizing<String>);

/// The shortest token that is taken, in characters.
const SHORTEST: usize = 32;

impl ConsoleToken {
    /// The token of a home directory, in a file that only its owner can read; made when it is first asked for.
    pub fn of(home: &Path, ambient: &Ambient) -> Result<Self, ApprovalError> {
        let path = Self::path(home);
        match private_file::read(&path) {
            Ok(bytes) => {
                let text = Zeroizing::new(String::from_utf8_lossy(&bytes).trim().to_owned());
                if text.len() >= SHORTEST {
                    return Ok(Self(text));
                }
                let short = std::io::Error::new(std::io::ErrorKind::InvalidData, "the token in it is too short");
                Err(WalletsError::File(FileError::system(&path)(short)).into())
            }
            Err(error) if error.is_absent() => {
                let random = ambient.random::<32>()?;
                let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
                let text = Zeroizing::new(text);
                private_file::write_new(&path, text.as_bytes()).map_err(WalletsError::from)?;
                Ok(Self(text))
            }
            Err(error) => Err(WalletsError::from(error).into()),
        }
    }

    /// Where the token of a home directory is.
    pub fn path(home: &Path) -> PathBuf {
        home.join("console.token")
    }

    /// Whether this is the token; takes as long whatever differs.
    pub(super) fn is(&self, shown: &[u8]) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), shown).is_ok()
    }
}

impl std::fmt::Debug for ConsoleToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ConsoleToken(..)")
    }
}

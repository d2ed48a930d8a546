use std::fmt::Write as _;
use std::path::Path;

use farthing_keys::private_file;
use farthing_wallet::Ambient;
use secrecy::SecretString;

use crate::failure::{Failure, OrFail};
use crate::{clock, environment};

/// Where a token is made when nobody gives one.
const FILE: &str = "mcp.token";
/// The shortest token that is taken: nobody guesses it.
const SHORTEST: usize = 16;

/// What clients show, and where its owner finds it.
pub(super) struct Token {
    pub(super) secret: SecretString,
    pub(super) place: String,
}

/// The token of a file, of the environment, or the one beside the wallets, which is made if there is none.
pub(super) fn find(file: Option<&Path>, home: &Path) -> Result<Token, Failure> {
    if let Some(file) = file {
        return read(file);
    }
    if let Some(given) = environment::variable("FARTHING_MCP_TOKEN") {
        return checked(&given, "FARTHING_MCP_TOKEN".to_owned());
    }
    let file = home.join(FILE);
    match read(&file) {
        Err(_) if !file.exists() => {
            let random: [u8; 32] = Ambient::new(clock::now).random().or_fail("no token can be made")?;
            let token = random.iter().fold(String::new(), |mut token, byte| {
                // Writing to a string does not fail.
                let _ = write!(token, "{byte:02x}");
                token
            });
            private_file::write_new(&file, format!("{token}\n").as_bytes()).or_fail("no token can be made")?;
            read(&file)
        }
        read => read,
    }
}

fn read(file: &Path) -> Result<Token, Failure> {
    let bytes = private_file::read(file).or_fail("the token cannot be read")?;
    let text = String::from_utf8_lossy(&bytes);
    checked(text.lines().next().unwrap_or_default(), file.display().to_string())
}

fn checked(token: &str, place: String) -> Result<Token, Failure> {
    let token = token.trim();
    if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::wrong_use(format!(
            "the token in {place} is no token; write at least {SHORTEST} letters and digits without spaces"
        )));
    }
    Ok(Token { secret: SecretString::from(token.to_owned()), place })
}

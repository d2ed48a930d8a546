use std::str::FromStr;

use url::Url;

/// Another server of MCP, and under which name its tools are offered: `NAME=COMMAND...` or `NAME=URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub(super) name: String,
    pub(super) way: Way,
    /// What stands for this server in policies and in the wallet's list: where it is, or for a program on this
    /// machine `https://NAME.mcp.localhost`, a name that nobody can register.
    pub(super) url: Url,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A program, spoken to over its standard input and output.
    Command(Vec<String>),
    /// Streamable HTTP.
    Http(Url),
}

/// Not a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// No name.
    #[error("a bridge is written NAME=COMMAND or NAME=URL, such as weather=https://api.example.com/mcp")]
    Form,
    /// The name could not be told from a tool's, or from another bridge's.
    #[error("\"{0}\" is no name for a bridge; use lower-case letters, digits and hyphens, beginning with a letter")]
    Name(String),
    /// The URL cannot be read.
    #[error("the url of {name} cannot be read: {reason}")]
    Url {
        /// Whose.
        name: String,
        /// What is wrong.
        reason: url::ParseError,
    },
    /// The command is empty or a quotation mark is left open.
    #[error("the command of {0} is empty, or a quotation mark in it is left open")]
    Command(String),
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (name, way) = text.split_once('=').ok_or(PlaceError::Form)?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if !begins || name.len() > 32 || name.ends_with('-') || !name.bytes().all(plain) {
            return Err(PlaceError::Name(name.chars().take(48).collect()));
        }
        let name = name.to_owned();
        let url = |text: &str| text.parse().map_err(|reason| PlaceError::Url { name: name.clone(), reason });
        if way.starts_with("http://") || way.starts_with("https://") {
            let way: Url = url(way)?;
            return Ok(Self { url: without_secrets(&way), way: Way::Http(way), name });
        }
        let words = shlex::split(way).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| PlaceError::Command(name.clone()))?;
        Ok(Self { url: url(&format!("https://{name}.mcp.localhost/"))?, way: Way::Command(words), name })
    }
}

fn without_secrets(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // A URL of HTTP can be without both.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_url_or_a_command() {
        let place: Place = "weather=https://user:word@api.example.com/mcp?key=secret".parse().unwrap();
        assert_eq!(place.url.as_str(), "https://api.example.com/mcp");
        let place: Place = "files=npx -y 'a server' --root /x".parse().unwrap();
        assert_eq!(place.way, Way::Command(["npx", "-y", "a server", "--root", "/x"].map(str::to_owned).to_vec()));
        assert_eq!(place.url.as_str(), "https://files.mcp.localhost/");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["weather", "=x", "Weather=x", "we_ather=x", "-w=x", "w-=x", "1=x"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
        assert_eq!("w=".parse::<Place>(), Err(PlaceError::Command("w".into())));
        assert_eq!("w='x".parse::<Place>(), Err(PlaceError::Command("w".into())));
        assert!(matches!("w=https://".parse::<Place>(), Err(PlaceError::Url { .. })));
    }
}

//! Which requests a route answers: `GET,POST /v1/forecast/{city}`, `* /{*rest}`.

use std::fmt;

/// Methods and a path template, as written after `match =`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The methods.
    pub methods: Methods,
    /// The path template: literal segments, `{name}` for one segment, `{*name}` for the rest.
    pub path: String,
}

/// The methods a route answers. `GET` answers `HEAD` too, at the same price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Methods {
    /// `*`: every method.
    Any,
    /// These.
    These(Vec<http::Method>),
}

impl Pattern {
    /// Reads a pattern, or says what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = || {
            format!("\"{text}\" is not a method, a space and a path; write for example \"GET /v1/forecast/{{city}}\"")
        };
        let (methods, path) = text.split_once(' ').ok_or_else(form)?;
        if !path.starts_with('/') || path.contains(['?', '#', ' ', '%', '\\']) || path.contains("//") {
            return Err(format!(
                "the path of \"{text}\" must begin with / and be written plainly: no query, no escapes, no spaces"
            ));
        }
        if methods == "*" {
            return Ok(Self { methods: Methods::Any, path: path.to_owned() });
        }
        let methods = methods.split(',').map(|name| method(name, text)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { methods: Methods::These(methods), path: path.to_owned() })
    }
}

fn method(name: &str, text: &str) -> Result<http::Method, String> {
    if name == "HEAD" {
        return Err(format!("\"{text}\" names HEAD; leave it out, GET answers HEAD too"));
    }
    if name == "CONNECT" || name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(format!("\"{name}\" is not a method a route can answer; write GET, POST, ... or *"));
    }
    http::Method::from_bytes(name.as_bytes()).map_err(|_| format!("\"{name}\" is not a method"))
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.methods {
            Methods::Any => formatter.write_str("*")?,
            Methods::These(methods) => {
                for (index, method) in methods.iter().enumerate() {
                    write!(formatter, "{}{method}", if index == 0 { "" } else { "," })?;
                }
            }
        }
        write!(formatter, " {}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_read_back_as_written() {
        for text in ["GET /", "GET,POST /v1/{id}", "* /{*rest}"] {
            assert_eq!(Pattern::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_a_remedy() {
        for text in ["/v1", "GET v1", "get /v1", "GET  /v1", "GET,HEAD /v1", "CONNECT /", "GET /a?b", "GET //a", ""] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}

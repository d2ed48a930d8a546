//! Names with a grammar: realm, method, intent.
//!
//! Each name has two doors. `new` holds us to the letter of the specification when we issue;
//! `read` accepts what deployed peers send. Neither lets a `|` or a control character through: the
//! binding joins its slots with `|`, and a name that held one could move text between slots.

/// ASCII, not empty, no `|`, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Realm(Box<str>);

/// `tempo`, `balance`: lower case letters when we issue it, the wider deployed form when we read it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MethodName(Box<str>);

/// `charge`, `session`: letters, digits and `-` when we issue it, also `_` when we read it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentName(Box<str>);

/// A name that breaks its grammar, in words that name the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub String);

const LONGEST_REALM_BYTES: usize = 255;
const LONGEST_NAME_BYTES: usize = 64;

/// What a name must be, as a test and in words.
struct Grammar {
    rule: &'static str,
    holds: fn(&str) -> bool,
}

macro_rules! name {
    ($name:ident, $what:literal, $longest:expr, strict $strict:expr, deployed $deployed:expr) => {
        impl $name {
            /// For issuing: the strict grammar.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                check(text, $what, $longest, &$strict).map(Self)
            }

            /// For reading: what deployed peers send.
            pub fn read(text: &str) -> Result<Self, InvalidName> {
                check(text, $what, $longest, &$deployed).map(Self)
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

name!(
    Realm,
    "a realm",
    LONGEST_REALM_BYTES,
    strict Grammar {
        rule: "printable ASCII without \"|\"",
        holds: |text| text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'|'),
    },
    deployed Grammar {
        rule: "text without control characters and without \"|\"",
        holds: |text| !text.chars().any(|letter| letter.is_control() || letter == '|'),
    }
);
name!(
    MethodName,
    "a method",
    LONGEST_NAME_BYTES,
    strict Grammar {
        rule: "lower case letters a to z",
        holds: |text| text.bytes().all(|byte| byte.is_ascii_lowercase()),
    },
    deployed Grammar {
        rule: "a lower case letter, then lower case letters, digits, \":\", \"_\" and \"-\"",
        holds: |text| text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(is_deployed_method_byte),
    }
);
name!(
    IntentName,
    "an intent",
    LONGEST_NAME_BYTES,
    strict Grammar {
        rule: "letters, digits and \"-\"",
        holds: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
    },
    deployed Grammar {
        rule: "letters, digits, \"-\" and \"_\"",
        holds: |text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')),
    }
);

fn is_deployed_method_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b':' | b'_' | b'-')
}

fn check(text: &str, what: &str, longest: usize, grammar: &Grammar) -> Result<Box<str>, InvalidName> {
    if !text.is_empty() && text.len() <= longest && (grammar.holds)(text) {
        return Ok(text.into());
    }
    let shown: String = text.chars().take(64).collect();
    Err(InvalidName(format!("{what} is 1 to {longest} bytes of {}; {shown:?} is not", grammar.rule)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn issuing_is_strict_and_reading_is_what_peers_send() {
        assert!(MethodName::new("tempo").is_ok());
        for text in ["tempo2", "te-mpo", "x:y", "a_b"] {
            assert!(MethodName::new(text).is_err(), "{text}");
            assert!(MethodName::read(text).is_ok(), "{text}");
        }
        for text in ["", "Tempo", "2tempo", "-a", "a b", "a|b", "é"] {
            assert!(MethodName::read(text).is_err(), "{text}");
        }
        assert!(IntentName::new("charge").is_ok() && IntentName::new("one-time").is_ok());
        assert!(IntentName::new("a_b").is_err() && IntentName::read("a_b").is_ok());
        for text in ["", "a b", "a|b", "é"] {
            assert!(IntentName::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_realm_cannot_move_text_between_slots() {
        for text in ["", "a|b", "a\r\nb", "a\0"] {
            assert!(Realm::new(text).is_err() && Realm::read(text).is_err(), "{text:?}");
        }
        assert!(Realm::new("bücher.example").is_err() && Realm::read("bücher.example").is_ok());
        assert!(Realm::new("contact Payment support").is_ok());
        assert!(Realm::new(&"a".repeat(256)).is_err());
    }

    #[test]
    fn the_reason_names_the_rule_and_the_text() {
        let reason = MethodName::new("Tempo").unwrap_err().to_string();
        assert_eq!(reason, "a method is 1 to 64 bytes of lower case letters a to z; \"Tempo\" is not");
    }

    proptest! {
        #[test]
        fn whatever_is_issued_can_be_read(text: String) {
            prop_assert!(Realm::new(&text).is_err() || Realm::read(&text).is_ok());
            prop_assert!(MethodName::new(&text).is_err() || MethodName::read(&text).is_ok());
            prop_assert!(IntentName::new(&text).is_err() || IntentName::read(&text).is_ok());
        }
    }
}

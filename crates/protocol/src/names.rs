//! Names with a grammar: realm, method, intent.

/// ASCII, not empty, no `|`, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Realm(Box<str>);
/// `tempo`, `balance`: lower case letters when we issue it, the wider deployed form when we read it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MethodName(Box<str>);
/// `charge`, `session`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentName(Box<str>);
/// A name that breaks its grammar, in words that name the rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub String);

macro_rules! name {
    ($name:ident) => {
        impl $name {
            /// For issuing: the strict grammar.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                let _ = text;
                todo!()
            }
            /// For reading: what deployed peers send.
            pub fn read(text: &str) -> Result<Self, InvalidName> {
                let _ = text;
                todo!()
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
name!(Realm);
name!(MethodName);
name!(IntentName);

//! Why a file is refused, and at which line.

use farthing_rail::Unreadable;

use crate::decimal::NotAnAmount;

/// A file is refused whole: what is wrong with it, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {mistake}")]
pub struct Refused {
    /// The line on which it was noticed, from 1.
    pub line: u64,
    /// What is wrong.
    pub mistake: Mistake,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// Not XML, or cut off in the middle of a tag.
    #[error("this is not well-formed XML ({0}); ask the bank for the file again")]
    NotXml(String),
    /// The file ends before it should.
    #[error("the file ends in the middle of <{0}>; it was cut off, fetch it again")]
    CutOff(String),
    /// A document type, which could define entities.
    #[error("the file has a document type definition; statements have none, and it is not read")]
    DocumentType,
    /// An entity beyond the five of XML.
    #[error("the file uses the entity &{0};, which XML does not define by itself")]
    Entity(String),
    /// Larger than any statement.
    #[error("the file is larger than {0} bytes; import it in parts")]
    TooLarge(u64),
    /// A tag, an attribute or a text without end.
    #[error("a tag or a text is longer than {0} bytes, which none in a statement is")]
    TooLong(usize),
    /// Elements within elements without end.
    #[error("elements are nested deeper than {0}, which none in a statement are")]
    TooDeep(usize),
    /// Not a message that is read here.
    #[error(
        "this is not a statement that can be read; camt.053.001 and camt.054.001 in the versions 02, 04, 08 and 11 can"
    )]
    OtherMessage,
    /// An element is missing.
    #[error("{within} has no {element}")]
    Lacks {
        /// Where it should be.
        within: &'static str,
        /// What is missing.
        element: &'static str,
    },
    /// An element says something that it cannot.
    #[error("\"{found}\" is no {element}")]
    Word {
        /// The element.
        element: &'static str,
        /// What it says.
        found: String,
    },
    /// A number that is no amount.
    #[error(transparent)]
    Amount(#[from] NotAnAmount),
    /// Sums beyond 127 bits.
    #[error("the amounts add up to more than any account holds")]
    Sum,
    /// Another account's statement.
    #[error("this is a statement of account {found}; the configuration names {expected}")]
    OtherAccount {
        /// Whose it is.
        found: String,
        /// Whose is wanted.
        expected: String,
    },
    /// Amounts in another currency than the account's.
    #[error("an amount is in {found}, and the account is in {expected}")]
    OtherCurrency {
        /// The currency that stands there.
        found: String,
        /// The account's.
        expected: String,
    },
    /// The entries do not lead from one balance to the other.
    #[error("statement {id} does not add up: {opening} and its entries make {made}, and it closes with {closing}")]
    DoesNotAddUp {
        /// The statement.
        id: String,
        /// What it begins with.
        opening: String,
        /// What its entries make of that.
        made: String,
        /// What it says it ends with.
        closing: String,
    },
    /// One statement twice in a file.
    #[error("statement {0} stands in this file twice")]
    Repeated(String),
    /// Nothing in it.
    #[error("the file has no statement and no notification in it")]
    Empty,
    /// Whoever took the entries wanted no more.
    #[error("reading was stopped")]
    Stopped,
}

impl From<Refused> for Unreadable {
    fn from(refused: Refused) -> Self {
        Self(refused.to_string())
    }
}

use farthing_keys::{OwnerKey, OwnerPublic};
use farthing_policy::{Policy, PolicyError};

/// How the first line of a signed policy begins: a comment, so that the rest is the policy as people write it.
const MARK: &str = "# signed policy 1 ";

/// What the owner's signatures over policies are for.
const PURPOSE: &str = "policy";

/// A policy as it lies on disk: one line that says whose it is, and the text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedPolicy {
    /// Which of two is newer: only ever more.
    pub(crate) version: u64,
    /// The public key of who signed it.
    owner: OwnerPublic,
    signature: String,
    /// The policy.
    pub(crate) text: String,
}

/// Why a policy on disk is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedPolicyError {
    /// Nobody signed it.
    #[error("the policy of {0} is not signed; look at it, and run: farthing policy sign")]
    Unsigned(String),
    /// What stands there is not what was signed.
    #[error(
        "the policy of {0} was changed by hand since its owner signed it; look at it, and run: farthing policy \
         sign"
    )]
    Changed(String),
    /// It is signed by somebody else than the wallet's owner.
    #[error("the policy of {0} is not signed by its owner, so nothing is paid by it; set it again as the owner")]
    Foreign(String),
    /// The owner has signed a newer one since.
    #[error("the policy of {level} is version {version}, and version {newest} was followed before; set it anew")]
    Old {
        /// Whose policy.
        level: String,
        /// The version on disk.
        version: u64,
        /// The newest that was followed.
        newest: u64,
    },
}

impl SignedPolicy {
    /// Signs a policy as the one of a level.
    pub(crate) fn sign(level: &str, version: u64, text: String, key: &OwnerKey, owner: OwnerPublic) -> Self {
        Self { version, owner, signature: key.sign(PURPOSE, &statement(level, version, &text)), text }
    }

    /// Reads the file of a level's policy, without judging who signed it.
    pub(crate) fn read(level: &str, file: &str) -> Result<Self, SignedPolicyError> {
        let unsigned = || SignedPolicyError::Unsigned(level.to_owned());
        let (line, text) = file.split_once('\n').ok_or_else(unsigned)?;
        let mut words = line.strip_prefix(MARK).ok_or_else(unsigned)?.split(' ');
        let mut word = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
        let (version, owner, signature) = (word("version"), word("owner"), word("signature"));
        let (Some(version), Some(owner), Some(signature)) = (version, owner, signature) else { return Err(unsigned()) };
        let version = version.parse().map_err(|_| unsigned())?;
        let owner = OwnerPublic::from_hex(owner).ok_or_else(unsigned)?;
        Ok(Self { version, owner, signature: signature.to_owned(), text: text.to_owned() })
    }

    /// Checks that this owner signed it for this level.
    pub(crate) fn check(&self, level: &str, owner: &OwnerPublic) -> Result<(), SignedPolicyError> {
        if self.owner != *owner {
            return Err(SignedPolicyError::Foreign(level.to_owned()));
        }
        if !owner.verifies(PURPOSE, &statement(level, self.version, &self.text), &self.signature) {
            return Err(SignedPolicyError::Changed(level.to_owned()));
        }
        Ok(())
    }

    /// The policy it is.
    pub(crate) fn policy(&self) -> Result<Policy, PolicyError> {
        self.text.parse()
    }

    /// The file.
    pub(crate) fn to_file(&self) -> String {
        let Self { version, signature, text, .. } = self;
        let owner = self.owner.to_hex();
        format!("{MARK}version={version} owner={owner} signature={signature}\n{text}")
    }

    /// What a file says, signed or not: its text without the line that says whose it is.
    pub(crate) fn text_of(file: &str) -> &str {
        match file.split_once('\n') {
            Some((line, text)) if line.starts_with(MARK) => text,
            _ => file,
        }
    }
}

fn statement(level: &str, version: u64, text: &str) -> String {
    format!("{level}\n{version}\n{text}")
}

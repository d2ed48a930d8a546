use alloy_primitives::{Address, U256};
use farthing_keys::{Ambient, ApiKeyFile, KeyFile, Secp256k1Key, Stop, Token, VaultError};
use farthing_protocol::Timestamp;
use secrecy::SecretSlice;
use sha2::{Digest as _, Sha256};

use crate::decode::{Decoded, Kind, decode};
use crate::policy::{Asker, Case, Executables, PolicyFile, context, judge};
use crate::{Asset, Chain, Deciding, Denial, Facts, Ledger, Outcome, OwsError, OwsVault, Presented, Record};

/// Signs out of a vault of the standard: for the owner whatever can be decoded, for a key what all of its
/// policies allow. Facts come from the bytes that are signed and from nowhere else.
#[derive(Debug)]
pub struct OwsSigner<L> {
    vault: OwsVault,
    ledger: L,
    ambient: Ambient,
    stops: Vec<Stop>,
    executables: Executables,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The wallet, by id or name.
    pub wallet: String,
    /// The chain (CAIP-2), or a short name of it.
    pub chain: String,
    /// What is to be signed.
    pub presented: Presented,
    /// What the caller believes it to be.
    pub labels: Labels,
}

/// What a caller believes to sign. Each is compared with the bytes, and counts for nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Who is paid, or may take the money.
    pub recipient: Option<Address>,
    /// The contract that is called, or that typed data is for.
    pub contract: Option<Address>,
    /// How much is paid, in base units, without the chain's fee.
    pub amount: Option<U256>,
}

/// What opens the wallet, and with it who is asking.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The owner's passphrase. Policies are not asked.
    Owner(SecretSlice<u8>),
    /// A key's token.
    Token(Token),
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// r, s and v: for a transaction 0 or 1, otherwise 27 or 28.
    pub signature: [u8; 65],
    /// The whole transaction, ready to be sent, when it is one.
    pub transaction: Option<Vec<u8>>,
}

impl Signed {
    /// The last byte of the signature.
    pub fn recovery_id(&self) -> u8 {
        self.signature.last().copied().unwrap_or_default()
    }
}

/// What is known of who asks, when it is written down.
#[derive(Default)]
struct Found {
    key: Option<ApiKeyFile>,
    wallet: Option<KeyFile>,
}

impl<L: Ledger> OwsSigner<L> {
    /// Signs out of this vault and writes down what it decides in this ledger. Nothing is signed while any
    /// of `stops` says so.
    pub fn new(vault: OwsVault, ledger: L, ambient: Ambient, stops: Vec<Stop>) -> Self {
        Self { vault, ledger, ambient, stops, executables: Executables::default() }
    }

    /// Asks executable policies in another way.
    #[must_use]
    pub fn with_executables(self, executables: Executables) -> Self {
        Self { executables, ..self }
    }

    /// Decides, writes down what was decided, and signs if it was allowed.
    pub fn sign(&self, request: &Request, credential: &Credential) -> Result<Signed, OwsError> {
        let mut found = Found::default();
        let known = self.find(request, credential, &mut found);
        let deciding = self.ledger.begin(found.key.as_ref().map(|key| key.id.as_str()))?;
        // Read after the lock: whoever waited decides by the time it has then.
        let now = self.ambient.now();
        let decided = known
            .and_then(|chain| self.decide(request, chain, &found, &*deciding, now))
            .and_then(|decoded| Ok((decoded, self.open(&found, credential)?)));
        let outcome = match &decided {
            Ok((decoded, _)) => {
                let totals = decoded.facts.totals().into_iter();
                Outcome::Allowed(totals.filter(|(_, amount)| !amount.is_zero()).collect())
            }
            Err(error) => Outcome::Denied(denial_of(error)),
        };
        deciding.record(&Record {
            at: now,
            operation: request.presented.operation(),
            wallet_id: found.wallet.as_ref().map(|wallet| wallet.id.clone()),
            api_key_id: found.key.as_ref().map(|key| key.id.clone()),
            chain: request.chain.chars().take(48).collect(),
            sha256: Sha256::digest(request.presented.bytes()).into(),
            outcome,
        })?;
        let (decoded, key) = decided?;
        finish(&decoded, &key)
    }

    /// Whose key, which wallet, which chain.
    fn find(&self, request: &Request, credential: &Credential, found: &mut Found) -> Result<Chain, OwsError> {
        if let Credential::Token(token) = credential {
            found.key = Some(self.vault.key_of(token)?);
        }
        found.wallet = Some(self.vault.wallet(&request.wallet)?);
        Chain::parse(&request.chain)
    }

    fn decide(
        &self,
        request: &Request,
        chain: Chain,
        found: &Found,
        deciding: &dyn Deciding,
        now: Timestamp,
    ) -> Result<Decoded, OwsError> {
        if let Some(stopped) = self.stops.iter().find_map(Stop::look) {
            return Err(VaultError::from(stopped).into());
        }
        let policies = match (&found.key, &found.wallet) {
            (Some(key), Some(wallet)) => self.policies(key, wallet, now)?,
            _ => Vec::new(),
        };
        let decoded = match decode(&request.presented) {
            Ok(decoded) => {
                request.labels.agree(&decoded, chain)?;
                Ok(decoded)
            }
            // Nothing is known of a digest, and a policy that would have to know is who refuses it.
            Err(error) if matches!(request.presented, Presented::Digest(_)) => Err(error),
            Err(error) => return Err(error),
        };
        let (Some(key), Some(wallet)) = (&found.key, &found.wallet) else { return decoded };
        let spent = |asset: &Asset, since| deciding.spent(asset, since);
        let nothing = Facts::unknown(None, "it is a digest");
        for policy in &policies {
            let facts = decoded.as_ref().map_or(&nothing, |decoded| &decoded.facts);
            let case = Case { facts, presented: &request.presented, chain, now, spent: &spent };
            judge(policy, &case)?.map_err(OwsError::PolicyDenied)?;
            let (Some(path), Ok(decoded)) = (&policy.executable, &decoded) else { continue };
            let address = wallet.address().unwrap_or_default();
            let asker = Asker { wallet_id: &wallet.id, api_key_id: &key.id, address };
            let mut told = context(&asker, &request.presented, decoded, chain, now, &spent)?;
            if let Some(config) = &policy.config {
                told.insert("policy_config".into(), config.clone());
            }
            let told = serde_json::Value::Object(told).to_string();
            self.executables.ask(path, told.as_bytes()).map_err(|reason| {
                let policy_id = Some(policy.id.clone());
                OwsError::PolicyDenied(Denial { policy_id, rule: "executable".into(), reason })
            })?;
        }
        decoded
    }

    /// The policies of a key that may sign with this wallet now; all of them, and at least one.
    fn policies(&self, key: &ApiKeyFile, wallet: &KeyFile, now: Timestamp) -> Result<Vec<PolicyFile>, OwsError> {
        if key.has_ended(now) {
            return Err(OwsError::ApiKeyExpired(key.id.clone()));
        }
        let denied = |reason: String| OwsError::PolicyDenied(Denial { policy_id: None, rule: "key".into(), reason });
        if key.secret_of(&wallet.id).is_none() {
            return Err(denied(format!("the key {} is not for the wallet {}", key.id, wallet.id)));
        }
        if key.policy_ids.is_empty() {
            return Err(denied(format!("the key {} has no policy, so it signs nothing", key.id)));
        }
        key.policy_ids.iter().map(|id| self.vault.policy(id)).collect()
    }

    fn open(&self, found: &Found, credential: &Credential) -> Result<Secp256k1Key, OwsError> {
        let wallet = found.wallet.as_ref().ok_or_else(|| OwsError::WalletNotFound(String::new()))?;
        Ok(match (credential, &found.key) {
            (Credential::Owner(passphrase), _) => wallet.open_account(passphrase)?,
            (Credential::Token(token), Some(key)) => key.open_account(wallet, token)?,
            (Credential::Token(_), None) => return Err(OwsError::ApiKeyNotFound),
        })
    }
}

impl Labels {
    fn agree(&self, decoded: &Decoded, chain: Chain) -> Result<(), OwsError> {
        let facts = &decoded.facts;
        let differs = |what: &str, said: String, got: String| {
            Err(OwsError::InvalidInput(format!("the {what} was said to be {said}, but the bytes say {got}")))
        };
        let names_a_chain = match &decoded.kind {
            Kind::TypedData(typed) => typed.names_a_chain(),
            Kind::Transaction(_) => true,
            Kind::Message => false,
        };
        if names_a_chain && facts.chain != Some(chain) {
            let got = facts.chain.map_or_else(|| "one beyond all numbers".to_owned(), |chain| chain.to_string());
            return differs("chain", chain.to_string(), got);
        }
        if let Some(contract) = self.contract.filter(|contract| facts.contract != Some(*contract)) {
            let got = facts.contract.map_or_else(|| "none".to_owned(), |contract| contract.to_string());
            return differs("contract", contract.to_string(), got);
        }
        let mut paid = facts.moves.iter().filter(|moved| moved.payee.is_some());
        let only = paid.next().filter(|_| paid.next().is_none() && facts.unknown.is_none());
        if let Some(recipient) = self.recipient.filter(|recipient| only.and_then(|only| only.payee) != Some(*recipient))
        {
            let got =
                only.and_then(|only| only.payee).map_or_else(|| "none, or several".to_owned(), |got| got.to_string());
            return differs("recipient", recipient.to_string(), got);
        }
        if let Some(amount) = self.amount.filter(|amount| only.map(|only| only.amount) != Some(*amount)) {
            let got = only.map_or_else(|| "none, or several".to_owned(), |only| only.amount.to_string());
            return differs("amount", amount.to_string(), got);
        }
        Ok(())
    }
}

fn finish(decoded: &Decoded, key: &Secp256k1Key) -> Result<Signed, OwsError> {
    let mut signature = key.sign_keccak(&decoded.signing)?;
    let transaction = match &decoded.kind {
        Kind::Transaction(unsigned) => Some(unsigned.signed(&signature)),
        Kind::Message | Kind::TypedData(_) => {
            if let Some(parity) = signature.last_mut() {
                *parity += 27;
            }
            None
        }
    };
    Ok(Signed { signature, transaction })
}

fn denial_of(error: &OwsError) -> Denial {
    match error {
        OwsError::PolicyDenied(denial) => denial.clone(),
        other => Denial { policy_id: None, rule: other.code().to_owned(), reason: other.to_string() },
    }
}

//! What can be said of a payment without asking anybody.

use farthing_dialects::x402::{Requirements, Words};
use farthing_money::Amount;
use farthing_protocol::{ChallengeId, Credential, Realm, Timestamp};
use farthing_rail::{Capture, Claim, PayerId, PaymentId, Presented, Proof};
use sha2::{Digest, Sha256};

use crate::Kind;
use crate::asked::Asked;
use crate::refused::Refused;

/// What the challenges are called that x402 does not have.
const NAME: &str = "x402";

/// What a seller wants to know or have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Verify,
    Settle,
}

/// A payment that its bytes speak for.
pub(crate) struct Case {
    /// Who moves it.
    pub(crate) kind: Kind,
    pub(crate) proof: Proof,
    /// In whose words it is refused.
    pub(crate) words: Words,
    /// How much is to be taken, where that is left open until it is settled.
    pub(crate) take: Option<Amount>,
}

impl Case {
    /// Finds who settles what is asked, and has them check the payment.
    pub(crate) fn of(asked: &Asked, wish: Wish, kinds: &[Kind], now: Timestamp) -> Result<Self, Refused> {
        let kind = find(kinds, &asked.requirements)?;
        let (least, most) = (asked.requirements.amount, asked.most.amount);
        let is_open = kind.settler.terms().capture == Capture::Actual;
        if most.is_zero() {
            return Err(Refused::requirements(AMOUNT, "a payment of nothing is not settled; ask for more"));
        }
        let fits = if is_open && wish == Wish::Settle { least <= most } else { least == most };
        if !fits {
            let code = if is_open { "invalid_upto_evm_payload_settlement_exceeds_amount" } else { AMOUNT };
            return Err(Refused::requirements(code, "the amount is not the one that was accepted; ask for that"));
        }
        let words = Words::of(kind.scheme(), &asked.payment.payload);
        let proof = verified(kind, asked, words, now)?;
        Ok(Self { kind: kind.clone(), proof, words, take: is_open.then_some(least) })
    }

    /// The payment as its rail knows it. A payment that was refused for good may be tried again, when its
    /// payer has put things right: that is another attempt, and another payment for the rail.
    pub(crate) fn claim(&self, attempt: u32, claimed_at: Timestamp) -> Option<Claim> {
        let mut hasher = Sha256::new();
        hasher.update(b"farthing/facilitator/1\0");
        hasher.update(attempt.to_be_bytes());
        hasher.update(self.proof.key.as_str().as_bytes());
        let id = ChallengeId::read(&farthing_protocol::base64url::encode(hasher.finalize())).ok()?;
        Some(Claim { payment: PaymentId::of(&id), proof: self.proof.clone(), claimed_at })
    }

    /// Whose money it is.
    pub(crate) fn payer(&self) -> Option<String> {
        self.proof.payer.as_ref().map(address_of)
    }
}

const AMOUNT: &str = "invalid_exact_evm_payload_authorization_value_mismatch";

fn find<'a>(kinds: &'a [Kind], asked: &Requirements) -> Result<&'a Kind, Refused> {
    let found = kinds.iter().find(|kind| kind.network == asked.network && kind.scheme() == asked.scheme);
    found.ok_or_else(|| {
        let network = &asked.network;
        if kinds.iter().any(|kind| kind.network == *network) {
            let message = format!("that scheme is not settled here on {network}; see GET /supported");
            return Refused::requirements("unsupported_scheme", message);
        }
        let message = format!("payments on {network} are not settled here; see GET /supported");
        Refused::requirements("invalid_network", message)
    })
}

fn verified(kind: &Kind, asked: &Asked, words: Words, now: Timestamp) -> Result<Proof, Refused> {
    let challenge = ChallengeId::read(NAME)
        .ok()
        .zip(Realm::read(NAME).ok())
        .and_then(|(id, realm)| asked.most.to_challenge(id, &realm, None, None).ok());
    let Some(challenge) = challenge else {
        let message = "paymentRequirements are not ones that can be paid; shorten extra";
        return Err(Refused::requirements("invalid_payment_requirements", message));
    };
    let credential = Credential::new(challenge, asked.payment.payload.clone(), None);
    let request = asked.most.to_request();
    let presented = Presented { credential: &credential, request: &request, now };
    kind.settler.verify(&presented).map_err(|refusal| Refused::payment(words, &refusal))
}

/// A payer as x402 names it: the last part of a `did:pkh:`.
fn address_of(payer: &PayerId) -> String {
    payer.as_str().rsplit(':').next().unwrap_or_default().to_owned()
}

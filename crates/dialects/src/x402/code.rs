//! What is wrong with a payment, in the words that deployed clients and facilitators know.

use farthing_protocol::JsonObject;
use farthing_rail::Fault;

use super::UPTO;

/// In whose words: the ways of paying on EVM chains have a code of their own for the same mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Words {
    /// `exact` by an EIP-3009 authorization.
    Authorization,
    /// `exact` by a Permit2 authorization.
    Permit,
    /// `upto`, which is always by Permit2.
    Upto,
}

impl Words {
    /// The words for a payment of this scheme.
    pub fn of(scheme: &str, payload: &JsonObject) -> Self {
        match scheme {
            UPTO => Self::Upto,
            _ if payload.contains_key("permit2Authorization") => Self::Permit,
            _ => Self::Authorization,
        }
    }

    /// The code of a fault, for `error`, `errorReason` and `invalidReason`.
    pub const fn code(self, fault: Option<Fault>) -> &'static str {
        let is_authorization = matches!(self, Self::Authorization);
        match fault {
            Some(Fault::Amount) if is_authorization => "invalid_exact_evm_payload_authorization_value_mismatch",
            Some(Fault::Recipient) if is_authorization => "invalid_exact_evm_payload_recipient_mismatch",
            Some(Fault::NotYetValid) if is_authorization => "invalid_exact_evm_payload_authorization_valid_after",
            Some(Fault::Expired | Fault::TooLongLived) if is_authorization => {
                "invalid_exact_evm_payload_authorization_valid_before"
            }
            Some(Fault::Signature) if is_authorization => "invalid_exact_evm_payload_signature",
            Some(Fault::Used) if is_authorization => "invalid_exact_evm_nonce_already_used",
            Some(Fault::Domain) => "invalid_exact_evm_token_name_mismatch",
            Some(Fault::Amount) => "permit2_amount_mismatch",
            Some(Fault::Asset) if !is_authorization => "permit2_token_mismatch",
            Some(Fault::Recipient) => "invalid_permit2_recipient_mismatch",
            Some(Fault::NotYetValid) => "permit2_not_yet_valid",
            Some(Fault::Expired | Fault::TooLongLived) => "permit2_deadline_expired",
            Some(Fault::Signature) => "invalid_permit2_signature",
            Some(Fault::Used) => "permit2_invalid_nonce",
            Some(Fault::Submitter) => match self {
                Self::Upto => "upto_facilitator_mismatch",
                Self::Authorization | Self::Permit => "invalid_permit2_spender",
            },
            Some(Fault::Malformed) => "invalid_payload",
            Some(Fault::OfferUnknown | Fault::Asset) => "invalid_payment_requirements",
            Some(Fault::Network) => "invalid_network",
            Some(Fault::Balance) => "insufficient_funds",
            Some(Fault::Allowance) => PERMIT2_ALLOWANCE_REQUIRED,
            Some(Fault::ContractMissing) => "permit2_proxy_not_deployed",
            Some(Fault::ForeignCode) => "eip6492_factory_not_allowed",
            Some(Fault::Unmovable) => "invalid_transaction_state",
            Some(_) | None => "unexpected_verify_error",
        }
    }
}

/// The payer must approve Permit2 first: answer 412.
pub const PERMIT2_ALLOWANCE_REQUIRED: &str = "permit2_allowance_required";
/// The settlement is under way; the same payment may be settled once more.
pub const SETTLEMENT_PENDING: &str = "settlement_pending";
/// A payment of this kind is not settled here.
pub const UNSUPPORTED_SCHEME: &str = "unsupported_scheme";
/// The settlement failed for no reason that has a code.
pub const UNEXPECTED_SETTLE_ERROR: &str = "unexpected_settle_error";

/// What another's code says is wrong; `None` where it says nothing of the payment, or nothing we know.
pub fn fault_of(code: &str) -> Option<Fault> {
    KNOWN.iter().find(|(known, _)| *known == code).map(|(_, fault)| *fault)
}

/// One sentence for whoever runs the server: another's code, and what it means.
pub fn sentence_of(code: &str) -> String {
    let shown: String = code.chars().filter(|letter| !letter.is_control()).take(96).collect();
    let Some(fault) = fault_of(code) else {
        return match code {
            SETTLEMENT_PENDING => "the settlement is under way (settlement_pending); ask again".to_owned(),
            UNSUPPORTED_SCHEME | "unsupported_chain" | "invalid_scheme" => {
                format!("the facilitator does not settle this kind of payment ({shown}); see its /supported")
            }
            "invalid_x402_version" => {
                "the facilitator does not speak this version of x402 (invalid_x402_version); see its /supported"
                    .to_owned()
            }
            _ => format!("the facilitator says {shown:?}, of which nothing more is known"),
        };
    };
    let what = match fault {
        Fault::Malformed => "cannot be read; the client must be repaired",
        Fault::OfferUnknown => "answers another offer than the one made; the client must ask again",
        Fault::Network => "is for another network; the client must sign for the one offered",
        Fault::Asset => "moves another token; the client must sign for the one offered",
        Fault::Recipient => "pays somebody else; the client must sign for the one offered",
        Fault::Amount => "is for less or more than the price; the client must sign for exactly the price",
        Fault::NotYetValid => "is not valid yet; compare the clocks of client and facilitator",
        Fault::Expired => "is no longer valid, or not for long enough; the client must sign again",
        Fault::TooLongLived => "stays valid for too long; the client must sign again",
        Fault::Signature => "has a signature that is not the payer's; the client must sign again",
        Fault::Domain => "is signed for another name or version of the token; compare the offer's extra with the token",
        Fault::Used => "was used or cancelled before; the client must sign a new one",
        Fault::Balance => "is for more than the payer has; the payer must be funded",
        Fault::Allowance => "needs an approval of Permit2, which the payer has not given",
        Fault::Submitter => "may be submitted only by another account; compare the offer's facilitatorAddress",
        Fault::ContractMissing => "needs a contract that is not on the chain; offer it on another network",
        Fault::ForeignCode => "calls for code of the payer's own to be run, which the facilitator does not",
        _ => "could not be moved on the chain",
    };
    format!("the facilitator says that the payment {what} ({shown})")
}

/// Codes that peers send, and what is wrong.
const KNOWN: &[(&str, Fault)] = &[
    // The protocol's own.
    ("insufficient_funds", Fault::Balance),
    ("invalid_exact_evm_payload_authorization_valid_after", Fault::NotYetValid),
    ("invalid_exact_evm_payload_authorization_valid_before", Fault::Expired),
    ("invalid_exact_evm_payload_authorization_value_mismatch", Fault::Amount),
    ("invalid_exact_evm_payload_signature", Fault::Signature),
    ("invalid_exact_evm_payload_recipient_mismatch", Fault::Recipient),
    ("invalid_network", Fault::Network),
    ("invalid_payload", Fault::Malformed),
    ("invalid_payment_requirements", Fault::OfferUnknown),
    ("invalid_transaction_state", Fault::Unmovable),
    ("extension_echo_mismatch", Fault::OfferUnknown),
    // By EIP-3009.
    ("invalid_exact_evm_authorization_value", Fault::Amount),
    ("invalid_exact_evm_authorization_value_mismatch", Fault::Amount),
    ("invalid_exact_evm_failed_to_parse_signature", Fault::Signature),
    ("invalid_exact_evm_signature", Fault::Signature),
    ("invalid_exact_evm_recipient_mismatch", Fault::Recipient),
    ("invalid_exact_evm_network_mismatch", Fault::Network),
    ("invalid_exact_evm_insufficient_balance", Fault::Balance),
    ("invalid_exact_evm_nonce_already_used", Fault::Used),
    ("invalid_exact_evm_token_name_mismatch", Fault::Domain),
    ("invalid_exact_evm_token_version_mismatch", Fault::Domain),
    ("invalid_exact_evm_missing_eip712_domain", Fault::Domain),
    ("invalid_exact_evm_eip3009_not_supported", Fault::ContractMissing),
    ("asset_not_deployed_contract", Fault::ContractMissing),
    ("eip6492_factory_not_allowed", Fault::ForeignCode),
    ("invalid_exact_evm_transaction_failed", Fault::Unmovable),
    ("invalid_exact_evm_transaction_simulation_failed", Fault::Unmovable),
    ("invalid_exact_evm_transfer_event_mismatch", Fault::Unmovable),
    // By Permit2.
    (PERMIT2_ALLOWANCE_REQUIRED, Fault::Allowance),
    ("permit2_amount_mismatch", Fault::Amount),
    ("permit2_invalid_amount", Fault::Amount),
    ("permit2_token_mismatch", Fault::Asset),
    ("permit2_deadline_expired", Fault::Expired),
    ("permit2_not_yet_valid", Fault::NotYetValid),
    ("permit2_payment_too_early", Fault::NotYetValid),
    ("permit2_insufficient_balance", Fault::Balance),
    ("permit2_invalid_nonce", Fault::Used),
    ("permit2_invalid_destination", Fault::Recipient),
    ("invalid_permit2_recipient_mismatch", Fault::Recipient),
    ("invalid_permit2_signature", Fault::Signature),
    ("permit2_invalid_owner", Fault::Signature),
    ("invalid_permit2_spender", Fault::Submitter),
    ("permit2_proxy_not_deployed", Fault::ContractMissing),
    ("permit2_simulation_failed", Fault::Unmovable),
    // By `upto`.
    ("upto_facilitator_mismatch", Fault::Submitter),
    ("upto_unauthorized_facilitator", Fault::Submitter),
    ("upto_amount_exceeds_permitted", Fault::Amount),
    ("invalid_upto_evm_payload_settlement_exceeds_amount", Fault::Amount),
    ("invalid_upto_evm_network_mismatch", Fault::Network),
    ("invalid_upto_evm_transaction_failed", Fault::Unmovable),
    // Of facilitators with a shorter list.
    ("invalid_format", Fault::Malformed),
    ("invalid_payment_amount", Fault::Amount),
    ("invalid_payment_early", Fault::NotYetValid),
    ("invalid_payment_expired", Fault::Expired),
    ("chain_id_mismatch", Fault::Network),
    ("recipient_mismatch", Fault::Recipient),
    ("asset_mismatch", Fault::Asset),
    ("accepted_requirements_mismatch", Fault::OfferUnknown),
    ("invalid_signature", Fault::Signature),
    ("transaction_simulation", Fault::Unmovable),
    // A second settlement of the same.
    ("duplicate_settlement", Fault::Used),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FAULTS: [Fault; 18] = [
        Fault::Malformed,
        Fault::OfferUnknown,
        Fault::Network,
        Fault::Asset,
        Fault::Recipient,
        Fault::Amount,
        Fault::NotYetValid,
        Fault::Expired,
        Fault::TooLongLived,
        Fault::Signature,
        Fault::Domain,
        Fault::Used,
        Fault::Balance,
        Fault::Allowance,
        Fault::Submitter,
        Fault::ContractMissing,
        Fault::ForeignCode,
        Fault::Unmovable,
    ];

    #[test]
    fn every_code_that_we_send_we_understand() {
        for words in [Words::Authorization, Words::Permit, Words::Upto] {
            for fault in FAULTS {
                let read = fault_of(words.code(Some(fault))).unwrap();
                let merged = match (words, fault) {
                    (_, Fault::TooLongLived) => Fault::Expired,
                    (Words::Authorization, Fault::Asset) => Fault::OfferUnknown,
                    (_, fault) => fault,
                };
                assert_eq!(read, merged, "{words:?} {fault:?}");
            }
        }
        assert_eq!(fault_of(Words::Authorization.code(None)), None);
    }

    #[test]
    fn the_words_are_those_of_the_scheme() {
        let permit = json!({"permit2Authorization": {}}).as_object().unwrap().clone();
        assert_eq!(Words::of("exact", &permit), Words::Permit);
        assert_eq!(Words::of("exact", &JsonObject::new()), Words::Authorization);
        assert_eq!(Words::of("upto", &permit), Words::Upto);
        assert_eq!(Words::Upto.code(Some(Fault::Submitter)), "upto_facilitator_mismatch");
        assert_eq!(Words::Permit.code(Some(Fault::Submitter)), "invalid_permit2_spender");
    }

    #[test]
    fn a_strangers_code_is_shown_and_not_believed() {
        let sentence = sentence_of(&format!("\u{1b}[2J{}", "x".repeat(500)));
        assert!(sentence.len() < 200 && !sentence.contains('\u{1b}'), "{sentence}");
        assert!(sentence_of("permit2_allowance_required").contains("has not given"));
        assert!(sentence_of("unsupported_scheme").contains("/supported"));
    }

    #[test]
    fn no_code_means_two_things() {
        for (index, (code, _)) in KNOWN.iter().enumerate() {
            assert_eq!(KNOWN.iter().position(|(other, _)| other == code), Some(index), "{code}");
        }
    }
}

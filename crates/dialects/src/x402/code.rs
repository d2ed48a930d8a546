use farthing_rail::Fault;

/// The code of what is wrong with a payment, for `error`, `errorReason` and `invalidReason`.
pub const fn code_of(fault: Option<Fault>) -> &'static str {
    match fault {
        Some(Fault::Malformed) => "invalid_payload",
        Some(Fault::OfferUnknown) => "invalid_payment_requirements",
        Some(Fault::Network) => "invalid_network",
        Some(Fault::Asset) => "invalid_exact_evm_asset_mismatch",
        Some(Fault::Recipient) => "invalid_exact_evm_payload_recipient_mismatch",
        Some(Fault::Amount) => "invalid_exact_evm_payload_authorization_value_mismatch",
        Some(Fault::NotYetValid) => "invalid_exact_evm_payload_authorization_valid_after",
        Some(Fault::Expired | Fault::TooLongLived) => "invalid_exact_evm_payload_authorization_valid_before",
        Some(Fault::Signature) => "invalid_exact_evm_payload_signature",
        Some(Fault::Domain) => "invalid_exact_evm_token_name_mismatch",
        Some(Fault::Used) => "invalid_exact_evm_nonce_already_used",
        Some(Fault::Balance) => "insufficient_funds",
        Some(Fault::Allowance) => "permit2_allowance_required",
        Some(Fault::Submitter) => "invalid_permit2_spender",
        Some(Fault::ContractMissing) => "permit2_proxy_not_deployed",
        Some(Fault::ForeignCode) => "eip6492_factory_not_allowed",
        Some(Fault::Unmovable) => "invalid_transaction_state",
        Some(_) | None => "unexpected_verify_error",
    }
}

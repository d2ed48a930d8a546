//! `evm/session`: deposits by authorization, by Permit2, and by the payer's own transactions.

use alloy_primitives::{Address, U256};
use farthing_devnet::contracts::EVM_PAYMENT_CHANNEL;
use farthing_devnet::{Devnet, Options, Source};
use farthing_money::Amount;
use farthing_rail::{OpenedChannel, Sent, SessionPayer};
use farthing_rail_evm::evm::calldata::{self, PERMIT2};
use farthing_rail_evm::session::{
    ChannelTerms, DepositProof, EvmSessionPayer, SessionPayload, SessionRequest, Vault, VaultKind,
};
use serde_json::{Value, json};

use crate::support::{DEPOSIT, PAYEE, PAYER, SPONSOR, Stage, UNIT, account, address, payload, random};

/// A chain with an escrow that its owner trusts.
pub(crate) async fn stage() -> (Stage, Vault) {
    let devnet = Devnet::start(Options::evm(31_337, Source::of_this_process().unwrap())).await.unwrap();
    let contract = devnet.deploy(EVM_PAYMENT_CHANNEL.creation().unwrap()).await.unwrap();
    let vault = Vault { kind: VaultKind::Evm, chain: devnet.chain_id(), contract };
    let token = format!(
        "{{ contract = \"{}\", code = \"TUSD\", decimals = 6, currency = \"USD\", domain = {{ name = \"Test USDC\", \
         version = \"1\" }} }}",
        devnet.token()
    );
    let said = format!("token = [{token}]\nescrow = [\"{contract}\"]\nnative_price = \"4000 USD\"");
    (Stage::on(devnet, &said), vault)
}

pub(crate) fn payer(stage: &Stage) -> EvmSessionPayer {
    EvmSessionPayer::new(account(PAYER), &stage.chains, stage.clock(), random()).with_funds(stage.purse.clone())
}

pub(crate) fn request(stage: &Stage, vault: &Vault, kind: &str) -> Value {
    json!({
        "amount": UNIT.to_string(), "currency": stage.devnet.token(), "recipient": address(PAYEE),
        "methodDetails": {"chainId": vault.chain, "escrowContract": vault.contract, "credentialTypes": [kind]},
    })
}

/// Does what wallet and seller do with an opening or an addition: the wallet sends what it must send first,
/// and the seller submits what it was authorized to. An opening has terms.
pub(crate) async fn accept(stage: &Stage, payer: &EvmSessionPayer, opened: &OpenedChannel) -> Option<ChannelTerms> {
    if let Some(to_send) = &opened.to_send {
        assert_eq!(payer.send(to_send).await, Sent::Moved);
        assert_eq!(payer.send(to_send).await, Sent::Moved, "sent again, it moves nothing more");
    }
    let request = SessionRequest::read("evm", opened.credential.challenge().request()).unwrap();
    let vault = request.vault;
    match payload(&opened.credential) {
        SessionPayload::Open(open) => {
            let terms = ChannelTerms {
                payer: address(PAYER),
                payee: request.recipient,
                operator: Address::ZERO,
                token: request.token,
                salt: open.salt.unwrap(),
                authorized_signer: Address::ZERO,
                expiring_nonce_hash: Default::default(),
            };
            assert_eq!(open.channel, terms.id_in(&vault));
            if !matches!(open.deposit, DepositProof::Hash(_)) {
                stage.say(SPONSOR, vault.contract, vault.open_for_payer(&terms, &open.deposit).unwrap()).await;
            }
            Some(terms)
        }
        SessionPayload::TopUp(top_up) => {
            if !matches!(top_up.deposit, DepositProof::Hash(_)) {
                stage.say(SPONSOR, vault.contract, vault.top_up_for_payer(&top_up).unwrap()).await;
            }
            None
        }
        other => panic!("{other:?}"),
    }
}

/// A channel's whole life: opened, used, settled, added to, closed by its payee.
async fn lives(kind: &str) {
    let (stage, vault) = stage().await;
    let (payer, request) = (payer(&stage), request(&stage, &vault, kind));
    if kind == "permit2" {
        let quote = stage.quoted(&payer, &request);
        assert_eq!(payer.available(&quote).await, Some(Amount::ZERO), "nobody lets Permit2 take anything yet");
        stage.say(PAYER, stage.devnet.token(), calldata::approve(PERMIT2, U256::from(3 * DEPOSIT))).await;
        assert_eq!(payer.available(&quote).await, Some(Amount::new(3 * DEPOSIT)));
    }
    let (had, seller_had) = (stage.has(PAYER).await, stage.has(PAYEE).await);
    let opened = stage.opened(&payer, &request).await;
    let terms = accept(&stage, &payer, &opened).await.unwrap();
    let standing = stage.standing(&payer, &opened.channel).await;
    assert_eq!((standing.deposit, standing.settled, standing.closed), (Amount::new(DEPOSIT), Amount::ZERO, false));
    assert_eq!(stage.has(PAYER).await, had - DEPOSIT);

    let voucher = stage.voucher(&payer, &request, &opened.channel, 3 * UNIT, false).await;
    stage.settle(PAYEE, &vault, &terms, &voucher).await;
    assert_eq!(stage.has(PAYEE).await, seller_had + 3 * UNIT);

    let added = stage.topped_up(&payer, &request, &opened.channel, 2 * DEPOSIT).await;
    assert!(accept(&stage, &payer, &added).await.is_none());
    assert_eq!(stage.standing(&payer, &added.channel).await.deposit, added.channel.deposit);

    let last = stage.voucher(&payer, &request, &added.channel, 2 * DEPOSIT, true).await;
    stage.close(&vault, &terms, &last).await;
    let standing = stage.standing(&payer, &added.channel).await;
    assert_eq!((standing.closed, standing.settled), (true, Amount::new(2 * DEPOSIT)));
    assert_eq!(stage.has(PAYER).await, had - 2 * DEPOSIT, "the rest came back");
    assert_eq!(stage.has(PAYEE).await, seller_had + 2 * DEPOSIT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_opened_by_authorization() {
    lives("authorization").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_opened_by_permit2() {
    lives("permit2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_opened_by_a_transaction_of_the_payer_s() {
    lives("hash").await;
}

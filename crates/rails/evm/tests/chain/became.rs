//! What a payer finds out about credentials that a server refused, from the chain alone.

use std::sync::Arc;
use std::time::Duration;

use farthing_devnet::Kind;
use farthing_protocol::Credential;
use farthing_rail::{Became, Payer};
use farthing_rail_evm::buyer::{Chains, Purse};
use farthing_rail_evm::evm::{CredentialKind, EvmCharge};
use farthing_rail_evm::tempo::{PayingKey, Payload, TempoPayer};
use farthing_rail_evm::usdc::{UsdcCharge, UsdcPayer, UsdcSettings};
use farthing_rail_evm::{Payment, Way};

use crate::charged::{challenge, paid};
use crate::support::{World, account, now, settled};
use crate::tempo::{own, sponsored};

/// More blocks than any chain on file needs.
const DEEP: u64 = 1_000;

async fn what_became(payer: &dyn Payer, credentials: &[&Credential]) -> Vec<Became> {
    let mut became = Vec::new();
    for credential in credentials {
        became.push(payer.became(credential).await);
    }
    became
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_that_was_not_used_is_over_with_its_time() {
    let world = World::evm().await;
    let charge = EvmCharge::new(world.settings(&[CredentialKind::Authorization])).unwrap();
    let usdc = UsdcCharge::new(UsdcSettings::new(world.token.clone(), world.signer)).unwrap();
    let purse = Arc::new(Purse::new(&world.chains(), &reqwest::Client::new()).unwrap());
    let for_usdc = UsdcPayer::new(account(1), &world.chains(), Arc::new(now)).with_funds(purse);
    let payers: [(&dyn Payer, &dyn farthing_rail::Method); 2] = [(&world.wallet(), &charge), (&for_usdc, &usdc)];
    let mut signed = Vec::new();
    for (number, (payer, method)) in (1..).zip(payers) {
        let (used, unused) = (paid(payer, &challenge(method)).await, paid(payer, &challenge(method)).await);
        world.takes(number, method, &used).await;
        assert_eq!(what_became(payer, &[&used, &unused]).await, [Became::Unknown; 2], "no block is deep yet");
        signed.push((payer, used, unused));
    }
    world.devnet.mine(DEEP).await.unwrap();
    for (payer, used, unused) in &signed {
        assert_eq!(payer.became(used).await, Became::Paid);
        assert_ne!(payer.became(unused).await, Became::Paid);
    }
    world.devnet.warp(Duration::from_secs(20 * 60)).await.unwrap();
    world.devnet.mine(DEEP).await.unwrap();
    for (payer, used, unused) in &signed {
        assert_eq!(what_became(*payer, &[used, unused]).await, [Became::Paid, Became::Never]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_tempo_that_was_not_included_is_over_with_its_time() {
    let world = World::tempo().await;
    assert_eq!(world.devnet.kind(), Kind::Tempo);
    let text = format!("[chain.here]\nchain = {}\nrpc = \"{}\"\n", world.devnet.chain_id(), world.devnet.rpc());
    let chains = Chains::parse(&text).unwrap();
    let purse = Arc::new(Purse::new(&chains, &reqwest::Client::new()).unwrap());
    let payer = TempoPayer::new(PayingKey::Own(account(1)), Arc::new(chains.tokens()), Arc::new(now));
    let payer = payer.with_funds(purse);
    // What a credential answers is not looked at: the transaction in it says everything.
    let charge = EvmCharge::new(world.settings(&[CredentialKind::Authorization])).unwrap();
    let asked = challenge(&charge);
    let credential = |payment: &Payment| match &payment.way {
        Way::Transaction { raw, .. } | Way::Sponsored { raw, .. } => {
            Credential::new(asked.clone(), Payload::Transaction(raw.to_vec()).to_object(), None)
        }
        other => panic!("{other:?}"),
    };
    let unused = [own(&world, 1).await, sponsored(&world, 1).await];
    let used = [own(&world, 1).await, sponsored(&world, 1).await];
    for payment in &used {
        settled(world.settle(&world.claim(payment)).await);
    }
    for payment in &unused {
        assert_eq!(payer.became(&credential(payment)).await, Became::Unknown);
    }
    world.devnet.warp(Duration::from_secs(60)).await.unwrap();
    world.devnet.mine(4).await.unwrap();
    for (used, unused) in used.iter().zip(&unused) {
        assert_eq!(payer.became(&credential(used)).await, Became::Paid, "{:?}", used.way);
        assert_eq!(payer.became(&credential(unused)).await, Became::Never, "{:?}", unused.way);
    }
}

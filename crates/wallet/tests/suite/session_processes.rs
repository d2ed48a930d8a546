//! Sessions over several processes, and over processes that die at every step.

use crate::double;
use crate::process::{self, end, pay, told};
use crate::session_double;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Child;

use double::create;
use session_double::{Shop, Terms, client, counted, newest, units};

const POLICY: &str = "total = \"0.1 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.1 USD\"";

/// Not a test: what the processes started by the tests below do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paying_process() {
    if let Some(told) = told() {
        pay(client(&told.home), &told).await;
    }
}

fn start(home: &Path, url: &str, calls: usize, failpoint: Option<&str>) -> Child {
    process::start("session_processes::paying_process", home, url, calls, failpoint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_share_one_session_and_sign_no_total_twice() {
    let terms = Terms { deposit: "0.04 USD", ..Terms::default() };
    let (shop, directory) = (Shop::offering(terms).await, tempfile::tempdir().unwrap());
    let home = directory.path().join("home");
    create(&home, Some(POLICY));
    let url = format!("{}/same", shop.origin);
    let processes: Vec<_> = (0..4).map(|_| start(&home, &url, 8, None)).collect();
    for process in processes {
        assert!(end(process).await.success());
    }
    let channel = shop.channel();
    assert_eq!((channel.spent, channel.deposit), (32_000, 40_000), "one was opened, and each call served once");
    let shown = shop.shown();
    assert_eq!(shown.iter().filter(|shown| shown.starts_with("open")).count(), 1, "{shown:?}");
    let vouchers: Vec<_> = shown.iter().filter(|shown| shown.starts_with("voucher")).collect();
    assert_eq!(vouchers.iter().collect::<BTreeSet<_>>().len(), vouchers.len(), "each total pays for one purchase");
    let client = client(&home);
    assert_eq!(units(newest(&client).await.signed), 32_000);
    assert_eq!(counted(client.wallet()).await, (0, 40_000));
}

#[cfg(feature = "failpoints")]
mod dying {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    const OPENING: [&str; 7] = [
        "wallet-after-session-begin",
        "wallet-after-deposit-reserve",
        "wallet-after-open-sign",
        "wallet-after-open-keep",
        "wallet-after-send",
        "wallet-before-session-conclude",
        "wallet-after-voucher-sign",
    ];
    const VOUCHER: [&str; 4] = [
        "wallet-after-voucher-sign",
        "wallet-after-voucher-keep",
        "wallet-after-send",
        "wallet-before-session-conclude",
    ];

    const TOPPING_UP: [&str; 4] = [
        "wallet-after-session-begin",
        "wallet-after-deposit-reserve",
        "wallet-after-open-keep",
        // Taken, and nobody was told: it is shown to the seller once more, and adds nothing.
        "wallet-after-send",
    ];

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_wallet_that_dies_while_it_opens_a_session_opens_one_and_is_served_once() {
        for step in OPENING.into_iter().filter(|step| !step.contains("voucher")) {
            let (shop, directory) = (Shop::start().await, tempfile::tempdir().unwrap());
            let home = directory.path().join("home");
            create(&home, Some(POLICY));
            let url = format!("{}/same", shop.origin);
            assert!(end(start(&home, &url, 1, Some(step))).await.signal().is_some(), "{step}: it did not die");
            assert!(end(start(&home, &url, 1, None)).await.success(), "{step}");
            assert_eq!((shop.channel().spent, shop.channels().len()), (1000, 1), "{step}: {:?}", shop.shown());
            assert_eq!(counted(client(&home).wallet()).await, (0, 10_000), "{step}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_wallet_that_dies_over_a_voucher_pays_for_its_request_once() {
        for step in VOUCHER {
            let (shop, directory) = (Shop::start().await, tempfile::tempdir().unwrap());
            let home = directory.path().join("home");
            create(&home, Some(POLICY));
            let url = format!("{}/same", shop.origin);
            assert!(end(start(&home, &url, 1, None)).await.success(), "{step}");
            assert!(end(start(&home, &url, 1, Some(step))).await.signal().is_some(), "{step}: it did not die");
            assert!(end(start(&home, &url, 1, None)).await.success(), "{step}");
            assert_eq!(shop.channel().spent, 2000, "{step}: {:?}", shop.shown());
            let client = client(&home);
            let session = newest(&client).await;
            assert_eq!((units(session.signed), units(session.spent)), (2000, 2000), "{step}");
            assert_eq!(counted(client.wallet()).await, (0, 10_000), "{step}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn another_call_goes_on_with_what_a_dead_one_began() {
        for step in OPENING.into_iter().filter(|step| !step.contains("voucher")) {
            let (shop, directory) = (Shop::start().await, tempfile::tempdir().unwrap());
            let home = directory.path().join("home");
            create(&home, Some(POLICY));
            let (one, two) = (format!("{}/one", shop.origin), format!("{}/two", shop.origin));
            assert!(end(start(&home, &one, 1, Some(step))).await.signal().is_some(), "{step}: it did not die");
            assert!(end(start(&home, &two, 1, None)).await.success(), "{step}");
            assert_eq!(shop.channels().len(), 1, "{step}: {:?}", shop.shown());
            assert_eq!(counted(client(&home).wallet()).await, (0, 10_000), "{step}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_wallet_that_dies_while_it_tops_up_adds_once() {
        for step in TOPPING_UP {
            let terms = Terms { deposit: "0.003 USD", ..Terms::default() };
            let (shop, directory) = (Shop::offering(terms).await, tempfile::tempdir().unwrap());
            let home = directory.path().join("home");
            create(&home, Some(POLICY));
            let url = format!("{}/same", shop.origin);
            assert!(end(start(&home, &url, 3, None)).await.success(), "{step}");
            assert!(end(start(&home, &url, 1, Some(step))).await.signal().is_some(), "{step}: it did not die");
            assert!(end(start(&home, &url, 1, None)).await.success(), "{step}");
            assert_eq!(shop.channels().len(), 1, "{step}: {:?}", shop.shown());
            let channel = shop.channel();
            assert_eq!((channel.spent, channel.deposit), (4000, 6000), "{step}: {:?}", shop.shown());
            assert_eq!(counted(client(&home).wallet()).await, (0, 6000), "{step}");
        }
    }
}

//! What operators do and see, and what crowds cannot do.

use crate::support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farthing_books::PaymentState;
use farthing_gateway::{Config, ConfigError, Flags, Gateway};
use farthing_store::{Books, Sharing};
use http::{Method, StatusCode};
use support::{Answer, Client, PAID, Reply, SECRET, Setup, TestClock, World, configuration};
use tokio::sync::Notify;

async fn post_json(client: &Client, path: &str, body: &str) -> Answer {
    client.send(Method::POST, path, &[("content-type", "application/json")], body.to_owned()).await
}

#[tokio::test]
async fn operators_grant_look_and_refund() {
    let world = World::start().await;
    let (client, admin) = (world.client("did:key:zAlice"), world.admin());
    let grant = r#"{"payer": "did:key:zAlice", "amount": "1 USD", "id": "welcome"}"#;
    for _ in 0..2 {
        let granted = post_json(&admin, "/admin/balance/grant", grant).await;
        assert_eq!(granted.status, StatusCode::OK, "{granted:?}");
    }
    assert_eq!(world.balance("did:key:zAlice").await, 1_000_000);
    let nonsense = post_json(&admin, "/admin/balance/grant", r#"{"payer": "x", "amount": "1 XAU"}"#).await;
    assert_eq!(nonsense.status, StatusCode::BAD_REQUEST);

    let asked = client.get("/paid/a").await;
    world.upstream.then([Reply::Status(500)]);
    client.get_with("/paid/a", &client.pay(&asked)).await;
    let id = world.payment(&asked).await.unwrap().id;
    let listed = admin.get("/admin/payments?state=entitled").await.json();
    assert_eq!(listed["payments"][0]["id"], id.to_string());
    assert_eq!(listed["payments"][0]["display"], "0.001 USD");
    let refunded = post_json(&admin, &format!("/admin/payments/{id}/refund"), "{}").await;
    assert_eq!((refunded.status, &refunded.json()["state"]), (StatusCode::OK, &"refunded".into()), "{refunded:?}");
    assert_eq!(world.balance("did:key:zAlice").await, 1_000_000);
    assert_eq!(admin.get(&format!("/admin/payments/{id}")).await.json()["state"], "refunded");
    assert_eq!(admin.get("/admin/payments/pay_00").await.status, StatusCode::BAD_REQUEST);

    let verified = admin.get("/admin/ledger/verify").await.json();
    assert_eq!(verified["clean"], true, "{verified}");
    let accounts = admin.get("/admin/accounts").await;
    assert!(accounts.text().contains("did:key:zAlice"));
    assert_eq!(admin.get("/healthz").await.text(), "ok\n");
    assert_eq!(admin.get("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_being_delivered_is_not_paid_back() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    let served = Arc::new(Notify::new());
    world.upstream.then([Reply::When(Arc::clone(&served))]);
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.get_with("/paid/a", &credential).await }
    });
    let id = world.until(&asked, PaymentState::Posted).await.id;
    let refund = post_json(&world.admin(), &format!("/admin/payments/{id}/refund"), "{}").await;
    assert_eq!(refund.status, StatusCode::CONFLICT, "{refund:?}");
    served.notify_one();
    assert_eq!(running.await.unwrap().status, StatusCode::OK);
    assert_eq!(world.balance("alice").await, 4_000);
}

#[tokio::test]
async fn the_admin_token_is_asked_for() {
    let gateway = "admin_token = \"let me in\"".to_owned();
    let world = Setup { gateway, ..Setup::with_routes(PAID) }.start().await;
    let admin = world.admin();
    for path in ["/admin/accounts", "/metrics", "/admin/payments"] {
        assert_eq!(admin.get(path).await.status, StatusCode::UNAUTHORIZED);
        let shown = admin.send(Method::GET, path, &[("authorization", "Bearer let me in")], "").await;
        assert_eq!(shown.status, StatusCode::OK);
        let wrong = admin.send(Method::GET, path, &[("authorization", "Bearer let me in!")], "").await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(admin.get("/healthz").await.status, StatusCode::OK);
    // Nothing of it is on the public address.
    assert_eq!(world.client("x").get("/admin/accounts").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn metrics_count_and_hold_no_secrets() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    client.get_with("/paid/a", &credential).await;
    world.until(&asked, PaymentState::Closed).await;
    let metrics = world.admin().get("/metrics").await;
    let text = metrics.text();
    assert!(text.contains(r#"farthing_quotes_total{route="GET,POST /paid/{name}"} 1"#), "{text}");
    assert!(text.contains(r#"outcome="delivered"} 1"#), "{text}");
    assert!(text.contains("farthing_payments_in_flight 0"), "{text}");
    assert!(!text.contains(SECRET) && !text.contains(credential.trim_start_matches("Payment ")));
    assert!(!text.contains("alice") && !text.contains("/paid/a"), "labels come from the configuration only");
}

#[tokio::test]
async fn the_documents_describe_what_is_sold() {
    let world = World::start().await;
    let client = world.client("x");
    let openapi = client.get("/openapi.json").await;
    assert_eq!(openapi.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(openapi.header("content-type"), Some("application/json"));
    let offers = &openapi.json()["paths"]["/paid/{name}"]["get"]["x-payment-info"]["offers"];
    assert_eq!((&offers[0]["method"], &offers[0]["amount"]), (&"double".into(), &"1000".into()));
    assert!(client.get("/llms.txt").await.text().contains("0.001 USD"));
    assert_eq!(client.post("/openapi.json", "{}").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_reload_replaces_everything_or_nothing() {
    let world = World::start().await;
    world.fund("alice", 50_000).await;
    let (client, admin) = (world.client("alice"), world.admin());
    let file = world.path().join("farthing.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let at_old_price = client.get("/paid/a").await;

    std::fs::write(&file, before.replace("0.001 USD", "0.001 USDollars")).unwrap();
    let refused = post_json(&admin, "/admin/reload", "").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("farthing.toml:") && detail.contains("price"), "{detail}");
    assert_eq!(client.get("/paid/a").await.status, StatusCode::PAYMENT_REQUIRED);

    std::fs::write(&file, before.replace("127.0.0.1:0\"\nadmin", "127.0.0.1:9\"\nadmin")).unwrap();
    assert!(world.running.reloader().reload().await.unwrap_err().to_string().contains("restart"));

    // A rotated secret keeps what was issued before alive; a changed price does not.
    let rotated = before.replace(SECRET, "another binding secret, also long enough");
    let rotated = rotated.replace("drain", &format!("previous_secret = \"{SECRET}\"\ndrain"));
    std::fs::write(&file, &rotated).unwrap();
    world.running.reloader().reload().await.unwrap();
    assert_eq!(client.get_with("/paid/a", &client.pay(&at_old_price)).await.status, StatusCode::OK);
    let at_old_price = client.get("/paid/a").await;
    std::fs::write(&file, rotated.replace("0.001 USD", "0.002 USD")).unwrap();
    world.running.reloader().reload().await.unwrap();
    client.get_with("/paid/a", &client.pay(&at_old_price)).await.refused("invalid-challenge");
    assert_eq!(client.buy("/paid/a").await.status, StatusCode::OK);
    assert_eq!(world.balance("alice").await, 47_000);

    // An authentic credential of a method that is no longer taken: 400 (ruling R-05).
    let both = client.get("/paid/a").await;
    let only = rotated.replace("0.001 USD", "0.002 USD").replace("\"double/charge\", ", "");
    std::fs::write(&file, only).unwrap();
    world.running.reloader().reload().await.unwrap();
    let unsupported = client.get_with("/paid/a", &client.pay(&both)).await;
    assert_eq!((unsupported.status, unsupported.problem()), (StatusCode::BAD_REQUEST, "method-unsupported"));
    assert!(unsupported.header("www-authenticate").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_does_not_pay_writes_nothing() {
    let world = World::start().await;
    let size = || std::fs::read_dir(world.path()).unwrap().map(|it| it.unwrap().metadata().unwrap().len()).sum::<u64>();
    let before = size();
    let crowd = (0..16).map(|_| {
        let client = world.client("nobody");
        tokio::spawn(async move {
            for _ in 0..100 {
                assert_eq!(client.get("/paid/a").await.status, StatusCode::PAYMENT_REQUIRED);
            }
        })
    });
    for member in crowd.collect::<Vec<_>>() {
        member.await.unwrap();
    }
    assert_eq!(size(), before);
    assert_eq!(world.books.verify().await.unwrap().payments, 0);
    assert_eq!(world.upstream.hits(), 0);
}

#[tokio::test]
async fn a_stopping_gateway_finishes_what_it_was_paid_for() {
    let world = World::start().await;
    world.fund("alice", 5_000).await;
    let client = world.client("alice");
    let asked = client.get("/paid/a").await;
    let credential = client.pay(&asked);
    world.upstream.then([Reply::Slow(300)]);
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.get_with("/paid/a", &credential).await }
    });
    while world.upstream.hits() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let drained = world.running.shutdown().await;
    assert_eq!(drained.cut, 0);
    assert_eq!(running.await.unwrap().status, StatusCode::OK);
    assert!(client.try_send(Method::GET, "/paid/a", &[], "").await.is_err());
    // The last steps are queued, not awaited; closing the books writes them.
    world.books.close().await.unwrap();
    let books = Books::open(&world.directory.path().join("books.db"), Sharing::Exclusive).unwrap();
    let record = books.payment_of(&asked.challenge()).await.unwrap().unwrap();
    assert_eq!(record.state, PaymentState::Closed);
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_a_broken_one_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let issue = || {
        let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&cert, issued.cert.pem()).unwrap();
        std::fs::write(&key, issued.signing_key.serialize_pem()).unwrap();
    };
    issue();
    let gateway = format!("tls = {{ cert = {cert:?}, key = {key:?} }}");
    let world = Setup { gateway, ..Setup::with_routes(PAID) }.start().await;
    let plain = world.client("x").try_send(Method::GET, "/paid/a", &[], "").await;
    assert!(plain.is_err(), "clear text is not answered on a TLS listener: {plain:?}");
    issue();
    world.running.reloader().reload().await.unwrap();
    std::fs::write(&key, "no key").unwrap();
    let refused = world.running.reloader().reload().await.unwrap_err().to_string();
    assert!(refused.contains("`tls`: the key file holds no usable PEM private key"), "{refused}");
}

#[tokio::test]
async fn a_host_has_routes_of_its_own() {
    let of_host =
        "[[route]]\nmatch = \"GET /paid/{name}\"\nhost = \"Free.Example\"\nupstream = \"UPSTREAM\"\nfree = true\n";
    let world = Setup::with_routes(&format!("{PAID}{of_host}")).start().await;
    let client = world.client("x");
    let at = async |host: &str| client.send(Method::GET, "/paid/a", &[("host", host)], "").await.status.as_u16();
    assert_eq!(at("free.example").await, 200);
    assert_eq!(at("FREE.example:4020").await, 200);
    assert_eq!(at("other.example").await, 402);
    let both = client.send(Method::GET, "/paid/a", &[("host", "free.example, other")], "").await;
    assert_eq!(both.status, StatusCode::BAD_REQUEST);
}

fn read(gateway: &str, routes: &str) -> Result<Config, ConfigError> {
    let text = configuration(gateway, routes, "127.0.0.1:9".parse().unwrap());
    Config::from_text(&text, "shop.toml", Path::new("."), &|name| (name == "GOOD").then(|| SECRET.to_owned()))
}

#[test]
fn a_mistake_is_named_with_its_line_and_its_remedy() {
    let route = |lines: &str| format!("[[route]]\nmatch = \"GET /a\"\nupstream = \"UPSTREAM\"\n{lines}");
    let priced = "price = \"1 USD\"\naccept = [\"double\"]";
    let cases = [
        ("typo = 1", String::new(), "shop.toml:8: unknown field `typo`"),
        ("store = \"mysql://x\"", String::new(), "shop.toml:8: `store`: this is not a store; write"),
        ("public_url = \"here\"", String::new(), "shop.toml:8: `public_url`: \"here\" is not the address"),
        ("previous_secret = { env = \"MISSING\" }", String::new(), "the environment variable MISSING holds no secret"),
        ("previous_secret = { file = \"no/such\" }", String::new(), "no/such holds no secret"),
        ("previous_secret = \"short\"", String::new(), "at least 32 bytes"),
        ("", route("price = \"0.0000001 USD\""), "shop.toml:14: `price`: \"0.0000001\" is finer than a millionth"),
        ("", route(""), "neither a price nor free = true"),
        ("", route("free = true\nprice = \"1 USD\""), "keep one of them"),
        ("", route("price = \"1 USD\""), "name a payment method"),
        ("", route(&format!("{priced}\norder = \"serve-then-settle\"")), "is not built yet"),
        ("", route(&format!("{priced}\ntimeout = \"5 parsecs\"")), "is not a duration; write"),
        ("", route("price = \"1 USD\"\naccept = [\"a/b/c\"]"), "is not a payment method and an intent"),
        ("", route(priced).replace("GET /a", "HEAD /a"), "GET answers HEAD too"),
        ("", route(priced).replace("UPSTREAM", "ftp://x"), "must be http:// or https://"),
        (
            "",
            route(priced).replace("\"GET /a\"", "1"),
            "shop.toml:12: `match`: invalid type: integer `1`, expected a text",
        ),
    ];
    for (gateway, routes, wanted) in cases {
        let error = read(gateway, &routes).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}\nshould contain: {wanted}");
        assert!(error.starts_with("shop.toml:"), "{error}");
    }
}

#[test]
fn a_gateway_in_clear_text_stays_private() {
    let strict = |gateway: &str| {
        let text = format!("[gateway]\n{gateway}\n");
        Config::from_text(&text, "shop.toml", Path::new("."), &|_| Some(SECRET.to_owned())).map(|_| ())
    };
    let secret = "secret = { env = \"S\" }";
    let message = |gateway: &str| strict(gateway).unwrap_err().to_string();
    assert!(
        message(&format!("listen = \"0.0.0.0:80\"\n{secret}")).starts_with("shop.toml:2: `listen` = 0.0.0.0:80 is")
    );
    assert!(strict(&format!("listen = \"0.0.0.0:80\"\n{secret}\ntls_terminated_upstream = true")).is_ok());
    assert!(strict(&format!("listen = \"127.0.0.1:80\"\n{secret}")).is_ok());
    assert!(message(&format!("listen = \"127.0.0.1:80\"\nsecret = \"{SECRET}\"")).contains("written out in the file"));
    assert!(message("listen = \"127.0.0.1:80\"").contains("`secret` is missing"));
    let open = message(&format!("listen = \"127.0.0.1:80\"\nadmin = \"0.0.0.0:81\"\n{secret}"));
    assert!(open.contains("set admin_token"), "{open}");
    assert!(!message(&format!("listen = \"127.0.0.1:80\"\nsecret = \"{SECRET}\"")).contains(SECRET));
}

#[tokio::test]
async fn what_the_payment_methods_refuse_is_refused_at_start() {
    let route = |pattern: &str, price: &str, accept: &str| {
        format!(
            "[[route]]\nmatch = \"{pattern}\"\nupstream = \"UPSTREAM\"\nprice = \"{price}\"\naccept = [\"{accept}\"]\n"
        )
    };
    let cases = [
        (route("GET /a", "1 USD", "tempo"), "`accept` names tempo/charge, which no [rails] table offers"),
        (route("GET /a", "1 EUR", "double"), "the price is in EUR, but double/charge moves USD"),
        (route("GET /a", "0 USD", "double"), "is below the 0.000001 USD that double/charge moves at least"),
        (
            route("GET /a/{x}", "1 USD", "double") + &route("GET,POST /a/{y}", "2 USD", "double"),
            "answers the same requests as \"GET /a/{x}\" (line 12)",
        ),
        (format!("[rails.unheard]\n{}", route("GET /a", "1 USD", "double")), "there is no payment method \"unheard\""),
    ];
    for (routes, wanted) in cases {
        let directory = tempfile::tempdir().unwrap();
        let books = Books::open(&directory.path().join("b.db"), Sharing::Exclusive);
        let clock = TestClock::default();
        let rails =
            support::rails(farthing_rail::simulated::Script::honest(), Default::default(), Default::default(), clock);
        let error = Gateway::start(read("", &routes).unwrap(), rails, books.unwrap()).await.err().unwrap().to_string();
        assert!(error.starts_with("shop.toml:") && error.contains(wanted), "{error}\nshould contain: {wanted}");
    }
}

#[test]
fn flags_make_a_private_development_gateway() {
    let directory = tempfile::tempdir().unwrap();
    let flags = Flags {
        upstream: "http://127.0.0.1:9000".to_owned(),
        price: "0.001 USD".to_owned(),
        accept: Vec::new(),
        listen: "127.0.0.1:4020".parse().unwrap(),
        admin: None,
        data: directory.path().join("seller"),
    };
    let config = Config::from_flags(&flags).unwrap();
    assert!(config.development);
    assert_eq!(config.routes[0].pattern.to_string(), "* /{*rest}");
    assert_eq!(config.routes[0].accept[0].rail, "balance");
    let secret = directory.path().join("seller/secret");
    let first = std::fs::read(&secret).unwrap();
    Config::from_flags(&flags).unwrap();
    assert_eq!(std::fs::read(&secret).unwrap(), first, "kept, so that challenges survive a restart");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Config::from_flags(&flags).unwrap_err().to_string().contains("chmod 600"));
    }
    let public = Flags { listen: "0.0.0.0:4020".parse().unwrap(), ..flags };
    assert!(Config::from_flags(&public).is_err());
}

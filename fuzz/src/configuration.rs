//! What operators write, and the resource that a request names.

use std::path::Path;

use farthing_gateway::Config;
use farthing_gateway::proxy::Target;
use http::{HeaderMap, HeaderValue, Method, Uri};

/// A gateway's configuration: one sentence for whatever is wrong with it, and no secret in that.
pub fn gateway(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let secret = "a secret of the environment, which is long enough";
    let environment = |name: &str| (name == "SECRET").then(|| secret.to_owned());
    if let Err(error) = Config::from_text(text, "farthing.toml", Path::new("/nowhere"), &environment) {
        let sentence = error.to_string();
        assert!(!sentence.is_empty() && !sentence.contains(secret), "{sentence}");
    }
}

/// A request's target, then a line feed and its `Host`: what was settled once is settled as the same again, so that
/// nobody behind us reads another resource.
pub fn target(data: &[u8]) {
    let (target, host) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let Ok(uri) = Uri::try_from(target) else { return };
    let mut headers = HeaderMap::new();
    if let Ok(host) = HeaderValue::from_bytes(host.get(1..).unwrap_or_default()) {
        headers.insert(http::header::HOST, host);
    }
    let Ok(read) = Target::read(&Method::GET, &uri, &headers) else { return };
    let written = read.path_and_query().as_str().parse::<Uri>().expect("what was read is a target");
    headers.insert(http::header::HOST, read.authority().clone());
    assert_eq!(Target::read(&Method::GET, &written, &headers).as_ref(), Ok(&read));
}

//! The resource that a request names.

use farthing_gateway::proxy::Target;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Uri};

/// A request's target, then a line feed and its `Host`: what was settled once is settled as the same again, in whichever
/// form it is asked for, so that nobody behind us reads another resource.
pub fn request(data: &[u8]) {
    let (target, host) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let Ok(uri) = Uri::try_from(target) else { return };
    let mut headers = HeaderMap::new();
    if let Ok(host) = HeaderValue::from_bytes(host.get(1..).unwrap_or_default())
        && !host.is_empty()
    {
        headers.insert(HOST, host);
    }
    for method in [Method::GET, Method::OPTIONS] {
        let Ok(read) = Target::read(&method, &uri, &headers) else { continue };
        let sent = read.path_and_query().as_str();
        assert!(sent.starts_with('/') || (sent == "*" && method == Method::OPTIONS), "{sent} is no target");
        assert!(!read.authority().as_bytes().iter().any(u8::is_ascii_uppercase), "one spelling of a host");
        let mut again = HeaderMap::new();
        again.insert(HOST, read.authority().clone());
        let written = sent.parse::<Uri>().expect("what was read is a target");
        assert_eq!(Target::read(&method, &written, &again).as_ref(), Ok(&read), "as it is sent on");
        if sent.starts_with('/') {
            let host = read.authority().to_str().expect("a host is of letters");
            let whole = format!("http://{host}{sent}").parse::<Uri>();
            // The library wants a host and port that it can take apart, and reads fewer of them than we do.
            let whole = whole.ok().map(|whole| Target::read(&method, &whole, &HeaderMap::new()));
            assert!(whole.is_none_or(|whole| whole.as_ref() == Ok(&read)), "in absolute form");
        }
    }
}

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::PaymentRequired;

/// A price list that is sent again and again, prepared once: for each request only the resource's URL is
/// encoded. Where that is always the same, keep the header itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Base64 of everything before the URL, whole groups of it.
    prefix: String,
}

impl Template {
    /// Prepares a price list; its `resource.url` and `error` are those of each request instead.
    pub fn new(list: &PaymentRequired) -> Self {
        let mut required = list.to_object();
        required.remove("error");
        let mut resource = match required.remove("resource") {
            Some(Value::Object(resource)) => resource,
            _ => farthing_protocol::JsonObject::new(),
        };
        resource.remove("url");
        let mut json = before_next(&required);
        json.push_str("\"resource\":");
        json.push_str(&before_next(&resource));
        json.push_str("\"url\":");
        // White space makes it whole groups of three bytes, so that what follows is encoded by itself.
        let spaces = (3 - json.len() % 3) % 3;
        json.insert_str(1, " ".repeat(spaces).as_str());
        Self { prefix: STANDARD.encode(json) }
    }

    /// How many bytes of the header stand before the URL.
    pub fn length(&self) -> usize {
        self.prefix.len()
    }

    /// The value of `PAYMENT-REQUIRED` for a request of this URL, with the code of what was wrong with the
    /// payment that it carried.
    pub fn to_header(&self, url: &str, error: Option<&str>) -> String {
        let mut rest = String::with_capacity(url.len() + 64);
        push_text(url, &mut rest);
        rest.push('}');
        if let Some(error) = error {
            rest.push_str(",\"error\":");
            push_text(error, &mut rest);
        }
        rest.push('}');
        let mut header = String::with_capacity(self.prefix.len() + rest.len() * 4 / 3 + 4);
        header.push_str(&self.prefix);
        STANDARD.encode_string(rest, &mut header);
        header
    }
}

/// The text of an object up to where its next member begins.
fn before_next(object: &farthing_protocol::JsonObject) -> String {
    let mut json = serde_json::to_string(object).unwrap_or_default();
    json.pop();
    if !object.is_empty() {
        json.push(',');
    }
    json
}

fn push_text(text: &str, out: &mut String) {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x402::{Network, Requirements, Resource, Version};
    use farthing_money::Amount;
    use farthing_protocol::JsonObject;
    use proptest::prelude::*;

    fn list(offers: usize, description: Option<String>) -> PaymentRequired {
        let offer = |amount: u128| Requirements {
            scheme: "exact".into(),
            network: Network::evm(8453),
            amount: Amount::new(amount),
            asset: "0xa".into(),
            pay_to: "0xb".into(),
            max_timeout_seconds: 60,
            extra: JsonObject::from_iter([("name".to_owned(), "USDC".into())]),
        };
        PaymentRequired {
            version: Version::V2,
            error: None,
            resource: Resource { url: String::new(), description, mime_type: None },
            accepts: (0..offers).map(|index| offer(10_u128.pow(index.try_into().unwrap()))).collect(),
            extensions: JsonObject::new(),
        }
    }

    proptest! {
        #[test]
        fn a_template_says_what_the_list_would(
            offers in 0usize..4, description: Option<String>, url in "[^\0]+", error in proptest::option::of("[^\0]*"),
        ) {
            prop_assume!(!description.as_ref().is_some_and(|text| text.contains('\0')));
            let mut list = list(offers, description);
            let header = Template::new(&list).to_header(&url, error.as_deref());
            list.resource.url = url;
            list.error = error;
            prop_assert_eq!(PaymentRequired::from_header(header.as_bytes()), Ok(list));
        }
    }
}

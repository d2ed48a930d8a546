//! `bazaar`: what a seller says of an endpoint, so that a facilitator that settles payments for it can list it.
//! All of it is the seller's word, and none of it the price: that is what a 402 says.

use farthing_protocol::JsonObject;
use serde_json::{Value, json};

/// The extension's name.
pub const NAME: &str = "bazaar";

/// An HTTP endpoint as it is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The HTTP method.
    pub method: String,
    /// Examples of its parameters, by name: of the query, or of a JSON body where the method has one.
    pub parameters: JsonObject,
    /// An example of what it answers.
    pub example: Option<Value>,
}

impl Endpoint {
    /// What a server says of it: to be put under [`NAME`]. The schema says no more than facilitators ask for,
    /// since it travels in a header.
    pub fn advertisement(&self) -> Value {
        let has_body = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
        let kind = [("type", Value::from("http")), ("method", self.method.as_str().into())];
        let parameters = Value::Object(self.parameters.clone());
        let asked = match (has_body, self.parameters.is_empty()) {
            (true, _) => vec![("bodyType", "json".into()), ("body", parameters)],
            (false, true) => Vec::new(),
            (false, false) => vec![("queryParams", parameters)],
        };
        let input = kind.into_iter().chain(asked).map(|(name, value)| (name.to_owned(), value));
        let output = self.example.iter().map(|example| json!({ "type": "json", "example": example }));
        let info = [("input".to_owned(), Value::Object(input.collect()))];
        let info: JsonObject = info.into_iter().chain(output.map(|output| ("output".to_owned(), output))).collect();
        let kind = json!({
            "type": "object",
            "properties": { "type": { "const": "http" }, "method": { "enum": [self.method] } },
            "required": ["type", "method"],
        });
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": { "input": kind },
            "required": ["input"],
        });
        json!({ "info": info, "schema": schema })
    }
}

/// What a listed thing is: `http`, or the name of a tool behind one URL. A tool is known by URL and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed<'a> {
    /// An endpoint.
    Http,
    /// A tool.
    Tool(&'a str),
}

/// What a payment echoes that was made for something listed; `None` where it may not be listed.
pub fn listed(extensions: &JsonObject) -> Option<Listed<'_>> {
    let input = super::info(extensions, NAME)?.get("input")?.as_object()?;
    let text = |member: &str| input.get(member).and_then(Value::as_str);
    match text("type")? {
        "http" => Some(Listed::Http),
        "mcp" => text("toolName").or_else(|| text("tool")).filter(|name| !name.is_empty()).map(Listed::Tool),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under_its_name(advertisement: Value) -> JsonObject {
        JsonObject::from_iter([(NAME.to_owned(), advertisement)])
    }

    #[test]
    fn an_endpoint_says_how_it_is_asked() {
        let parameters = JsonObject::from_iter([("city".to_owned(), "Oslo".into())]);
        let get = Endpoint { method: "GET".into(), parameters, example: Some(json!({"degrees": 7})) };
        let told = get.advertisement();
        assert_eq!(told["info"]["input"], json!({"type": "http", "method": "GET", "queryParams": {"city": "Oslo"}}));
        assert_eq!(told["info"]["output"]["example"], json!({"degrees": 7}));
        let post = Endpoint { method: "POST".into(), ..get }.advertisement();
        let input = json!({"type": "http", "method": "POST", "bodyType": "json", "body": {"city": "Oslo"}});
        assert_eq!(post["info"]["input"], input);
        assert_eq!(listed(&under_its_name(post)), Some(Listed::Http));
        assert!(Endpoint::default().advertisement().to_string().len() < 300, "it travels in a header");
    }

    #[test]
    fn a_tool_is_known_by_its_name() {
        let input = |input: Value| under_its_name(json!({"info": {"input": input}}));
        assert_eq!(listed(&input(json!({"type": "mcp", "toolName": "a"}))), Some(Listed::Tool("a")));
        assert_eq!(listed(&input(json!({"type": "mcp", "tool": "a"}))), Some(Listed::Tool("a")));
        for bad in [json!({"type": "mcp"}), json!({"type": "mcp", "toolName": ""}), json!({"type": "x"}), json!(1)] {
            assert_eq!(listed(&input(bad)), None);
        }
        assert_eq!(listed(&JsonObject::new()), None);
    }
}

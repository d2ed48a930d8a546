use std::fmt;

use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

/// The parameters of a call, in the order in which they were put: the same order makes the same bytes, which a
/// repeated call needs. They may hold a token, and so `Debug` shows none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(Zeroizing<String>);

impl Form {
    /// With one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let mut pair = Serializer::new(String::new());
        pair.append_pair(name, value);
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(&pair.finish());
        self
    }

    /// With one more parameter, if there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// From bytes that a form made.
    pub fn from_encoded(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// As a body, or behind the question mark of a path.
    pub fn encoded(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Form(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_add_parameters() {
        let form = Form::default().with("metadata[order id]", "1&amount=1").with_some("a", None).with("b", "\u{e9} ");
        assert_eq!(form.encoded(), "metadata%5Border+id%5D=1%26amount%3D1&b=%C3%A9+");
        assert_eq!(format!("{form:?}"), "Form(..)");
    }
}

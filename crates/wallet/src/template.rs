//! Limits to begin with: a policy in which some values are left to fill in.
//!
//! A template is the text of a policy. A value may be, or hold, `{name}`, which must be given, or
//! `{name=value}`, which is that unless another is given. A plain policy is a template without any.

use std::collections::BTreeMap;

use crate::Policy;
use crate::policy::PolicyError;

/// A template that comes with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// What it is asked for by.
    pub name: &'static str,
    /// The text.
    pub text: &'static str,
}

/// The templates that come with the program.
pub const TEMPLATES: [Template; 3] = [
    Template { name: "careful", text: include_str!("templates/careful.toml") },
    Template { name: "research", text: include_str!("templates/research.toml") },
    Template { name: "batch", text: include_str!("templates/batch.toml") },
];

/// Why a template makes no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// Not filled in.
    #[error("the template leaves {0} to you; give it with --set {0}=VALUE")]
    Missing(String),
    /// Nowhere to fill it in.
    #[error("the template has no {name}; it has: {known}")]
    Unknown {
        /// What was given.
        name: String,
        /// What could be.
        known: String,
    },
    /// A value that could be more than a value.
    #[error("the value of {0} holds a quotation mark, a backslash, a brace or a line break; write it without")]
    Value(String),
    /// A brace that is not closed, or around what is no name.
    #[error("the template has a {{ that begins no {{name}} and no {{name=value}}")]
    Form,
    /// See [`PolicyError`].
    #[error("the template makes no policy: {0}")]
    Policy(#[from] PolicyError),
}

impl Template {
    /// The one of this name that comes with the program.
    pub fn named(name: &str) -> Option<Self> {
        TEMPLATES.into_iter().find(|template| template.name == name)
    }

    /// What it is for: its first line.
    pub fn purpose(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

/// The names that a template leaves open, each with its value if it has one, in their order.
pub fn blanks(text: &str) -> Result<Vec<(&str, Option<&str>)>, TemplateError> {
    let mut blanks = Vec::new();
    for part in parts(text) {
        if let Part::Blank { name, value } = part? {
            blanks.push((name, value));
        }
    }
    Ok(blanks)
}

/// The policy that a template makes with these values.
pub fn fill(text: &str, values: &BTreeMap<String, String>) -> Result<Policy, TemplateError> {
    let known = blanks(text)?;
    for (name, value) in values {
        if !known.iter().any(|(known, _)| known == name) {
            let known: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            let known = if known.is_empty() { "nothing to fill in".to_owned() } else { known.join(", ") };
            return Err(TemplateError::Unknown { name: name.clone(), known });
        }
        if value.chars().any(|letter| matches!(letter, '"' | '\'' | '\\' | '{' | '}') || letter.is_control()) {
            return Err(TemplateError::Value(name.clone()));
        }
    }
    let mut filled = String::with_capacity(text.len());
    for part in parts(text) {
        match part? {
            Part::Text(text) => filled.push_str(text),
            Part::Blank { name, value } => {
                let given = values.get(name).map(String::as_str).or(value);
                filled.push_str(given.ok_or_else(|| TemplateError::Missing(name.to_owned()))?);
            }
        }
    }
    Ok(filled.parse()?)
}

enum Part<'a> {
    Text(&'a str),
    Blank { name: &'a str, value: Option<&'a str> },
}

/// The text between blanks, and the blanks.
fn parts(mut rest: &str) -> impl Iterator<Item = Result<Part<'_>, TemplateError>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let opening = rest.find('{').unwrap_or(rest.len());
        if opening > 0 {
            let (text, after) = rest.split_at(opening);
            rest = after;
            return Some(Ok(Part::Text(text)));
        }
        let blank = rest.strip_prefix('{').and_then(|after| after.split_once('}'));
        let named = blank.and_then(|(blank, after)| {
            let (name, value) = blank.split_once('=').map_or((blank, None), |(name, value)| (name, Some(value)));
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            is_name.then_some((name, value, after))
        });
        let Some((name, value, after)) = named else {
            rest = "";
            return Some(Err(TemplateError::Form));
        };
        rest = after;
        Some(Ok(Part::Blank { name, value }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_template_that_comes_along_makes_a_policy_and_says_what_it_is_for() {
        for template in TEMPLATES {
            let open = blanks(template.text).unwrap().into_iter().filter(|(_, value)| value.is_none());
            let given = open.map(|(name, _)| (name.to_owned(), "https://api.example.com".to_owned())).collect();
            let policy = fill(template.text, &given).unwrap();
            assert!(policy.total.is_some() && policy.per_payment.is_some(), "{}", template.name);
            assert!(template.purpose().starts_with("For "), "{}", template.name);
            assert_eq!(Template::named(template.name), Some(template));
        }
    }

    #[test]
    fn what_is_given_is_filled_in_and_nothing_else() {
        let text = "total = \"{total=1 USD}\"\n[[origin]]\nurl = \"https://{host}\"";
        let policy = fill(text, &values(&[("host", "a.example"), ("total", "3 USD")])).unwrap();
        assert_eq!(policy.total.map(|total| total.to_string()).as_deref(), Some("3 USD"));
        assert_eq!(policy.origins.unwrap()[0].origin.as_str(), "https://a.example");
        assert_eq!(fill(text, &values(&[])), Err(TemplateError::Missing("host".into())));
        let unknown = fill(text, &values(&[("host", "a.example"), ("totl", "3 USD")])).unwrap_err().to_string();
        assert!(unknown.contains("no totl; it has: total, host"), "{unknown}");
        assert!(fill("total = \"1 USD\"", &values(&[])).is_ok(), "a plain policy is a template");
    }

    #[test]
    fn a_value_cannot_write_more_than_a_value() {
        let text = "total = \"{total=1 USD}\"";
        for value in ["1 USD\"\nper_day = \"9 USD", "1\\n", "{x}", "1 USD\n"] {
            assert_eq!(fill(text, &values(&[("total", value)])), Err(TemplateError::Value("total".into())), "{value}");
        }
    }

    #[test]
    fn a_brace_that_is_no_blank_is_refused() {
        for text in ["total = \"{\"", "total = \"{}\"", "total = \"{a b}\"", "x = { y = 1 }"] {
            assert_eq!(fill(text, &values(&[])), Err(TemplateError::Form), "{text}");
        }
    }
}

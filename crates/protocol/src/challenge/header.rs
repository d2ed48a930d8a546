//! A challenge as a `WWW-Authenticate` value.

use super::auth_params::{self, Parameter, Scheme};
use super::{Challenge, ChallengeDraft, ChallengeError, ChallengeId};
use crate::binding::BindingSlots;
use crate::{BodyDigest, EncodedObject, IntentName, MethodName, Realm};

/// The Payment challenges of one line.
pub(super) fn parse_line(line: &[u8]) -> Vec<Result<Challenge, ChallengeError>> {
    auth_params::split(line)
        .into_iter()
        .filter(|scheme| scheme.name.eq_ignore_ascii_case("Payment"))
        .map(|scheme| read(&scheme))
        .collect()
}

fn read(scheme: &Scheme) -> Result<Challenge, ChallengeError> {
    if let Some(fault) = scheme.fault {
        return Err(ChallengeError::Grammar(fault));
    }
    refuse_repetition(&scheme.parameters)?;
    let optional = |name: &str| {
        let found = scheme.parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name));
        found.map(|parameter| parameter.value.as_str())
    };
    let required = |name: &'static str| optional(name).ok_or(ChallengeError::Missing(name));

    let id = ChallengeId::read(required("id")?)?;
    let mut terms = ChallengeDraft::new(
        Realm::read(required("realm")?)?,
        MethodName::read(required("method")?)?,
        IntentName::read(required("intent")?)?,
        decodable("request", required("request")?)?,
    );
    if let Some(text) = optional("expires") {
        terms = terms.expires_text(text)?;
    }
    if let Some(text) = optional("digest") {
        terms = terms.digest(BodyDigest::parse(text)?);
    }
    if let Some(text) = optional("opaque") {
        terms = terms.opaque(decodable("opaque", text)?);
    }
    if let Some(text) = optional("header") {
        terms = terms.field_text(text)?;
    }
    if let Some(text) = optional("description") {
        terms = terms.description(text);
    }
    terms.with_id(id)
}

/// A parameter name stands once, whatever its case, known or not (RFC 9110, section 11.2).
fn refuse_repetition(parameters: &[Parameter]) -> Result<(), ChallengeError> {
    let mut names: Vec<String> = parameters.iter().map(|parameter| parameter.name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    let repeated = names.iter().zip(names.iter().skip(1)).find(|(name, next)| name == next);
    match repeated {
        Some((name, _)) => Err(ChallengeError::Repeated(name.chars().take(64).collect())),
        None => Ok(()),
    }
}

fn decodable(parameter: &'static str, text: &str) -> Result<EncodedObject, ChallengeError> {
    let checked = EncodedObject::from_wire(text).and_then(|object| {
        if parameter == "opaque" {
            object.decode_text_map()?
        } else {
            object.decode()?
        };
        Ok(object)
    });
    checked.map_err(|reason| ChallengeError::Object { parameter, reason })
}

/// Appends the whole value. The order of parameters is the one every deployed SDK writes.
pub(super) fn write(challenge: &Challenge, out: &mut String) {
    out.push_str("Payment ");
    push_quoted("id", challenge.id.as_str(), out);
    write_constant(&challenge.terms, out);
    write_varying(&challenge.terms.slots(), out);
}

/// Appends what is the same for every challenge of a route, from the comma before `realm` on.
pub(super) fn write_constant(terms: &ChallengeDraft, out: &mut String) {
    let parameters = [
        ("realm", Some(terms.realm.as_str())),
        ("method", Some(terms.method.as_str())),
        ("intent", Some(terms.intent.as_str())),
        ("request", Some(terms.request.as_str())),
        ("description", terms.description.as_deref()),
    ];
    for (name, value) in parameters {
        if let Some(value) = value {
            out.push_str(", ");
            push_quoted(name, value, out);
        }
    }
}

/// Appends what differs from challenge to challenge. None of it needs an escape.
pub(super) fn write_varying(slots: &BindingSlots<'_>, out: &mut String) {
    let parameters = [
        (", digest=\"", slots.digest),
        (", expires=\"", slots.expires),
        (", header=\"", slots.header.unwrap_or_default()),
        (", opaque=\"", slots.opaque),
    ];
    for (opening, value) in parameters {
        if !value.is_empty() {
            out.push_str(opening);
            out.push_str(value);
            out.push('"');
        }
    }
}

/// Whether a header line can carry the text, escaped.
pub(super) fn is_safe(text: &str) -> bool {
    !text.chars().any(|letter| letter.is_control() && letter != '\t')
}

/// `name="value"` in ASCII. What is not ASCII becomes `\uXXXX`, the form the deployed SDKs decode.
fn push_quoted(name: &str, value: &str, out: &mut String) {
    out.push_str(name);
    out.push_str("=\"");
    for letter in value.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            ascii if ascii.is_ascii() => out.push(ascii),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

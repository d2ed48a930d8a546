//! Other spellings that a lax upstream could take for the same path.

use std::borrow::Cow;

/// The path as a lax upstream may read it: letter case ignored, `;parameters` and trailing slashes
/// dropped. [`crate::proxy::Target`] has refused everything worse.
pub(super) fn fold(path: &str) -> Cow<'_, str> {
    let trimmed = path.trim_end_matches('/');
    let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
    if !trimmed.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b';') {
        return Cow::Borrowed(trimmed);
    }
    let segments = trimmed.split('/').map(|segment| segment.split(';').next().unwrap_or(segment));
    let folded = segments.collect::<Vec<_>>().join("/").to_ascii_lowercase();
    let length = folded.trim_end_matches('/').len().max(1);
    Cow::Owned(folded.get(..length).unwrap_or("/").to_owned())
}

/// A path template in the same folding: literal segments in lower case, parameters as they are.
pub(super) fn fold_template(template: &str) -> String {
    let trimmed = template.trim_end_matches('/');
    if trimmed.is_empty() {
        return "/".to_owned();
    }
    let fold = |segment: &str| if segment.contains('{') { segment.to_owned() } else { segment.to_ascii_lowercase() };
    trimmed.split('/').map(fold).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_fold_together() {
        for path in ["/v1/paid", "/v1/paid/", "/V1/Paid", "/v1;a=b/paid;c", "/v1/PAID/"] {
            assert_eq!(fold(path), "/v1/paid", "{path}");
        }
        assert_eq!(fold("/"), "/");
        assert_eq!(fold("/;x"), "/");
        assert_eq!(fold_template("/V1/{City}/"), "/v1/{City}");
    }
}

use std::collections::BTreeMap;
use std::str::FromStr;

/// What a payment is for, as it is written on the command line: `project=atlas`.
#[derive(Clone)]
pub(crate) struct Tag {
    name: String,
    value: String,
}

/// The tags that were given, as the wallet takes them; of two values of one name the last one counts.
pub(crate) fn all(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter().map(|tag| (tag.name.clone(), tag.value.clone())).collect()
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("a tag is written name=value, such as task=t1")?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=32).contains(&name.len()) || !name.bytes().all(plain) {
            return Err(format!("\"{name}\" is no tag's name; use 1 to 32 letters, digits, - and _"));
        }
        if !(1..=64).contains(&value.len()) || value.chars().any(char::is_control) {
            return Err(format!("the value of the tag {name} has to be 1 to 64 characters"));
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

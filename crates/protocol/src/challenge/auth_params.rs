//! The grammar of `WWW-Authenticate` (RFC 9110, sections 11.3 to 11.6): one line, many schemes.
//!
//! A comma separates both parameters and challenges. What tells them apart is what follows: a
//! token and `=` is a parameter of the scheme before it, a token alone starts the next scheme. The
//! word "Payment" is never searched for, so it may stand in any quoted value.

/// One scheme of a line and its parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scheme {
    pub(super) name: String,
    pub(super) parameters: Vec<Parameter>,
    /// The first way in which it breaks the grammar.
    pub(super) fault: Option<&'static str>,
}

/// A name and its value, unquoted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: String,
}

const MOST_PARAMETERS: usize = 64;

/// Splits a line. Every byte is looked at a bounded number of times.
pub(super) fn split(line: &[u8]) -> Vec<Scheme> {
    let mut schemes: Vec<Scheme> = Vec::new();
    let mut cursor = Cursor { rest: line };
    loop {
        cursor.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
        if cursor.rest.is_empty() {
            return schemes;
        }
        let element = cursor.element(schemes.last());
        match (element, schemes.last_mut()) {
            (Ok(Element::Scheme(name)), _) => {
                schemes.push(Scheme { name, parameters: Vec::new(), fault: None });
            }
            (Ok(Element::Parameter(parameter)), Some(scheme)) if scheme.parameters.len() < MOST_PARAMETERS => {
                scheme.parameters.push(parameter);
            }
            (Ok(Element::Parameter(_)), scheme) => blame(scheme, "there are more than 64 parameters"),
            (Err(fault), scheme) => {
                blame(scheme, fault);
                cursor.skip_element();
            }
        }
    }
}

fn blame(scheme: Option<&mut Scheme>, fault: &'static str) {
    if let Some(scheme) = scheme {
        scheme.fault.get_or_insert(fault);
    }
}

enum Element {
    Scheme(String),
    Parameter(Parameter),
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    /// Reads one element up to the comma or the space after it.
    fn element(&mut self, scheme: Option<&Scheme>) -> Result<Element, &'static str> {
        let token = self.take(is_token_byte);
        if token.is_empty() {
            return Err("a name is missing");
        }
        let name = String::from_utf8_lossy(token).into_owned();
        let after_token = self.rest;
        self.skip_space();
        if self.rest.first() != Some(&b'=') || scheme.is_none() {
            self.rest = after_token;
            return if matches!(after_token.first(), None | Some(b' ' | b'\t' | b',')) {
                Ok(Element::Scheme(name))
            } else {
                Err("a character stands where none may")
            };
        }
        self.advance(1);
        self.skip_space();
        let value = if self.rest.first() == Some(&b'"') { self.quoted(&name)? } else { self.bare()? };
        Ok(Element::Parameter(Parameter { name, value }))
    }

    fn bare(&mut self) -> Result<String, &'static str> {
        let value = String::from_utf8_lossy(self.take(is_token_byte)).into_owned();
        if value.is_empty() || !self.at_separator() {
            return Err("a value is neither a token nor quoted");
        }
        Ok(value)
    }

    fn quoted(&mut self, name: &str) -> Result<String, &'static str> {
        self.advance(1);
        let value = self.quoted_bytes()?;
        if !self.at_separator() {
            // Deployed servers forget to escape quotes in display text, and the public suite wants
            // such text cut at the quote. In any other parameter it is a fault.
            if !name.eq_ignore_ascii_case("description") {
                return Err("a quote inside a value is not escaped");
            }
            self.skip_past_last_quote();
        }
        Ok(String::from_utf8(value).unwrap_or_else(|broken| latin_1(broken.as_bytes())))
    }

    /// Reads up to the closing quote and past it.
    fn quoted_bytes(&mut self) -> Result<Vec<u8>, &'static str> {
        let mut value = Vec::new();
        let mut units: Vec<u16> = Vec::new();
        loop {
            let (first, after) = self.rest.split_first().ok_or("a quoted value does not end")?;
            self.rest = after;
            if *first == b'\\'
                && let Some(unit) = self.escaped_unit()
            {
                units.push(unit);
                continue;
            }
            flush(&mut units, &mut value);
            match *first {
                b'"' => return Ok(value),
                b'\\' => {
                    let (escaped, after) = self.rest.split_first().ok_or("a quoted value does not end")?;
                    self.rest = after;
                    value.push(printable(*escaped)?);
                }
                plain => value.push(printable(plain)?),
            }
        }
    }

    /// The `uXXXX` after a backslash, in which deployed SDKs write what is not ASCII.
    fn escaped_unit(&mut self) -> Option<u16> {
        let (digits, after) = self.rest.strip_prefix(b"u")?.split_at_checked(4)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let unit = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        self.rest = after;
        Some(unit)
    }

    /// Moves past the first quote that a comma or the end follows; to the end when there is none.
    fn skip_past_last_quote(&mut self) {
        while !self.rest.is_empty() {
            self.skip(|byte| byte != b'"');
            self.advance(1);
            if self.at_separator() {
                return;
            }
        }
    }

    /// Moves to the next comma outside quotes.
    fn skip_element(&mut self) {
        loop {
            self.skip(|byte| !matches!(byte, b',' | b'"'));
            if self.rest.first() != Some(&b'"') {
                return;
            }
            self.advance(1);
            if self.quoted_bytes().is_err() {
                self.skip(|byte| byte != b',');
                return;
            }
        }
    }

    fn at_separator(&self) -> bool {
        let blank = self.rest.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
        matches!(blank, None | Some(b','))
    }

    fn take(&mut self, belongs: impl Fn(u8) -> bool) -> &[u8] {
        let length = self.rest.iter().take_while(|byte| belongs(**byte)).count();
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    fn skip(&mut self, belongs: impl Fn(u8) -> bool) {
        self.take(belongs);
    }

    fn skip_space(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn printable(byte: u8) -> Result<u8, &'static str> {
    if byte.is_ascii_control() && byte != b'\t' { Err("a value holds a control character") } else { Ok(byte) }
}

fn flush(units: &mut Vec<u16>, value: &mut Vec<u8>) {
    if !units.is_empty() {
        value.extend(String::from_utf16_lossy(units).into_bytes());
        units.clear();
    }
}

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(line: &str) -> Vec<String> {
        split(line.as_bytes()).into_iter().map(|scheme| scheme.name).collect()
    }

    fn only(line: &str) -> Scheme {
        let mut schemes = split(line.as_bytes());
        assert_eq!(schemes.len(), 1, "{schemes:?}");
        schemes.remove(0)
    }

    fn value(line: &str) -> String {
        only(line).parameters.remove(0).value
    }

    #[test]
    fn schemes_share_a_line() {
        assert_eq!(
            names(r#"Bearer realm="z", Payment id="a", x=y, Payment id="b, Payment c""#),
            ["Bearer", "Payment", "Payment"]
        );
        assert_eq!(names("Negotiate, Payment id=a"), ["Negotiate", "Payment"]);
        assert_eq!(names("Basic YWJj==, Payment id=a"), ["Basic", "Payment"]);
        assert_eq!(names(",, \t"), [] as [&str; 0]);
    }

    #[test]
    fn values_are_unquoted() {
        assert_eq!(value(r#"P a = "b \"c\" \\ d""#), r#"b "c" \ d"#);
        assert_eq!(value("P\ta=b"), "b");
        assert_eq!(value(r#"P a="caf\u00e9 \ud83d\ude00 \u12""#), "café 😀 u12");
        assert_eq!(value(r#"P a="\\u00e9""#), r"\u00e9");
        assert_eq!(value("P a=\"caf\u{e9}\""), "café");
        assert_eq!(split(b"P a=\"caf\xE9\"").remove(0).parameters.remove(0).value, "café");
    }

    #[test]
    fn an_unescaped_quote_cuts_a_description_and_spoils_anything_else() {
        let cut = only(r#"P description="a "b, c=d" e", f=g"#);
        assert_eq!(cut.fault, None);
        let read: Vec<_> = cut.parameters.iter().map(|parameter| parameter.value.as_str()).collect();
        assert_eq!(read, ["a ", "g"]);
        assert!(only(r#"P a="b "c" d""#).fault.is_some());
        assert!(only(r#"P a="b"#).fault.is_some());
        assert!(only("P a=").fault.is_some());
        assert!(only("P a=\"b\0\"").fault.is_some());
    }

    #[test]
    fn one_broken_scheme_does_not_take_the_next_with_it() {
        let schemes = split(br#"Payment id="a" x, Payment id=b"#);
        let faults: Vec<_> = schemes.iter().map(|scheme| (scheme.name.as_str(), scheme.fault.is_some())).collect();
        assert_eq!(faults, [("Payment", true), ("Payment", false)]);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(line: Vec<u8>) {
            split(&line);
        }

        #[test]
        fn arbitrary_near_misses_never_panic(line in r#"(Payment|id|=|"|,| |\\|u00e9|é){0,40}"#) {
            split(line.as_bytes());
        }
    }
}

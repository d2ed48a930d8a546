//! XML as elements that open and close, each with its text; everything else of XML is refused or passed over.

use std::io::Read;

use farthing_money::Currency;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::input::Input;
use super::refused::{Mistake, Refused};
use super::tag::Tag;

/// No element of a statement is nested deeper.
const DEEPEST: usize = 40;
/// More text than any element of a statement that is read has.
const LONGEST_TEXT: usize = 4 << 10;
/// More attributes than any element of a statement has.
const MOST_ATTRIBUTES: usize = 32;

/// What comes next in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An element begins; it is the last of [`Walk::path`].
    Open,
    /// It ends. Its text is in [`Walk::text`], unless elements were in it.
    Close(Tag),
    /// The file ends.
    End,
}

/// A walk through a file.
pub(super) struct Walk<R> {
    reader: Reader<Input<R>>,
    buffer: Vec<u8>,
    path: Vec<Tag>,
    /// Their names as they stand there, one after the other, and where each begins.
    names: String,
    begins: Vec<usize>,
    text: String,
    currency: Option<Currency>,
    namespace: String,
    /// The element that was just opened is empty.
    close_next: bool,
    /// The text belongs to an element that is closed.
    stale: bool,
}

impl<R: Read> Walk<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            reader: Reader::from_reader(Input::new(file)),
            buffer: Vec::new(),
            path: Vec::new(),
            names: String::new(),
            begins: Vec::new(),
            text: String::new(),
            currency: None,
            namespace: String::new(),
            close_next: false,
            stale: false,
        }
    }

    /// The elements that are open, from the outermost.
    pub(super) fn path(&self) -> &[Tag] {
        &self.path
    }

    /// The text since the last tag, without the white space around it.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    /// The `Ccy` of the element that was opened last.
    pub(super) fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// The namespaces that the outermost element names.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The hash of the file, at its end.
    pub(super) fn finish(self) -> [u8; 32] {
        self.reader.into_inner().finish()
    }

    /// Says what is wrong, here.
    pub(super) fn refuse(&mut self, mistake: impl Into<Mistake>) -> Refused {
        Refused { line: self.reader.get_mut().line(), mistake: mistake.into() }
    }

    /// Goes on to the next tag.
    pub(super) fn next(&mut self) -> Result<Step, Refused> {
        if std::mem::take(&mut self.stale) {
            self.text.clear();
        }
        if std::mem::take(&mut self.close_next) {
            return Ok(self.close());
        }
        loop {
            self.reader.get_mut().begin_token();
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            let step = self.read_event(&mut buffer);
            self.buffer = buffer;
            match step.map_err(|mistake| self.refuse(mistake))? {
                Some(step) => return Ok(step),
                None => continue,
            }
        }
    }

    fn read_event(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Step>, Mistake> {
        let event = match self.reader.read_event_into(buffer) {
            Ok(event) => event,
            Err(error) => {
                return Err(self.reader.get_mut().broken().unwrap_or_else(|| broken(&error, self.innermost())));
            }
        };
        match event {
            Event::Start(start) => self.open(&start).map(Some),
            Event::Empty(start) => {
                self.close_next = true;
                self.open(&start).map(Some)
            }
            Event::End(_) => Ok(Some(self.close())),
            Event::Text(text) => self.add(&text.xml10_content()).map(|()| None),
            Event::CData(text) => self.add(&text.xml10_content()).map(|()| None),
            Event::GeneralRef(reference) => {
                let meant = resolved(&reference)?;
                self.add(&meant).map(|()| None)
            }
            Event::DocType(_) => Err(Mistake::DocumentType),
            Event::Decl(declaration) => match declaration.encoding() {
                Some(Ok(name)) if !name.eq_ignore_ascii_case("utf-8") && !name.eq_ignore_ascii_case("us-ascii") => {
                    Err(Mistake::Word { element: "encoding that is read; UTF-8 is", found: shortened(&name) })
                }
                _ => Ok(None),
            },
            Event::Comment(_) | Event::PI(_) => Ok(None),
            Event::Eof => match self.innermost() {
                Some(open) => Err(Mistake::CutOff(shortened(open))),
                None => Ok(Some(Step::End)),
            },
        }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<Step, Mistake> {
        if self.path.len() >= DEEPEST {
            return Err(Mistake::TooDeep(DEEPEST));
        }
        let name = start.local_name();
        let name: &str = name.as_ref();
        self.currency = None;
        self.text.clear();
        if !start.attributes_raw().trim().is_empty() {
            self.read_attributes(start)?;
        }
        self.path.push(Tag::of(name));
        self.begins.push(self.names.len());
        self.names.push_str(name);
        Ok(Step::Open)
    }

    fn read_attributes(&mut self, start: &BytesStart<'_>) -> Result<(), Mistake> {
        for (count, attribute) in start.attributes().enumerate() {
            let attribute = attribute.map_err(|error| Mistake::NotXml(error.to_string()))?;
            if count >= MOST_ATTRIBUTES {
                return Err(Mistake::TooLong(MOST_ATTRIBUTES));
            }
            let (key, value): (&str, &str) = (attribute.key.as_ref(), attribute.value.as_ref());
            if key == "Ccy" {
                let currency = value.parse().map_err(|_| word("currency", value))?;
                self.currency = Some(currency);
            } else if self.path.is_empty() && (key == "xmlns" || key.starts_with("xmlns:")) {
                self.namespace.push_str(value);
                self.namespace.push('\n');
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Step {
        self.stale = true;
        self.names.truncate(self.begins.pop().unwrap_or_default());
        Step::Close(self.path.pop().unwrap_or(Tag::Other))
    }

    /// The element that was opened last and is open still.
    fn innermost(&self) -> Option<&str> {
        self.names.get(*self.begins.last()?..)
    }

    fn add(&mut self, text: &str) -> Result<(), Mistake> {
        if self.text.len().saturating_add(text.len()) > LONGEST_TEXT {
            return Err(Mistake::TooLong(LONGEST_TEXT));
        }
        if self.begins.is_empty() && !text.trim().is_empty() {
            return Err(Mistake::NotXml("text outside of every element".to_owned()));
        }
        self.text.push_str(text);
        Ok(())
    }
}

/// What is meant by a reference: a character, or one of the five entities of XML.
fn resolved(reference: &BytesRef<'_>) -> Result<String, Mistake> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Ok(character.to_string()),
        Ok(None) => {
            let name = reference.xml10_content();
            resolve_xml_entity(&name).map(str::to_owned).ok_or_else(|| Mistake::Entity(shortened(&name)))
        }
        Err(error) => Err(Mistake::NotXml(error.to_string())),
    }
}

/// Reading failed: in the middle of an element when one is open and the file is at its end.
fn broken(error: &quick_xml::Error, open: Option<&str>) -> Mistake {
    match (error, open) {
        (quick_xml::Error::Syntax(_), Some(open)) => Mistake::CutOff(shortened(open)),
        (error, _) => Mistake::NotXml(error.to_string()),
    }
}

/// An element that says something it cannot.
pub(super) fn word(element: &'static str, found: &str) -> Mistake {
    Mistake::Word { element, found: shortened(found) }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

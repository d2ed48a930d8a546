//! What banks write, in their several shapes, and what nobody should believe.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use std::ops::ControlFlow;

use farthing_rail::{AccountEntry, Direction, Shown, StatementFile};
use farthing_rail_bank::statement::{Mistake, Refused, read};
use farthing_rail_bank::{BankAccount, CreditorReference};
use proptest::prelude::*;

const GERMAN: &str = include_str!("samples/german_02.xml");
const NORDIC: &str = include_str!("samples/nordic_04.xml");
const SWISS: &str = include_str!("samples/swiss_08.xml");
const BRITISH: &str = include_str!("samples/british_11.xml");
const NOTIFICATION: &str = include_str!("samples/notification_08.xml");

fn account() -> BankAccount {
    let table = "holder = \"Example GmbH\"\niban = \"DE89370400440532013000\"\nasset = \"EUR\"";
    BankAccount::from_table(&table.parse().unwrap()).unwrap()
}

fn references() -> [String; 2] {
    [1, 2].map(|number| CreditorReference::from_random(number).to_string())
}

fn filled(sample: &str) -> String {
    let [first, second] = references();
    sample.replace("@RF1@", &first).replace("@RF2@", &second)
}

fn read_all(text: &str) -> Result<(StatementFile, Vec<AccountEntry>), Refused> {
    let mut entries = Vec::new();
    let mut take = |entry| {
        entries.push(entry);
        ControlFlow::Continue(())
    };
    let file = read(text.as_bytes(), &account(), &mut take)?;
    Ok((file, entries))
}

fn mistake(text: &str) -> Mistake {
    read_all(text).unwrap_err().mistake
}

#[test]
fn u_17_statements_of_several_banks_and_versions_say_the_same_things() {
    let [first, second] = references();
    let (file, entries) = read_all(&filled(GERMAN)).unwrap();
    assert_eq!((file.form.as_str(), file.entries), ("camt.053.001.02", 2));
    assert_eq!((file.statements[0].opening, file.statements[0].closing), (100_000, 101_840));
    assert_eq!(entries[0].references, [first.as_str()]);
    assert_eq!(entries[0].bank_reference, "2026110412345678000");
    assert!(entries[0].details.starts_with("Erika Mustermann & Söhne · DE02120300000000202051"));
    assert_eq!((entries[1].direction, entries[1].amount.units()), (Direction::Fee, 160));

    let (file, entries) = read_all(&filled(NORDIC)).unwrap();
    assert_eq!(file.form, "camt.053.001.04");
    let parts: Vec<_> = entries.iter().map(|part| (part.part, part.parts, part.amount.units())).collect();
    assert_eq!(parts, [(0, 3, 500), (1, 3, 700), (2, 3, 2000)]);
    assert_eq!(entries[0].references, [first.clone(), "INV-1".to_owned()]);
    assert_eq!(entries[1].references, [second.as_str()]);
    assert_eq!(entries[2].references, Vec::<String>::new());

    let (file, entries) = read_all(&filled(SWISS)).unwrap();
    assert_eq!((file.form.as_str(), file.statements[0].number), ("camt.053.001.08", Some(213)));
    assert_eq!((entries[0].direction, entries[0].reversal), (Direction::Out, true));
    assert!(entries[0].details.starts_with("Aino"));

    let (file, entries) = read_all(&filled(BRITISH)).unwrap();
    assert_eq!((file.form.as_str(), file.statements[0].closing), ("camt.053.001.11", 105_740));
    assert_eq!(entries[0].references, ["abc".to_owned(), second]);
}

#[test]
fn u_17_every_version_of_a_notification_is_read_and_others_are_not() {
    for version in ["02", "04", "08", "11"] {
        let text = filled(NOTIFICATION).replace("camt.054.001.08", &format!("camt.054.001.{version}"));
        let (file, entries) = read_all(&text).unwrap();
        assert_eq!((file.statements.len(), entries[0].shown), (0, Shown::Notified), "{version}");
    }
    for other in ["camt.054.001.99", "camt.052.001.08", "pain.001.001.09", "camt.054.001.0"] {
        assert_eq!(mistake(&filled(NOTIFICATION).replace("camt.054.001.08", other)), Mistake::OtherMessage, "{other}");
    }
    assert_eq!(mistake("<html><body/></html>"), Mistake::OtherMessage);
}

#[test]
fn u_01_an_entry_has_the_same_name_in_a_notification_and_in_the_statement_after_it() {
    let (_, notified) = read_all(&filled(NOTIFICATION)).unwrap();
    let (_, booked) = read_all(&filled(GERMAN)).unwrap();
    assert_eq!(notified[0].key, booked[0].key);
    let nameless = |text: &str| filled(text).replace("<AcctSvcrRef>2026110412345678000</AcctSvcrRef>", "");
    // Without a name of the bank's, an entry is what it says; this bank adds a line in the statement.
    let said = nameless(GERMAN).replace("<AddtlNtryInf>GUTSCHRIFT</AddtlNtryInf>", "");
    let said = said.replace("<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>", "");
    assert_eq!(read_all(&nameless(NOTIFICATION)).unwrap().1[0].key, read_all(&said).unwrap().1[0].key);
}

#[test]
fn u_01_two_equal_transfers_on_one_day_are_two_and_stay_the_same_two() {
    let entry = "<Ntry><Amt Ccy=\"EUR\">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
                 <BookgDt><Dt>2026-11-07</Dt></BookgDt></Ntry>";
    let text = filled(BRITISH).replace("</Ntry>", &format!("</Ntry>{entry}{entry}")).replace("1057.40", "1059.40");
    let keys = |text: &str| read_all(text).unwrap().1.iter().map(|entry| entry.key).collect::<Vec<_>>();
    assert_eq!(keys(&text), keys(&text));
    assert_ne!(keys(&text)[1], keys(&text)[2]);
}

#[test]
fn u_03_a_file_cut_off_anywhere_is_refused() {
    for sample in [GERMAN, SWISS, NOTIFICATION] {
        let text = filled(sample);
        let end = text.trim_end().len();
        for length in (0..end).filter(|length| text.is_char_boundary(*length)) {
            assert!(read_all(&text[..length]).is_err(), "cut at {length} of {end}");
        }
    }
    let cut = &filled(GERMAN)[..1500];
    let refused = read_all(cut).unwrap_err();
    assert!(refused.line > 10 && refused.to_string().contains("cut off"), "{refused}");
}

#[test]
fn u_04_document_types_and_entities_are_refused_before_they_grow() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    let with = filled(GERMAN).replacen("<Document", &format!("{bomb}<Document"), 1);
    assert_eq!(mistake(&with), Mistake::DocumentType);
    let outside = "<!DOCTYPE Document SYSTEM \"file:///etc/hostname\">";
    assert_eq!(
        mistake(&filled(GERMAN).replacen("<Document", &format!("{outside}<Document"), 1)),
        Mistake::DocumentType
    );
    assert_eq!(mistake(&filled(GERMAN).replace("&amp;", "&c;")), Mistake::Entity("c".to_owned()));
    assert!(matches!(mistake(&filled(GERMAN).replace("&amp;", "& ")), Mistake::NotXml(_)));
    assert!(read_all(&filled(GERMAN).replace("&amp;", "&#x26;")).is_ok());
}

#[test]
fn u_05_a_statement_that_does_not_add_up_is_refused_with_its_line() {
    let refused = read_all(&filled(GERMAN).replace("1018.40", "1018.41")).unwrap_err();
    assert_eq!(refused.line, 42);
    assert_eq!(
        refused.to_string(),
        "line 42: statement 27D2026110453 does not add up: 1000 EUR and its entries make 1018.4 EUR, and it closes with \
         1018.41 EUR"
    );
    for (from, to) in [("PRCD", "XXXX"), ("CLBD", "XXXX")] {
        assert!(matches!(mistake(&filled(GERMAN).replace(from, to)), Mistake::Lacks { .. }));
    }
    assert!(matches!(mistake(&filled(GERMAN).replace("PRCD", "CLBD")), Mistake::Word { .. }));
    let text = filled(NOTIFICATION);
    let (from, to) = (text.find("<Ntfctn>").unwrap(), text.find("</Ntfctn>").unwrap() + "</Ntfctn>".len());
    let again = format!("{}{}", &text[..to], &text[from..]);
    assert_eq!(mistake(&again), Mistake::Repeated("NT-1-1".to_owned()));
}

#[test]
fn u_06_another_account_or_another_currency_is_refused() {
    let other = filled(GERMAN).replace("DE89370400440532013000", "DE02120300000000202051");
    assert!(matches!(mistake(&other), Mistake::OtherAccount { .. }));
    assert!(matches!(mistake(&filled(GERMAN).replace("\"EUR\"", "\"USD\"")), Mistake::OtherCurrency { .. }));
    assert!(matches!(mistake(&filled(GERMAN).replace("<Ccy>EUR", "<Ccy>CHF")), Mistake::OtherCurrency { .. }));
    let without = filled(GERMAN).replace("<Id><IBAN>DE89370400440532013000</IBAN></Id>", "");
    assert!(matches!(mistake(&without), Mistake::Lacks { .. }));
}

#[test]
fn u_07_what_has_no_end_is_refused() {
    let deep = "<x>".repeat(100);
    let nested = filled(GERMAN).replacen("<Acct>", &format!("{deep}<Acct>"), 1);
    assert!(matches!(mistake(&nested), Mistake::TooDeep(_)));
    let long = filled(GERMAN).replace("ENTGELT", &"A".repeat(5000));
    assert!(matches!(mistake(&long), Mistake::TooLong(_)));
    let tag = filled(GERMAN).replacen("<Acct>", &format!("<Acct a=\"{}\">", "A".repeat(200_000)), 1);
    assert!(matches!(mistake(&tag), Mistake::TooLong(_)));
    let comment = filled(GERMAN).replacen("<Acct>", &format!("<!--{}--><Acct>", "A".repeat(200_000)), 1);
    assert!(matches!(mistake(&comment), Mistake::TooLong(_)));
}

#[test]
fn u_08_a_batch_whose_parts_do_not_make_it_is_one_entry_of_nobody() {
    let (_, entries) = read_all(&filled(NORDIC).replace("<Amt Ccy=\"EUR\">7.00", "<Amt Ccy=\"EUR\">6.00")).unwrap();
    assert_eq!((entries.len(), entries[0].amount.units()), (1, 3200));
    assert_eq!(entries[0].references, Vec::<String>::new());
    let (_, entries) = read_all(&filled(NORDIC).replace("<Amt Ccy=\"EUR\">7.00", "<Amt Ccy=\"SEK\">7.00")).unwrap();
    assert_eq!(entries.len(), 1);
}

#[test]
fn u_10_two_references_in_a_text_are_none_and_a_wrong_digit_is_none() {
    let [first, second] = references();
    let references_of = |text: &str| read_all(text).unwrap().1[0].references.clone();
    let two = filled(GERMAN).replace("vielen Dank", &second);
    assert_eq!(references_of(&two), Vec::<String>::new());
    let wrong = first.replace("RF", "RF9");
    assert_eq!(references_of(&GERMAN.replace("@RF1@", &wrong)), Vec::<String>::new());
}

#[test]
fn u_11_only_what_is_booked_is_handed_out() {
    let (file, _) = read_all(&filled(GERMAN)).unwrap();
    assert_eq!(file.entries, 2, "the pending one is in no balance");
    let without = filled(GERMAN).replace("<Sts>BOOK</Sts>", "");
    assert!(matches!(mistake(&without), Mistake::Lacks { .. }));
    let informative = filled(NOTIFICATION).replace("BOOK", "INFO");
    assert_eq!(read_all(&informative).unwrap().0.entries, 0);
}

#[test]
fn u_13_amounts_are_whole_cents_or_nothing() {
    for amount in ["20.005", "-20.00", "2e1", "20,00", "", "+20", "0x14", "NaN"] {
        let text = filled(GERMAN).replacen(">20.00<", &format!(">{amount}<"), 1);
        assert!(matches!(mistake(&text), Mistake::Amount(_)), "{amount}");
    }
    for word in ["crdt", "CREDIT", ""] {
        let text = filled(NOTIFICATION).replacen("CRDT", word, 1);
        assert!(matches!(mistake(&text), Mistake::Word { .. }), "{word}");
    }
}

#[test]
fn other_encodings_are_refused_and_a_byte_order_mark_is_not() {
    let latin = filled(GERMAN).replacen("UTF-8", "ISO-8859-1", 1);
    assert!(read_all(&latin).is_err());
    assert!(read_all(&format!("\u{feff}{}", filled(GERMAN))).is_ok());
    assert_eq!(mistake("<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\"/>"), Mistake::Empty);
}

proptest! {
    #[test]
    fn any_bytes_can_be_read(bytes: Vec<u8>) {
        let _ = read(bytes.as_slice(), &account(), &mut |_| ControlFlow::Continue(()));
    }

    #[test]
    fn a_changed_statement_adds_up_or_is_refused(at in 0usize..2000, byte: u8) {
        let mut text = filled(NORDIC).into_bytes();
        let at = at % text.len();
        text[at] = byte;
        let mut sum = 0;
        let file = read(text.as_slice(), &account(), &mut |entry| {
            sum += entry.amount.units();
            ControlFlow::Continue(())
        });
        if let Ok(file) = file {
            let difference = file.statements.iter().map(|statement| statement.closing - statement.opening).sum::<i128>();
            prop_assert_eq!(u128::try_from(difference).unwrap(), sum);
        }
    }
}

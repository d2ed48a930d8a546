//! Payment files (pain.001.001.09): what a bank is asked to pay out of the account.
//!
//! A file is made of what the books say is in it and of nothing else, so that it can be written again, the same to the
//! byte, when it was lost before the bank had it. The bank tells files apart by their message id.

use std::fmt::Write;

use farthing_money::Amount;
use farthing_rail::{PaymentOrder, PaymentOrders, Unreadable};
use quick_xml::escape::escape;

use crate::decimal::decimals_of;
use crate::{AccountNumber, BankAccount};

/// ISO 20022: the longest id.
const LONGEST_ID: usize = 35;
/// ISO 20022: the longest name that every bank takes.
const LONGEST_NAME: usize = 70;
/// ISO 20022: the longest text.
const LONGEST_TEXT: usize = 140;

/// Writes a file. Refused when something in it would be cut off or sent to nobody.
pub(crate) fn write(account: &BankAccount, orders: &PaymentOrders<'_>) -> Result<String, Unreadable> {
    let refused = |reason: &str| Unreadable(reason.to_owned());
    if orders.orders.is_empty() {
        return Err(refused("a payment file needs at least one payment"));
    }
    if !is_id(orders.id) {
        return Err(refused("a payment file is named by at most 35 letters, digits and dashes"));
    }
    let sum = orders.orders.iter().try_fold(Amount::ZERO, |sum, order| sum.checked_add(order.amount));
    let sum = sum.ok_or_else(|| refused("the payments of a file add up to more than any account holds"))?;
    let (count, sum) = (orders.orders.len(), decimal(sum, account));
    let created = orders.at.to_rfc3339();
    let (id, holder) = (orders.id, escape(account.holder.as_str()));
    let day = created.get(..10).unwrap_or_default();
    let agent = match &account.bic {
        Some(bic) => format!("<BICFI>{bic}</BICFI>"),
        None => "<Othr><Id>NOTPROVIDED</Id></Othr>".to_owned(),
    };
    let scheme =
        if account.currency.as_str() == "EUR" { "<PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>" } else { "" };
    let mut file = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\">\n<CstmrCdtTrfInitn>\n\
         <GrpHdr><MsgId>{id}</MsgId><CreDtTm>{created}</CreDtTm><NbOfTxs>{count}</NbOfTxs><CtrlSum>{sum}</CtrlSum>\
         <InitgPty><Nm>{holder}</Nm></InitgPty></GrpHdr>\n\
         <PmtInf><PmtInfId>{id}</PmtInfId><PmtMtd>TRF</PmtMtd><BtchBookg>false</BtchBookg><NbOfTxs>{count}</NbOfTxs>\
         <CtrlSum>{sum}</CtrlSum>{scheme}<ReqdExctnDt><Dt>{day}</Dt></ReqdExctnDt><Dbtr><Nm>{holder}</Nm></Dbtr>\
         <DbtrAcct><Id>{}</Id><Ccy>{}</Ccy></DbtrAcct><DbtrAgt><FinInstnId>{agent}</FinInstnId></DbtrAgt>\
         <ChrgBr>SLEV</ChrgBr>\n",
        number(&account.number),
        account.currency,
    );
    for order in orders.orders {
        payment(&mut file, account, order)?;
    }
    file.push_str("</PmtInf>\n</CstmrCdtTrfInitn>\n</Document>\n");
    Ok(file)
}

fn payment(file: &mut String, account: &BankAccount, order: &PaymentOrder) -> Result<(), Unreadable> {
    let refused = |reason: &str| Unreadable(format!("payment {}: {reason}", order.end_to_end));
    if !is_id(&order.end_to_end) {
        return Err(refused("its name has at most 35 letters, digits and dashes"));
    }
    if order.amount.is_zero() {
        return Err(refused("there is nothing to pay"));
    }
    let name = order.payee_name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(refused("whom it is paid to is a name of at most 70 characters"));
    }
    let payee = match account.number {
        AccountNumber::Iban(_) => order.payee_account.parse(),
        AccountNumber::Other(_) => AccountNumber::other(&order.payee_account),
    };
    let payee = payee.map_err(|error| refused(&error.to_string()))?;
    let text: String = order.text.chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT).collect();
    let written = writeln!(
        file,
        "<CdtTrfTxInf><PmtId><EndToEndId>{}</EndToEndId></PmtId><Amt><InstdAmt Ccy=\"{}\">{}</InstdAmt></Amt>\
         <Cdtr><Nm>{}</Nm></Cdtr><CdtrAcct><Id>{}</Id></CdtrAcct><RmtInf><Ustrd>{}</Ustrd></RmtInf></CdtTrfTxInf>",
        order.end_to_end,
        account.currency,
        decimal(order.amount, account),
        escape(name),
        number(&payee),
        escape(text.as_str()),
    );
    written.map_err(|error| refused(&error.to_string()))
}

fn number(number: &AccountNumber) -> String {
    match number {
        AccountNumber::Iban(text) => format!("<IBAN>{text}</IBAN>"),
        AccountNumber::Other(text) => format!("<Othr><Id>{text}</Id></Othr>"),
    }
}

fn decimal(amount: Amount, account: &BankAccount) -> String {
    amount.to_decimal(decimals_of(account.currency.as_str()))
}

fn is_id(text: &str) -> bool {
    let plain = text.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
    (1..=LONGEST_ID).contains(&text.len()) && plain
}

#[cfg(test)]
mod tests {
    use farthing_protocol::Timestamp;

    use super::*;

    fn account() -> BankAccount {
        let table = "holder = \"Example & Co\"\niban = \"DE89370400440532013000\"\nasset = \"EUR\"\nbic = \"COBADEFF\"";
        BankAccount::from_table(&table.parse().unwrap()).unwrap()
    }

    fn order(amount: u128) -> PaymentOrder {
        PaymentOrder {
            end_to_end: "FP0000".to_owned(),
            amount: Amount::new(amount),
            payee_name: "Erika <Mustermann>".to_owned(),
            payee_account: "DE02 1203 0000 0000 2020 51".to_owned(),
            text: "Refund of a balance".to_owned(),
        }
    }

    fn file(orders: &[PaymentOrder]) -> Result<String, Unreadable> {
        write(
            &account(),
            &PaymentOrders { id: "FARTHING-1", at: Timestamp::from_unix_millis(1_800_000_000_000), orders },
        )
    }

    #[test]
    fn a_file_says_what_is_paid_to_whom_and_how_much_it_is_together() {
        let text = file(&[order(1999), order(1)]).unwrap();
        for part in [
            "<NbOfTxs>2</NbOfTxs><CtrlSum>20</CtrlSum>",
            "<InstdAmt Ccy=\"EUR\">19.99</InstdAmt>",
            "<Cdtr><Nm>Erika &lt;Mustermann&gt;</Nm></Cdtr><CdtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></CdtrAcct>",
            "<Dbtr><Nm>Example &amp; Co</Nm></Dbtr>",
            "<ReqdExctnDt><Dt>2027-01-15</Dt></ReqdExctnDt>",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        assert_eq!(file(&[order(1999), order(1)]).unwrap(), text, "the same orders are the same file");
    }

    #[test]
    fn what_no_bank_could_pay_is_refused() {
        let refused = |change: &dyn Fn(&mut PaymentOrder)| {
            let mut changed = order(1);
            change(&mut changed);
            file(&[changed]).unwrap_err().to_string()
        };
        assert!(refused(&|order| order.payee_account = "DE03120300000000202051".into()).contains("is not an IBAN"));
        assert!(refused(&|order| order.payee_name = " ".into()).contains("a name"));
        assert!(refused(&|order| order.amount = Amount::ZERO).contains("nothing to pay"));
        assert!(refused(&|order| order.end_to_end = "</X>".into()).contains("its name"));
        assert!(file(&[]).is_err());
        assert!(file(&[order(u128::MAX), order(1)]).is_err());
    }
}

//! A bank account as a gateway holds it.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use farthing_money::{Amount, Asset, Currency};
use farthing_rail::{AccountEntry, FundingAccount, Instructions, PaymentOrders, StatementFile, Unreadable};
use toml::Table;

use crate::{AccountNumber, BankAccount, CreditorReference, NotABankAccount, payment_file, statement};

/// The account of a `[rails.NAME]` table.
#[derive(Clone, Debug)]
pub struct BankRail {
    name: String,
    account: BankAccount,
    asset: Asset,
    statements: Option<PathBuf>,
}

impl BankRail {
    /// Reads its table. Relative paths in it begin in `directory`.
    pub fn from_table(name: &str, table: &Table, directory: &Path) -> Result<Self, NotABankAccount> {
        let account = BankAccount::from_table(table)?;
        let asset = account.asset()?;
        let statements = account.statements.as_ref().map(|folder| directory.join(folder));
        Ok(Self { name: name.to_owned(), account, asset, statements })
    }

    /// The account itself.
    pub fn account(&self) -> &BankAccount {
        &self.account
    }
}

impl FundingAccount for BankRail {
    fn name(&self) -> &str {
        &self.name
    }

    fn asset(&self) -> &Asset {
        &self.asset
    }

    fn currency(&self) -> Currency {
        self.account.currency
    }

    fn reference(&self, random: u64) -> String {
        CreditorReference::from_random(random).to_string()
    }

    fn instructions(&self, reference: &str, amount: Option<Amount>) -> Instructions {
        let account = &self.account;
        let (key, label) = match account.number {
            AccountNumber::Iban(_) => ("iban", "IBAN"),
            AccountNumber::Other(_) => ("account", "Account"),
        };
        let shown = reference.parse::<CreditorReference>().map_or_else(|_| reference.to_owned(), |it| it.grouped());
        let mut fields =
            vec![("holder", "Account holder", account.holder.clone()), (key, label, account.number.grouped())];
        fields.extend(account.bic.iter().map(|bic| ("bic", "BIC", bic.clone())));
        fields.push(("reference", "Reference", shown));
        fields.extend(amount.map(|amount| ("amount", "Amount", self.asset.display(amount))));
        let currency = account.currency;
        let sentences = vec![
            format!("Send {currency} by bank transfer, with exactly this reference and nothing else in its field."),
            "The balance is credited when the bank's statement shows the money; that takes seconds to two days."
                .to_owned(),
            "The reference stays yours: money that comes late, or in parts, is credited too.".to_owned(),
        ];
        Instructions { fields, sentences }
    }

    fn statements(&self) -> Option<&Path> {
        self.statements.as_deref()
    }

    fn read_statement(
        &self,
        file: &mut dyn Read,
        take: &mut dyn FnMut(AccountEntry) -> ControlFlow<()>,
    ) -> Result<StatementFile, Unreadable> {
        Ok(statement::read(file, &self.account, take)?)
    }

    fn payment_file(&self, orders: &PaymentOrders<'_>) -> Result<String, Unreadable> {
        payment_file::write(&self.account, orders)
    }

    fn payee(&self, account: &str) -> Result<String, Unreadable> {
        let read = match self.account.number {
            AccountNumber::Iban(_) => account.parse(),
            AccountNumber::Other(_) => AccountNumber::other(account),
        };
        read.map(|number| number.to_string()).map_err(|error| Unreadable(error.to_string()))
    }
}

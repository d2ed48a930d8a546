//! Statements as banks write them. Any bytes come to a file that adds up or to one sentence, the same one each time.

use std::ops::ControlFlow;

use farthing_rail_bank::BankAccount;
use farthing_rail_bank::statement::read;

/// A statement of the account that the seeds are of.
pub fn statement(data: &[u8]) {
    let table = "holder = \"Example GmbH\"\niban = \"DE89370400440532013000\"\nasset = \"EUR\"";
    let account = BankAccount::from_table(&table.parse().expect("a table")).expect("an account");
    let mut sum = 0_i128;
    let file = read(data, &account, &mut |entry| {
        let units = i128::try_from(entry.amount.units()).expect("at most 18 digits");
        let came = entry.direction == farthing_rail::Direction::In;
        sum = sum.saturating_add(if came { units } else { -units });
        ControlFlow::Continue(())
    });
    match &file {
        Ok(file) if !file.statements.is_empty() => {
            let difference =
                file.statements.iter().map(|statement| statement.closing - statement.opening).sum::<i128>();
            assert_eq!(difference, sum, "what was handed out is what the balances say");
        }
        Ok(_) => {}
        Err(refused) => assert!(!refused.to_string().is_empty() && refused.line > 0),
    }
    let again = read(data, &account, &mut |_| ControlFlow::Continue(()));
    assert_eq!(again, file);
}

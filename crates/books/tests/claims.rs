//! Who wins a claim, and what the losers are told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::command::Invalid;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, challenge, external, grant, prepaid, rejected};
use farthing_books::{ClaimOutcome, Command, NewPayment, Outcome};
use farthing_money::Amount;
use farthing_rail::{PaymentId, ProofKey};

fn claim(books: &mut MemoryStore, new: &NewPayment) -> Outcome {
    books.batch(&[Command::Claim(Box::new(new.clone()))]).unwrap().remove(0)
}

fn with_key(new: NewPayment, key: u8) -> NewPayment {
    NewPayment { idempotency: Some([key; 32]), ..new }
}

#[test]
fn the_questions_are_asked_in_order() {
    let mut books = MemoryStore::default();
    books.batch(&[grant(1, 1, 100)]).unwrap();
    let first = with_key(prepaid(1, 1, 60), 7);
    assert!(matches!(claim(&mut books, &first), Outcome::Claim(ClaimOutcome::Won(_))));
    assert!(matches!(claim(&mut books, &first), Outcome::Claim(ClaimOutcome::Lost(_))));

    let mut second = with_key(prepaid(2, 1, 60), 7);
    second.proof.key = first.proof.key.clone();
    assert_eq!(claim(&mut books, &second), Outcome::Claim(ClaimOutcome::KeyUsed(first.id)));
    second.idempotency = Some([8; 32]);
    assert_eq!(claim(&mut books, &second), Outcome::Claim(ClaimOutcome::ProofUsed(first.id)));
    second.proof.key = ProofKey::new("balance:other");
    let before = books.clone();
    let short = Outcome::Claim(ClaimOutcome::Insufficient { available: Amount::new(40) });
    assert_eq!(claim(&mut books, &second), short);
    assert_eq!(books.payments, before.payments, "nothing is recorded");
    assert_eq!(books.verify().findings, Vec::<String>::new());

    books.batch(&[grant(2, 1, 20)]).unwrap();
    assert!(matches!(claim(&mut books, &second), Outcome::Claim(ClaimOutcome::Won(_))), "the credential is still good");
}

#[test]
fn a_key_under_which_nothing_was_bought_is_free_again() {
    let mut books = MemoryStore::default();
    let first = with_key(external(1, 60), 7);
    claim(&mut books, &first);
    books.batch(&[Command::Reject { payment: first.id, rejected: rejected(), at: at(1) }]).unwrap();
    let outcome = claim(&mut books, &with_key(external(2, 60), 7));
    assert!(matches!(outcome, Outcome::Claim(ClaimOutcome::Won(_))), "{outcome:?}");
    let same_proof = NewPayment { proof: first.proof.clone(), ..external(3, 60) };
    assert_eq!(claim(&mut books, &same_proof), Outcome::Claim(ClaimOutcome::ProofUsed(first.id)), "a proof never is");
}

/// Before version 10 of the books an id had no place among others; a credential may be presented again just after.
#[test]
fn a_payment_on_record_under_an_id_without_a_place_is_the_same_payment() {
    let mut books = MemoryStore::default();
    let old = prepaid(1, 1, 60);
    books.batch(&[grant(1, 1, 100)]).unwrap();
    claim(&mut books, &old);
    let mut placed = *old.id.as_bytes();
    placed[..PaymentId::PLACE].fill(7);
    let again = NewPayment { id: PaymentId::from_bytes(placed), ..old.clone() };
    let Outcome::Claim(ClaimOutcome::Lost(known)) = claim(&mut books, &again) else { panic!("it was claimed before") };
    assert_eq!(known.id, old.id);
}

#[test]
fn claims_of_one_batch_see_each_other() {
    let mut books = MemoryStore::default();
    let new = with_key(prepaid(1, 1, 60), 7);
    let rival = with_key(prepaid(2, 1, 60), 7);
    let poor = prepaid(3, 1, 60);
    let commands: Vec<Command> = [&new, &new, &rival, &poor].map(|new| Command::Claim(Box::new(new.clone()))).into();
    let outcomes = books.batch(&[vec![grant(1, 1, 100)], commands].concat()).unwrap();
    assert!(matches!(outcomes[1], Outcome::Claim(ClaimOutcome::Won(_))));
    assert!(matches!(outcomes[2], Outcome::Claim(ClaimOutcome::Lost(_))));
    assert_eq!(outcomes[3], Outcome::Claim(ClaimOutcome::KeyUsed(new.id)));
    assert_eq!(outcomes[4], Outcome::Claim(ClaimOutcome::Insufficient { available: Amount::new(40) }));
}

#[test]
fn a_claim_that_contradicts_itself_is_refused() {
    let mut books = MemoryStore::default();
    let mut foreign = prepaid(1, 1, 10);
    foreign.id = PaymentId::of(&challenge(2));
    assert_eq!(claim(&mut books, &foreign), Outcome::Invalid(Invalid::ForeignId));
    let mut nobody = prepaid(1, 1, 10);
    nobody.proof.payer = None;
    assert_eq!(claim(&mut books, &nobody), Outcome::Invalid(Invalid::NoPayer));
}

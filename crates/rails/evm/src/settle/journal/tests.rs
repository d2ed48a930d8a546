use super::*;

fn submission(nonce: u64, byte: u8, purpose: Purpose) -> Submission {
    Submission {
        purpose,
        chain: 8453,
        signer: Address::repeat_byte(1),
        nonce: Some(nonce),
        hash: B256::repeat_byte(byte),
        raw: Bytes::from(vec![byte; 4]),
        valid_before: Some(9),
        state: State::Open,
        at: Timestamp::from_unix_millis(1_700_000_000_123),
    }
}

fn payment(byte: u8) -> Purpose {
    Purpose::Settle(PaymentId::from_bytes([byte; 16]))
}

#[tokio::test]
async fn what_was_written_is_found_by_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evm.db");
    let journal = Journal::open(&path).unwrap();
    let refund = Purpose::Refund(PaymentId::from_bytes([1; 16]), u128::MAX);
    let written = vec![submission(4, 1, payment(1)), submission(4, 2, payment(1)), submission(5, 3, refund.clone())];
    journal.append(written.clone()).await.unwrap();
    journal.append(written.clone()).await.unwrap();
    drop(journal);
    let journal = reopen(&path).await;
    assert_eq!(journal.of_purpose(8453, &payment(1)).await.unwrap(), written[..2]);
    assert_eq!(journal.of_purpose(8453, &refund).await.unwrap(), written[2..]);
    assert_eq!(journal.of_purpose(1, &payment(1)).await.unwrap(), []);
    assert_eq!(journal.of_hash(8453, B256::repeat_byte(2)).await.unwrap(), Some(written[1].clone()));
    assert_eq!(journal.last_of(8453, Address::repeat_byte(1)).await.unwrap(), Some(written[2].clone()));
    assert_eq!(journal.open_of(8453, Address::repeat_byte(1)).await.unwrap(), written);
}

#[tokio::test]
async fn closing_leaves_what_is_at_the_nonce_and_beyond() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("evm.db")).unwrap();
    let signer = Address::repeat_byte(1);
    let written: Vec<_> = (0..4).map(|nonce| submission(u64::from(nonce), nonce, payment(nonce))).collect();
    journal.append(written.clone()).await.unwrap();
    journal.close_below(8453, signer, 2).await.unwrap();
    assert_eq!(journal.open_of(8453, signer).await.unwrap(), written[2..]);
    assert_eq!(journal.last_of(8453, signer).await.unwrap().unwrap().nonce, Some(3));
    assert_eq!(journal.of_purpose(8453, &payment(0)).await.unwrap()[0].state, State::Closed);
}

#[tokio::test]
async fn a_second_owner_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("evm.db");
    let _first = Journal::open(&path).unwrap();
    let refusal = Journal::open(&path).unwrap_err().to_string();
    assert!(refusal.contains("locked"), "{refusal}");
}

/// The thread of an earlier handle needs a moment to close the file.
async fn reopen(path: &Path) -> Journal {
    for _ in 0..100 {
        if let Ok(journal) = Journal::open(path) {
            return journal;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Journal::open(path).unwrap()
}

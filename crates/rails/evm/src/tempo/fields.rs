//! A transaction's RLP list, taken apart and put together again without reading the fields.
//!
//! The forms of a sponsored transaction differ in one field: where the fee payer's signature will
//! be, one has a mark, another the sender's address, and what the sponsor signs has no sender
//! signature. Exchanging a field beats writing the encoding once more for each.

use alloy_primitives::Address;
use alloy_rlp::{BufMut as _, EMPTY_STRING_CODE, Encodable as _, Error, Header};

/// Where the fee token is in the list.
const FEE_TOKEN: usize = 10;

/// Where the fee payer's signature is in the list.
const FEE_PAYER: usize = 11;

/// Without a key authorization; with one there is one more.
const FEWEST: usize = 14;

/// The encoded fields of a signed transaction, in order; the last one is the sender's signature.
pub(super) struct Fields<'a>(Vec<&'a [u8]>);

impl<'a> Fields<'a> {
    /// Takes apart a list that is all there is.
    pub(super) fn of(list: &'a [u8]) -> Result<Self, Error> {
        let mut rest = list;
        let header = Header::decode(&mut rest)?;
        if !header.list {
            return Err(Error::UnexpectedString);
        }
        if header.payload_length != rest.len() {
            return Err(Error::UnexpectedLength);
        }
        let mut fields = Vec::with_capacity(FEWEST + 1);
        while !rest.is_empty() {
            let mut after = rest;
            let payload = Header::decode(&mut after)?.payload_length;
            let size = rest.len() - after.len() + payload;
            let (field, after) = rest.split_at_checked(size).ok_or(Error::InputTooShort)?;
            fields.push(field);
            rest = after;
        }
        if !(FEWEST..=FEWEST + 1).contains(&fields.len()) {
            return Err(Error::UnexpectedLength);
        }
        Ok(Self(fields))
    }

    pub(super) fn fee_payer(&self) -> &'a [u8] {
        self.0.get(FEE_PAYER).copied().unwrap_or_default()
    }

    pub(super) fn signature(&self) -> Result<&'a [u8], Error> {
        let mut field = self.0.last().copied().unwrap_or_default();
        Header::decode_bytes(&mut field, false)
    }

    /// A type byte and the list with another fee payer field.
    pub(super) fn with_fee_payer(&self, kind: u8, fee_payer: &[u8]) -> Vec<u8> {
        let fields = self.0.iter().enumerate().map(|(place, field)| if place == FEE_PAYER { fee_payer } else { field });
        joined(kind, fields)
    }

    /// What a sponsor signs: the list with the fee token and the sender, without the signature.
    pub(super) fn for_sponsor(&self, kind: u8, fee_token: Address, sender: Address) -> Vec<u8> {
        let (fee_token, sender) = (encoded(fee_token), encoded(sender));
        let unsigned = self.0.split_last().map_or(&[][..], |(_, unsigned)| unsigned);
        let fields = unsigned.iter().enumerate().map(|(place, field)| match place {
            FEE_TOKEN => fee_token.as_slice(),
            FEE_PAYER => sender.as_slice(),
            _ => field,
        });
        joined(kind, fields)
    }
}

/// The address in an encoded field, if it is one.
pub(super) fn address(mut field: &[u8]) -> Option<Address> {
    let bytes = Header::decode_bytes(&mut field, false).ok()?;
    Address::try_from(bytes).ok()
}

/// An address as a field.
pub(super) fn encoded(address: Address) -> Vec<u8> {
    let mut field = Vec::with_capacity(21);
    address.encode(&mut field);
    field
}

/// An empty field.
pub(super) const EMPTY: &[u8] = &[EMPTY_STRING_CODE];

fn joined<'a>(kind: u8, fields: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    let payload_length = fields.clone().map(<[u8]>::len).sum();
    let header = Header { list: true, payload_length };
    let mut bytes = Vec::with_capacity(1 + header.length_with_payload());
    bytes.put_u8(kind);
    header.encode(&mut bytes);
    fields.for_each(|field| bytes.extend_from_slice(field));
    bytes
}

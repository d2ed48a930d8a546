//! A payer of a seller's books: charges out of a balance, and sessions with vouchers.

use anyhow::{Context as _, ensure};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farthing_money::Amount;
use farthing_protocol::{Challenge, Credential, JsonObject};
use farthing_rail_balance::session::{channel_of, deposit_message, voucher_message};
use farthing_rail_balance::{PayerKey, SessionRequest, signed_message};
use http::HeaderValue;

/// A key with a balance. It has no limits and asks nobody: it pays for a benchmark, never for an agent.
pub struct Buyer {
    key: Ed25519KeyPair,
    payer: PayerKey,
}

/// A session of a buyer's, paid from with one voucher after the other.
pub struct Session<'a> {
    buyer: &'a Buyer,
    challenge: Challenge,
    request: SessionRequest,
    channel: String,
    /// What each voucher adds: the price of so many units.
    units: u128,
    vouchers: u128,
}

impl Buyer {
    /// From an Ed25519 seed, 32 bytes in hex.
    pub fn from_seed(hex: &str) -> anyhow::Result<Self> {
        ensure!(hex.len() == 64 && hex.is_ascii(), "a seed is 64 hex digits");
        let byte = |at| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let seed = (0..64).step_by(2).map(byte).collect::<Option<Vec<u8>>>().context("a seed is 64 hex digits")?;
        let key = Ed25519KeyPair::from_seed_unchecked(&seed)?;
        let public = key.public_key().as_ref().try_into()?;
        Ok(Self { key, payer: PayerKey::from_bytes(public) })
    }

    /// Who it is.
    pub fn did(&self) -> PayerKey {
        self.payer
    }

    /// The `Authorization` value that pays a challenge.
    pub fn pay(&self, challenge: &Challenge) -> anyhow::Result<HeaderValue> {
        let signature = self.sign(&signed_message(challenge, &self.payer)?);
        self.credential(challenge, [("signature", signature)])
    }

    fn sign(&self, message: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.key.sign(message))
    }

    fn credential<const N: usize>(
        &self,
        challenge: &Challenge,
        members: [(&str, String); N],
    ) -> anyhow::Result<HeaderValue> {
        let mut payload = JsonObject::new();
        payload.insert("payer".into(), self.payer.to_string().into());
        payload.extend(members.map(|(name, text)| (name.to_owned(), text.into())));
        let credential = Credential::new(challenge.clone(), payload, None);
        Ok(HeaderValue::from_str(&credential.to_header())?)
    }
}

impl<'a> Session<'a> {
    /// A session that this challenge will open, paid from for so many units at a time.
    pub fn new(buyer: &'a Buyer, challenge: Challenge, units: u128) -> anyhow::Result<Self> {
        let request = SessionRequest::read(challenge.request())?;
        let channel = channel_of(&request, &buyer.payer.to_string(), &challenge)?;
        Ok(Self { buyer, challenge, request, channel, units, vouchers: 0 })
    }

    /// The `Authorization` value that opens it, with a deposit for so many vouchers, and pays the first.
    pub fn open(&mut self, vouchers: u128) -> anyhow::Result<HeaderValue> {
        let deposit = self.price_of(vouchers)?;
        let message = deposit_message(&self.challenge, &self.buyer.payer.to_string(), &self.channel, deposit)?;
        let (total, signature) = self.next()?;
        let members = [
            ("action", "open".to_owned()),
            ("channelId", self.channel.clone()),
            ("deposit", deposit.to_string()),
            ("depositSignature", self.buyer.sign(&message)),
            ("cumulativeAmount", total),
            ("signature", signature),
        ];
        self.buyer.credential(&self.challenge, members)
    }

    /// The `Authorization` value that pays the next request.
    pub fn pay(&mut self) -> anyhow::Result<HeaderValue> {
        let (total, signature) = self.next()?;
        let members = [
            ("action", "voucher".to_owned()),
            ("channelId", self.channel.clone()),
            ("cumulativeAmount", total),
            ("signature", signature),
        ];
        self.buyer.credential(&self.challenge, members)
    }

    /// The `Authorization` value that ends it with its newest voucher: what was not delivered returns to the balance.
    pub fn close(&self) -> anyhow::Result<HeaderValue> {
        let (total, signature) = self.voucher()?;
        let members = [
            ("action", "close".to_owned()),
            ("channelId", self.channel.clone()),
            ("cumulativeAmount", total),
            ("signature", signature),
        ];
        self.buyer.credential(&self.challenge, members)
    }

    /// What it is called on the wire.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The total of the newest voucher.
    pub fn signed(&self) -> anyhow::Result<Amount> {
        self.price_of(self.vouchers)
    }

    fn next(&mut self) -> anyhow::Result<(String, String)> {
        self.vouchers += 1;
        self.voucher()
    }

    fn voucher(&self) -> anyhow::Result<(String, String)> {
        let total = self.signed()?;
        let message = voucher_message(&self.request, &self.buyer.payer.to_string(), &self.channel, total)?;
        Ok((total.to_string(), self.buyer.sign(&message)))
    }

    fn price_of(&self, vouchers: u128) -> anyhow::Result<Amount> {
        let price =
            vouchers.checked_mul(self.units).and_then(|units| self.request.unit_amount.units().checked_mul(units));
        Ok(Amount::new(price.context("too many units")?))
    }
}

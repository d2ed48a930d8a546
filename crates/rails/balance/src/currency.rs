use std::sync::LazyLock;

use farthing_money::{Asset, Home};

/// The decimals of every balance: one base unit is a millionth.
const DECIMALS: u8 = 6;

/// The ISO 4217 codes of money in circulation; funds, metals and test codes are left out.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD \
    HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD \
    MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR \
    RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS \
    UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// The same, to be looked through on every payment.
static SORTED: LazyLock<Vec<&str>> = LazyLock::new(|| CODES.split_ascii_whitespace().collect());

/// Not a currency a balance can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a currency a balance can hold; it is an ISO 4217 code and its decimals, such as usd.6")]
pub struct NotACurrency(pub String);

/// The asset of a currency identifier: `usd.6` is `USD.6@ledger`.
///
/// The decimals are part of the identifier, so that a client that knows only the shared request
/// fields never takes a thousand millionths for a thousand cents.
pub fn asset_of(identifier: &str) -> Result<Asset, NotACurrency> {
    let refused = || NotACurrency(identifier.chars().take(32).collect());
    let code = identifier.strip_suffix(".6").ok_or_else(refused)?;
    if !code.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(refused());
    }
    asset_of_code(&code.to_ascii_uppercase()).map_err(|_| refused())
}

/// The currency identifier of a balance's asset.
pub fn identifier_of(asset: &Asset) -> String {
    format!("{}.{}", asset.code().to_ascii_lowercase(), asset.decimals())
}

/// The asset of a plain code as configurations write it: `USD`.
pub(crate) fn asset_of_code(code: &str) -> Result<Asset, NotACurrency> {
    let refused = || NotACurrency(code.chars().take(32).collect());
    if SORTED.binary_search(&code).is_err() {
        return Err(refused());
    }
    Asset::new(code, DECIMALS, Home::Ledger).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_names_its_decimals() {
        let asset = asset_of("usd.6").unwrap();
        assert_eq!(asset.to_string(), "USD.6@ledger");
        assert_eq!(identifier_of(&asset), "usd.6");
    }

    #[test]
    fn every_code_is_found() {
        assert!(SORTED.is_sorted());
        assert!(SORTED.iter().all(|code| asset_of_code(code).is_ok()));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["usd", "USD.6", "usd.2", "usd.06", "zzz.6", "usdc.6", ".6", "usd.6.6", " usd.6", "", "us d.6"] {
            assert!(asset_of(text).is_err(), "{text}");
        }
    }
}

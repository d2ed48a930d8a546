//! The elements of a statement that are read, by their local names; namespaces differ from version to version and the
//! names do not.

/// Names each element once, and reads it back.
macro_rules! tags {
    ($($(#[$what:meta])* $name:ident)*) => {
        /// An element of a statement.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::upper_case_acronyms, reason = "spelled as in the file")]
        pub(super) enum Tag {
            $($(#[$what])* $name,)*
            /// One that is not read.
            Other,
        }

        impl Tag {
            pub(super) fn of(name: &str) -> Self {
                match name {
                    $(stringify!($name) => Self::$name,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

tags! {
    Document
    /// camt.053.
    BkToCstmrStmt Stmt
    /// camt.054.
    BkToCstmrDbtCdtNtfctn Ntfctn
    Id IBAN Othr Acct Ccy ElctrncSeqNb LglSeqNb FrToDt CreDtTm
    /// A balance.
    Bal Tp CdOrPrtry Cd Amt CdtDbtInd Dt DtTm
    /// An entry.
    Ntry NtryRef RvslInd Sts BookgDt AcctSvcrRef AddtlNtryInf
    BkTxCd Domn Fmly SubFmlyCd
    /// Its transactions.
    NtryDtls TxDtls Refs EndToEndId AmtDtls TxAmt AddtlTxInf
    RltdPties Dbtr Cdtr Pty Nm DbtrAcct CdtrAcct
    RmtInf Ustrd Strd CdtrRefInf Ref
}

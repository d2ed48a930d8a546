use farthing_wallet::client::plain;
use serde_json::{Value, json};

/// How much a finding matters to a buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// Works, and should be mended.
    Weak,
    /// A buyer cannot, or will not, pay.
    Broken,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// Where: `reach`, `status`, `challenge`, `request`, `cache`, `problem`, `refusal`, `discovery`; of x402
    /// `header`, `schema`, `network`, `asset`, `domain`, `extension`, `facilitator`.
    pub(super) layer: &'static str,
    /// How much it matters.
    pub(super) verdict: Verdict,
    /// What was seen; a server's own words in it move no cursor.
    pub(super) fact: String,
    /// What to do about it.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn good(layer: &'static str, fact: impl Into<String>) -> Self {
        Self { layer, verdict: Verdict::Good, fact: plain(&fact.into()), remedy: None }
    }

    pub(super) fn weak(layer: &'static str, fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { layer, verdict: Verdict::Weak, fact: plain(&fact.into()), remedy: Some(remedy.into()) }
    }

    pub(super) fn broken(layer: &'static str, fact: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { layer, verdict: Verdict::Broken, fact: plain(&fact.into()), remedy: Some(remedy.into()) }
    }

    pub(super) fn to_json(&self) -> Value {
        let verdict = match self.verdict {
            Verdict::Good => "good",
            Verdict::Weak => "weak",
            Verdict::Broken => "broken",
        };
        json!({ "layer": self.layer, "verdict": verdict, "fact": self.fact, "remedy": self.remedy })
    }
}

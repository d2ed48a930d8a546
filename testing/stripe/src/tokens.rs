use serde_json::{Value, json};

use crate::SELLER_PROFILE;
use crate::answer::Answer;
use crate::call::Call;
use crate::desk::Desk;

impl Desk {
    /// A token of a payment method for so much, for the seller, valid for so many seconds.
    pub fn grant(&mut self, payment_method: &str, amount: u64, currency: &str, seconds: i64) -> String {
        let limits = json!({ "currency": currency, "max_amount": amount, "expires_at": self.seconds() + seconds });
        self.put_token(payment_method, limits, SELLER_PROFILE, "granted")
    }

    fn put_token(&mut self, payment_method: &str, limits: Value, profile: &str, kind: &str) -> String {
        let id = self.id("spt");
        let needs_action = kind == "issued" && payment_method == "pm_card_threeDSecure2Required";
        let token = json!({
            "id": id,
            "object": format!("shared_payment.{kind}_token"),
            "created": self.seconds(),
            "payment_method": payment_method,
            "usage_limits": limits,
            "seller_details": { "network_business_profile": profile },
            "status": if needs_action { "requires_action" } else { "active" },
            "deactivated_at": null,
            "deactivated_reason": null,
            "used": false,
            "usage_details": { "amount_captured": { "currency": limits["currency"], "value": 0 } },
            "livemode": false,
        });
        self.tokens.insert(id.clone(), token);
        id
    }

    pub(crate) fn issue_token(&mut self, call: &Call) -> Answer {
        let profile = call.param("seller_details[network_business_profile]").unwrap_or_default().to_owned();
        if profile.is_empty() {
            return Answer::invalid("parameter_missing", "Missing required param: seller_details.");
        }
        self.made_token(call, &profile, "issued")
    }

    /// As the test helper: for the seller that asks. It takes no seller, as some versions do not.
    pub(crate) fn grant_token(&mut self, call: &Call) -> Answer {
        if let Some(unknown) = call.params.keys().find(|name| name.starts_with("seller_details")) {
            return Answer::invalid("parameter_unknown", &format!("Received unknown parameter: {unknown}"));
        }
        self.made_token(call, SELLER_PROFILE, "granted")
    }

    fn made_token(&mut self, call: &Call, profile: &str, kind: &str) -> Answer {
        let (Some(method), Some(currency), Some(amount), Some(expires)) = (
            call.param("payment_method"),
            call.param("usage_limits[currency]"),
            call.number("usage_limits[max_amount]"),
            call.number("usage_limits[expires_at]"),
        ) else {
            return Answer::invalid("parameter_missing", "Missing required param: payment_method or usage_limits.");
        };
        if expires <= self.seconds() {
            return Answer::invalid("parameter_invalid", "usage_limits[expires_at] is in the past.");
        }
        if !method.starts_with("pm_") {
            return Answer::invalid("resource_missing", &format!("No such PaymentMethod: '{method}'"));
        }
        let limits = json!({ "currency": currency, "max_amount": amount, "expires_at": expires });
        let id = self.put_token(method, limits, profile, kind);
        self.token(&id)
    }

    pub(crate) fn token(&self, id: &str) -> Answer {
        self.tokens.get(id).cloned().map_or_else(|| Answer::missing(id), Answer::ok)
    }

    pub(crate) fn revoke_token(&mut self, id: &str) -> Answer {
        let now = self.seconds();
        let Some(token) = self.tokens.get_mut(id) else { return Answer::missing(id) };
        if token["deactivated_at"].is_null() {
            token["deactivated_at"] = now.into();
            token["deactivated_reason"] = "revoked".into();
            token["status"] = "deactivated".into();
        }
        Answer::ok(token.clone())
    }

    /// Why a token cannot be charged for so much, or with which payment method it is.
    pub(crate) fn chargeable(&self, id: &str, amount: i64, currency: &str) -> Result<String, Answer> {
        let refused = |code: &str, what: &str| Err(Answer::invalid(code, &format!("The token '{id}' {what}")));
        let Some(token) = self.tokens.get(id) else {
            return Err(Answer::invalid("resource_missing", &format!("No such shared_payment_granted_token: '{id}'")));
        };
        let limits = &token["usage_limits"];
        if !token["deactivated_at"].is_null() {
            return refused("shared_payment_token_deactivated", "is deactivated.");
        }
        if token["used"] == true {
            return refused("shared_payment_token_used", "was used.");
        }
        if limits["expires_at"].as_i64().is_none_or(|expires| expires <= self.seconds()) {
            return refused("shared_payment_token_expired", "has expired.");
        }
        if limits["currency"] != currency || limits["max_amount"].as_i64().is_none_or(|most| most < amount) {
            return refused("shared_payment_token_limit", "is for less, or in another currency.");
        }
        if token["seller_details"]["network_business_profile"] != SELLER_PROFILE {
            return refused("resource_missing", "is another seller's.");
        }
        Ok(token["payment_method"].as_str().unwrap_or_default().to_owned())
    }
}

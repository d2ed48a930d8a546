//! A buyer on `mpp` with a card: stripe-buyer URL API KEY PAYMENT_METHOD

use std::error::Error;

use mpp::client::stripe::StripeProvider;
use mpp::client::Fetch as _;
use mpp::protocol::methods::stripe::types::CreateTokenResult;
use mpp::{MppError, parse_receipt};
use reqwest::Client;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, api, key, payment_method] = words.try_into().map_err(|_| "usage: stripe-buyer URL API KEY PM")?;
    let provider = StripeProvider::new(move |wanted| {
        let (api, key, payment_method) = (api.clone(), key.clone(), payment_method.clone());
        Box::pin(async move {
            let token = issue(&api, &key, &payment_method, &serde_json::to_value(wanted).unwrap_or_default()).await;
            token.map(CreateTokenResult::from).map_err(|error| MppError::Http(error.to_string()))
        })
    });
    let request = Client::new().get(url).header("accept-payment", "stripe/charge");
    let response = request.send_with_payment(&provider).await?;
    let status = response.status().as_u16();
    let receipt = match response.headers().get("payment-receipt") {
        Some(header) => Some(serde_json::to_value(parse_receipt(header.to_str()?)?)?),
        None => None,
    };
    println!("{}", json!({ "status": status, "body": response.text().await?, "receipt": receipt }));
    Ok(())
}

/// Issues a token out of the agent's account.
async fn issue(api: &str, key: &str, payment_method: &str, wanted: &Value) -> Result<String, Box<dyn Error>> {
    let text = |name: &str| wanted[name].as_str().map_or_else(|| wanted[name].to_string(), str::to_owned);
    let form = [
        ("payment_method", payment_method.to_owned()),
        ("usage_limits[currency]", text("currency")),
        ("usage_limits[max_amount]", text("amount")),
        ("usage_limits[expires_at]", text("expires_at")),
        ("seller_details[network_business_profile]", text("network_id")),
    ];
    let response = Client::new()
        .post(format!("{api}/v1/shared_payment/issued_tokens"))
        .bearer_auth(key)
        .form(&form)
        .send()
        .await?;
    let token: Value = serde_json::from_slice(&response.bytes().await?)?;
    Ok(token["id"].as_str().ok_or_else(|| token.to_string())?.to_owned())
}

use http::StatusCode;
use serde_json::json;

use super::{Answer, answer};
use crate::desk::Desk;
use crate::refused::Refused;

const FEWEST: u32 = 1;
const MOST: u32 = 100;
const USUAL: u32 = 20;

/// A page of the catalogue: `type`, `limit`, `offset`.
pub(super) async fn resources(desk: &Desk, query: &str) -> Answer {
    let Some(page) = Page::read(query) else {
        let message = "type is http or mcp, limit is from 1 to 100, offset is a whole number";
        return answer::json(StatusCode::BAD_REQUEST, json!({ "error": message }));
    };
    let Page { kind, limit, offset } = page;
    match desk.register.listed(kind, limit, offset).await {
        Ok((items, total)) => {
            let pagination = json!({ "limit": limit, "offset": offset, "total": total });
            answer::json(StatusCode::OK, json!({ "x402Version": 2, "items": items, "pagination": pagination }))
        }
        Err(error) => {
            tracing::error!(%error, "the catalogue cannot be read");
            let refused = Refused::broken();
            answer::json(refused.status, json!({ "error": refused.message }))
        }
    }
}

struct Page {
    kind: Option<String>,
    limit: u32,
    offset: u32,
}

impl Page {
    fn read(query: &str) -> Option<Self> {
        let mut page = Self { kind: None, limit: USUAL, offset: 0 };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "type" if matches!(value, "http" | "mcp") => page.kind = Some(value.to_owned()),
                "type" => return None,
                "limit" => page.limit = value.parse().ok().filter(|limit| (FEWEST..=MOST).contains(limit))?,
                "offset" => page.offset = value.parse().ok()?,
                _ => {}
            }
        }
        Some(page)
    }
}

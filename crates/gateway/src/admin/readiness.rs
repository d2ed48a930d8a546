//! What cannot be paid by just now, and what therefore cannot be paid for.

use crate::site::Site;

/// What is not ready.
#[derive(Default)]
pub(super) struct NotReady {
    /// Each rail, and why.
    pub(super) rails: Vec<String>,
    /// Routes that no rail is left for.
    pub(super) unpayable: Vec<String>,
}

/// Asks every offer of every route.
pub(super) fn of(site: &Site) -> NotReady {
    let mut found = NotReady::default();
    for route in site.table.routes() {
        let Some(paid) = &route.paid else { continue };
        let mut payable = false;
        for offer in &paid.offers {
            match offer.readiness() {
                Ok(()) => payable = true,
                Err(reason) => {
                    let told = format!("rail {} ({}/{}): {reason}", offer.rail, offer.method, offer.intent);
                    if !found.rails.contains(&told) {
                        found.rails.push(told);
                    }
                }
            }
        }
        if !payable {
            found.unpayable.push(route.name.clone());
        }
    }
    found
}

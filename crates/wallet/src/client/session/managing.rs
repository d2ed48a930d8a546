use farthing_protocol::Credential;

use super::Buying;
use crate::client::PayError;
use crate::client::presenting::Presentation;

impl Buying<'_> {
    /// Presents a credential that buys nothing by itself: a POST without a body, to where the session is used.
    pub(in crate::client) async fn manage(&self, credential: &Credential) -> Result<Presentation, PayError> {
        let request = self.request.management(&self.client.wallet.ambient)?;
        Ok(self.client.present(self.transport, &request, credential, false).await)
    }
}

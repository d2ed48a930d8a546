use std::collections::BTreeMap;

use crate::answer::Answer;
use crate::call::Call;
use crate::desk::Desk;

/// What is known of a key: what it was used for, and the answer once there is one.
pub(crate) struct Known {
    path: String,
    params: BTreeMap<String, String>,
    answer: Option<Answer>,
}

/// What a call's key says.
pub(crate) enum Entry {
    /// Nothing: the call goes ahead.
    New,
    /// It was answered before.
    Stored(Answer),
    /// It is in use, or was used for something else.
    Refused(Answer),
}

impl Desk {
    /// Looks a key up, and takes it if it is free. Keys are kept apart by account.
    pub(crate) fn entry(&mut self, call: &Call) -> Entry {
        let Some(name) = name(call) else { return Entry::New };
        match self.keys.get(&name) {
            None => {
                let known = Known { path: call.path.clone(), params: call.params.clone(), answer: None };
                self.keys.insert(name, known);
                Entry::New
            }
            Some(known) if known.path != call.path || known.params != call.params => {
                let message = "Keys for idempotent requests can only be used with the same parameters.";
                Entry::Refused(Answer::error(400, "idempotency_error", "", message))
            }
            Some(Known { answer: Some(answer), .. }) => Entry::Stored(answer.clone()),
            Some(_) => {
                let message = "There is currently another in-progress request using this Idempotency Key.";
                Entry::Refused(Answer::error(409, "idempotency_error", "idempotency_key_in_use", message))
            }
        }
    }

    /// Stores an answer under the call's key. What was refused before it began is not stored.
    pub(crate) fn store(&mut self, call: &Call, answer: &Answer) {
        let Some(name) = name(call) else { return };
        if matches!(answer.status, 400 | 401 | 403 | 404) {
            self.keys.remove(&name);
        } else if let Some(known) = self.keys.get_mut(&name) {
            known.answer = Some(answer.clone());
        }
    }

    /// Forgets every key, as Stripe does after a day.
    pub fn forget_keys(&mut self) {
        self.keys.clear();
    }
}

fn name(call: &Call) -> Option<String> {
    let key = call.idempotency.as_deref().filter(|_| call.method == "POST")?;
    Some(format!("{} {} {key}", call.secret, call.account.as_deref().unwrap_or_default()))
}

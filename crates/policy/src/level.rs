use std::sync::Arc;

use farthing_money::Price;

use crate::Policy;

/// One policy that a payment has to satisfy, with the name that its counters go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// `agent`, `agent/card/4f2a`, `group/research`.
    pub name: String,
    /// What it says.
    pub policy: Arc<Policy>,
}

/// The most that one session may hold unspent, by every level.
pub fn most_in_a_session(levels: &[Level]) -> Option<Price> {
    smallest(levels, Policy::most_in_a_session)
}

/// The most for one payment, by every level.
pub fn most_per_payment(levels: &[Level]) -> Option<Price> {
    smallest(levels, |policy| policy.per_payment)
}

fn smallest(levels: &[Level], limit: impl Fn(&Policy) -> Option<Price>) -> Option<Price> {
    levels.iter().filter_map(|level| limit(&level.policy)).min_by_key(|price| price.millionths())
}

/// Why the levels above a payment cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LevelError {
    /// A policy names a group that there is not.
    #[error(
        "the policy of {child} names the parent {parent}, which there is not; make it with: farthing policy set --group {parent}, or write another parent"
    )]
    Unknown {
        /// Whose policy.
        child: String,
        /// The group.
        parent: String,
    },
    /// Groups stand above themselves.
    #[error("the group {0} stands above itself by way of its parents; give one of them another parent")]
    Cycle(String),
    /// Too many groups above one payment.
    #[error("more than {MOST_LEVELS} groups stand above one payment; take some out")]
    TooMany,
}

/// More groups than this above one payment are a mistake.
const MOST_LEVELS: usize = 16;

/// A level and the groups above it, as far as parents are named. `group` finds the policy of a group.
pub fn with_parents<E: From<LevelError>>(
    first: Level,
    mut group: impl FnMut(&str) -> Result<Option<Arc<Policy>>, E>,
) -> Result<Vec<Level>, E> {
    let mut levels = vec![first];
    while let Some((child, parent)) = levels.last().and_then(|last| Some((&last.name, last.policy.parent.clone()?))) {
        let name = format!("group/{parent}");
        if levels.iter().any(|level| level.name == name) {
            return Err(LevelError::Cycle(parent).into());
        }
        if levels.len() > MOST_LEVELS {
            return Err(LevelError::TooMany.into());
        }
        let Some(policy) = group(&parent)? else {
            return Err(LevelError::Unknown { child: child.clone(), parent }.into());
        };
        levels.push(Level { name, policy });
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::tests::level;

    fn names(groups: &[(&str, &str)], first: &str) -> Result<Vec<String>, LevelError> {
        let first = level("agent", &format!("parent = \"{first}\"\ntotal = \"1 USD\""));
        let levels = with_parents(first, |name| {
            let found = groups.iter().find(|(group, _)| *group == name);
            let text = |parent: &str| match parent {
                "" => "total = \"1 USD\"".to_owned(),
                parent => format!("parent = \"{parent}\"\ntotal = \"1 USD\""),
            };
            Ok::<_, LevelError>(found.map(|(_, parent)| Arc::new(text(parent).parse().unwrap())))
        });
        Ok(levels?.into_iter().map(|level| level.name).collect())
    }

    #[test]
    fn groups_stand_above_a_wallet_in_the_order_of_their_parents() {
        let groups = [("research", "company"), ("company", "")];
        assert_eq!(names(&groups, "research").unwrap(), ["agent", "group/research", "group/company"]);
    }

    #[test]
    fn unknown_parents_and_circles_are_refused_in_words() {
        let (child, parent) = ("group/a".to_owned(), "b".to_owned());
        assert_eq!(names(&[("a", "b")], "a"), Err(LevelError::Unknown { child, parent }));
        assert_eq!(names(&[("a", "b"), ("b", "a")], "a"), Err(LevelError::Cycle("a".into())));
        assert_eq!(names(&[("a", "a")], "a"), Err(LevelError::Cycle("a".into())));
    }
}

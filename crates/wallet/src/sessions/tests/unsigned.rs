use super::super::unsigned::{Begun, GivenUp};
use super::*;

/// Two processes over one home, and what the first is about to do.
struct Two {
    one: Sessions,
    two: Sessions,
    owner: Owner,
    _home: tempfile::TempDir,
}

impl Two {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (one, two) = (Sessions::open(home.path()).unwrap(), Sessions::open(home.path()).unwrap());
        let owner = one.owner(&ambient()).unwrap();
        Self { one, two, owner, _home: home }
    }

    async fn begin(&self) -> i64 {
        self.one.begin(new("terms"), deposit(1, 10_000), &self.owner).await.unwrap().unwrap()
    }

    async fn sign(&self, id: i64) -> bool {
        let asset = self.two.session(id).await.unwrap().unwrap().asset;
        let (deposit, signed, kept) = (amount(10_000), amount(1000), vec![1]);
        let channel = farthing_rail::Channel { id: "0xc1".into(), terms: "terms".into(), deposit, signed, asset, kept };
        let opening = purchase(1, id, Kind::Open, Some(self.owner.clone()));
        self.one.keep_opening(channel, opening, &self.owner).await.unwrap()
    }

    /// The first dies; the second is left.
    fn die(self) -> (Sessions, tempfile::TempDir) {
        (self.two, self._home)
    }
}

/// What a process takes over of dead ones.
async fn taken_over(sessions: &Sessions, owner: &Owner) -> Vec<GivenUp> {
    let mut taken = Vec::new();
    for begun in sessions.never_signed("agent").await.unwrap() {
        taken.extend(sessions.take_over(begun, owner).await.unwrap());
    }
    taken
}

#[tokio::test]
async fn an_opening_that_was_never_signed_is_found() {
    let two = Two::new();
    two.begin().await;
    assert!(two.two.never_signed("agent").await.unwrap().is_empty(), "its process lives");
    let (sessions, _home) = two.die();
    let owner = sessions.owner(&ambient()).unwrap();
    let mut taken = taken_over(&sessions, &owner).await;
    assert_eq!(taken[0].reservations, [[1; 16]]);
    sessions.forget(taken.remove(0)).await.unwrap();
    assert!(sessions.of_wallet("agent").await.unwrap().is_empty());
}

#[tokio::test]
async fn an_opening_that_was_signed_is_never_forgotten() {
    let two = Two::new();
    let id = two.begin().await;
    assert!(two.sign(id).await);
    two.one.conclude(id, Some([1; 16]), None, false).await.unwrap();
    let (sessions, _home) = two.die();
    assert!(sessions.never_signed("agent").await.unwrap().is_empty(), "its deposit may be there");
}

#[tokio::test]
async fn what_was_signed_after_somebody_looked_is_not_taken_over() {
    let two = Two::new();
    let id = two.begin().await;
    let seen = Begun { session: id, owner: two.owner.name().to_owned() };
    assert!(two.sign(id).await);
    let (sessions, _home) = two.die();
    let owner = sessions.owner(&ambient()).unwrap();
    assert!(sessions.take_over(seen, &owner).await.unwrap().is_none());
    assert_eq!(sessions.session(id).await.unwrap().unwrap().channel.as_deref(), Some("0xc1"));
}

#[tokio::test]
async fn what_was_taken_over_is_not_signed_any_more() {
    let two = Two::new();
    let id = two.begin().await;
    let seen = Begun { session: id, owner: two.owner.name().to_owned() };
    let taker = two.two.owner(&ambient()).unwrap();
    assert!(two.two.take_over(seen.clone(), &taker).await.unwrap().is_some());
    assert!(two.two.take_over(seen, &taker).await.unwrap().is_none(), "another was quicker");
    assert!(!two.sign(id).await);
}

#[tokio::test]
async fn an_addition_that_was_never_signed_is_found_whatever_else_is_under_way() {
    let two = Two::new();
    let id = open(&two.one).await;
    two.one.write(move |file| super::super::purchase::insert(file, &purchase(9, id, Kind::Open, None))).await.unwrap();
    assert!(two.one.begin_top_up(id, deposit(2, 10), &two.owner).await.unwrap());
    let (sessions, _home) = two.die();
    let owner = sessions.owner(&ambient()).unwrap();
    assert_eq!(taken_over(&sessions, &owner).await[0].reservations, [[2; 16]]);
}

#[tokio::test]
async fn whoever_is_late_lets_go_of_nothing_that_was_begun_since() {
    let two = Two::new();
    let id = open(&two.one).await;
    assert!(two.one.begin_top_up(id, deposit(2, 10), &two.owner).await.unwrap());
    let (sessions, home) = two.die();
    let (quick, late) = (sessions.owner(&ambient()).unwrap(), sessions.owner(&ambient()).unwrap());
    let seen = sessions.never_signed("agent").await.unwrap().remove(0);
    let given_up = sessions.take_over(seen.clone(), &quick).await.unwrap().unwrap();
    sessions.forget(given_up).await.unwrap();
    assert!(sessions.begin_top_up(id, deposit(3, 10), &quick).await.unwrap());
    assert!(sessions.keep_top_up(purchase(3, id, Kind::TopUp, Some(quick.clone())), &quick).await.unwrap());
    assert!(sessions.take_over(seen, &late).await.unwrap().is_none());
    drop(quick);
    assert_eq!(sessions.half_done(id).await.unwrap().len(), 1, "what was signed is still on file");
    drop(home);
}

#[tokio::test]
async fn what_is_given_up_is_never_presented_again_and_is_let_go_of_by_the_next_if_its_call_dies() {
    let two = Two::new();
    let id = two.begin().await;
    assert!(two.sign(id).await);
    let stranger = two.two.owner(&ambient()).unwrap();
    assert!(two.two.give_up(id, [1; 16], &stranger).await.unwrap().is_none(), "it is another call's");
    assert_eq!(two.one.give_up(id, [1; 16], &two.owner).await.unwrap().unwrap().reservations, [[1; 16]]);
    let (sessions, _home) = two.die();
    let owner = sessions.owner(&ambient()).unwrap();
    assert!(sessions.half_done(id).await.unwrap().is_empty());
    assert_eq!(taken_over(&sessions, &owner).await[0].reservations, [[1; 16]]);
}

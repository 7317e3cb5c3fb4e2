//! A defect in the middle of a request: an answer all the same, and the count given back.

use rankbot_shared::app::error::AppError;
use rankbot_shared::app::keys::Keys as _;
use rankbot_shared::app::ports::{Errand, Group, Member, Roblox, RobloxFailure, RoleListing};
use rankbot_shared::app::{App, Clock};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::id::{GroupId, RoleId, UserId};
use rankbot_shared::domain::month::Month;

use crate::fixture::{Fixture, group, now, record};

/// What no Roblox does, and a mistake of ours might.
struct Panicking;

impl Roblox for Panicking {
    async fn group(&self, _group: GroupId, _errand: &Errand) -> Result<Group, RobloxFailure> {
        panic!("on purpose")
    }

    async fn roles(&self, _group: GroupId, _errand: &Errand) -> Result<RoleListing, RobloxFailure> {
        panic!("on purpose")
    }

    async fn held_roles(&self, _member: Member, _errand: &Errand) -> Result<Option<Vec<RoleId>>, RobloxFailure> {
        panic!("on purpose")
    }

    async fn assign(&self, _member: Member, _role: RoleId, _errand: &Errand) -> Result<Vec<RoleId>, RobloxFailure> {
        panic!("on purpose")
    }

    async fn unassign(&self, _member: Member, _role: RoleId, _errand: &Errand) -> Result<Vec<RoleId>, RobloxFailure> {
        panic!("on purpose")
    }
}

#[tokio::test]
async fn a_panic_in_the_work_ends_as_a_defect_and_is_given_back() {
    let fixture = Fixture::start().await;
    let key = ApiKey::generate().unwrap();
    fixture.table.insert(&record(&key)).await.unwrap();
    let app = App::new(fixture.table.clone(), Panicking, Clock::new(now));
    let member = Member { group: group(7), user: UserId::new(5).unwrap() };
    for metered in [app.get_rank(&key, member).await.map_result(), app.group_info(&key, None).await.map_result()] {
        let (used, result) = metered;
        assert!(matches!(result, Err(AppError::Defect(_))), "{result:?}");
        assert_eq!(used, Some(0), "the headers know of the give-back");
    }
    assert_eq!(fixture.table.find(key.id()).await.unwrap().unwrap().usage[&Month::of(now())], 0);
}

/// The part of an answer that does not depend on what was asked for.
trait MapResult {
    fn map_result(self) -> (Option<u64>, Result<(), AppError>);
}

impl<T> MapResult for rankbot_shared::app::admission::Metered<T> {
    fn map_result(self) -> (Option<u64>, Result<(), AppError>) {
        (self.quota.map(|quota| quota.used), self.result.map(|_| ()))
    }
}

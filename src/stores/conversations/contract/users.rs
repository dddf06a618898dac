//! Users.

use std::sync::Arc;

use super::subject::*;
use crate::model::TokenUser;
use crate::model::conversation::*;

fn token(id: &str, name: Option<&str>, avatar_url: Option<&str>) -> TokenUser {
    TokenUser {
        id: user(id),
        id_type: IdType::Text,
        name: name.map(Into::into),
        username: None,
        avatar_url: avatar_url.map(Into::into),
    }
}

pub(crate) async fn tokens_are_stored_and_missing_fields_keep_their_values(subject: Subject) {
    let stores = &subject.stores;
    assert_eq!(stores.users.find(&user("u1")).await.unwrap(), None);
    let nameless = stores.users.upsert(&token("u1", None, None)).await.unwrap();
    assert_eq!(&*nameless.name, "u1");
    assert_eq!(nameless.status, UserStatus::Active);
    assert_eq!(nameless.last_seen_at, None);

    let named = token("u1", Some("Ann"), Some("a.png"));
    let named = stores.users.upsert(&named).await.unwrap();
    assert_eq!(&*named.name, "Ann");
    assert_eq!(named.avatar_url.as_deref(), Some("a.png"));
    let again = stores.users.upsert(&token("u1", None, None)).await.unwrap();
    assert_eq!(again, named);
    assert_eq!(
        stores.users.find(&user("u1")).await.unwrap(),
        Some(named.clone())
    );

    let other = token("u2", Some("Bo"), None);
    let other = stores.users.upsert(&other).await.unwrap();
    let asked = [user("u2"), user("nobody"), user("u1")];
    let mut known = stores.users.find_all(&asked).await.unwrap();
    known.sort_by(|one, two| one.id.cmp(&two.id));
    assert_eq!(known, [named, other]);
}

pub(crate) async fn users_are_found_by_what_others_may_call_them(subject: Subject) {
    let stores = &subject.stores;
    let addressed = async |names: &[&str]| -> Vec<String> {
        let names: Vec<_> = names.iter().map(|name| Arc::from(*name)).collect();
        let found = stores.users.addressed(&names).await.unwrap();
        let mut ids: Vec<_> = found.iter().map(|one| one.id.as_str().to_owned()).collect();
        ids.sort();
        ids
    };
    for (id, name) in [("u1", "Ann"), ("u2", "Ann")] {
        stores.users.upsert(&known_as(id, name)).await.unwrap();
    }
    // Shown to others, but nothing to call them by.
    let shown = token("u3", Some("Bo"), None);
    stores.users.upsert(&shown).await.unwrap();
    assert_eq!(addressed(&["Ann"]).await, ["u1", "u2"]);
    assert_eq!(
        addressed(&["u3", "Ann", "u3", "nobody"]).await,
        ["u1", "u2", "u3"]
    );
    assert!(addressed(&["Bo", "ann", "An", "Ann ", ""]).await.is_empty());
    assert!(addressed(&[]).await.is_empty());

    // By the username that they have now, and by the name that they were given, whatever their token says.
    stores.users.upsert(&known_as("u2", "Bo")).await.unwrap();
    let given = UserChange {
        name: Some("Cy".into()),
        ..UserChange::default()
    };
    let cy = stores.users.change(&user("u3"), &given).await.unwrap();
    assert_eq!(cy.given_name.as_deref(), Some("Cy"));
    let renamed = stores.users.upsert(&known_as("u3", "Di")).await.unwrap();
    assert_eq!(
        (&*renamed.name, renamed.given_name.as_deref()),
        ("Di", Some("Cy"))
    );
    assert_eq!(renamed.username.as_deref(), Some("Di"));
    assert_eq!(addressed(&["Ann"]).await, ["u1"]);
    assert_eq!(addressed(&["Bo", "Cy"]).await, ["u2", "u3"]);
    assert_eq!(addressed(&["Di"]).await, ["u3"]);
}

/// A token by whose name others may address its user.
fn known_as(id: &str, username: &str) -> TokenUser {
    TokenUser {
        username: Some(username.into()),
        ..token(id, Some(username), None)
    }
}

pub(crate) async fn administrators_change_users_who_may_be_unknown(subject: Subject) {
    let stores = &subject.stores;
    let suspend = UserChange {
        name: Some("Eve".into()),
        avatar_url: Some(Some("e.png".into())),
        status: Some(UserStatus::Suspended),
    };
    let eve = stores.users.change(&user("eve"), &suspend).await.unwrap();
    assert_eq!(eve.status, UserStatus::Suspended);
    assert_eq!(eve.avatar_url.as_deref(), Some("e.png"));

    // A token does not lift it.
    let came = token("eve", Some("Eva"), None);
    let came = stores.users.upsert(&came).await.unwrap();
    assert_eq!(came.status, UserStatus::Suspended);
    assert_eq!(&*came.name, "Eva");

    let nothing = UserChange::default();
    let same = stores.users.change(&user("eve"), &nothing).await.unwrap();
    assert_eq!(same, came);
    let lift = UserChange {
        avatar_url: Some(None),
        status: Some(UserStatus::Active),
        ..UserChange::default()
    };
    let lifted = stores.users.change(&user("eve"), &lift).await.unwrap();
    assert_eq!(lifted.status, UserStatus::Active);
    assert_eq!(lifted.avatar_url, None);
    assert_eq!(&*lifted.name, "Eva");
}

pub(crate) async fn the_last_time_seen_never_goes_back(subject: Subject) {
    let stores = &subject.stores;
    stores
        .users
        .record_last_seen(&user("ann"), 50)
        .await
        .unwrap();
    stores
        .users
        .record_last_seen(&user("ann"), 40)
        .await
        .unwrap();
    let ann = stores.users.find(&user("ann")).await.unwrap().unwrap();
    assert_eq!(ann.last_seen_at, Some(50));
    let named = token("ann", Some("Ann"), None);
    let named = stores.users.upsert(&named).await.unwrap();
    assert_eq!(named.last_seen_at, Some(50));
}

pub(crate) async fn the_json_type_of_an_id_is_that_of_the_last_token(subject: Subject) {
    let users = &subject.stores.users;
    // What is known of types is one for the process, and so for all stores that are tested.
    let number = -i64::from(uuid::Uuid::new_v4().as_fields().0) - 1;
    let id = user(&number.to_string());
    for id_type in [IdType::Number, IdType::Text, IdType::Number] {
        let token = TokenUser {
            id_type,
            ..token(id.as_str(), Some("Ann"), None)
        };
        let record = users.upsert(&token).await.unwrap();
        assert_eq!(record.id_type, Some(id_type));
        assert!(record.covers(&token));
        // An administrator knows of no type, nor does who was only seen.
        let _ = users.change(&id, &UserChange::default()).await.unwrap();
        users.record_last_seen(&id, 1).await.unwrap();
        let found = users.find(&id).await.unwrap().unwrap();
        assert_eq!(found.id_type, Some(id_type));
        // As this process has forgotten it.
        let other = match id_type {
            IdType::Number => IdType::Text,
            IdType::Text => IdType::Number,
        };
        assert!(id.has_type(other));
        users.read_id_types().await.unwrap();
        assert_eq!(id.as_number().is_some(), id_type == IdType::Number);
    }
    let (other, nothing) = (user(&(number - 1).to_string()), UserChange::default());
    let never = users.change(&other, &nothing).await.unwrap();
    assert_eq!(never.id_type, None);
}

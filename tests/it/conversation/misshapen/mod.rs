//! Every field of every event of the three dialects, in every wrong shape, from everybody: each is refused by its name,
//! and nothing comes of it.

mod forms;

use self::forms::{FORMS, Form, MISSING, NO_CONVERSATION, spelt_out};
use super::Shape;
use super::stage::{
    ANOTHER, ROOM, Refused, Sender, Stage, USERS, assert_guest_refused, assert_refused,
};

impl Stage {
    /// Asserts that an event with this argument is refused to a sender, for this reason.
    async fn refuses(&mut self, sender: Sender, form: &Form, argument: &str, why: Refused) {
        let (shape, event) = (form.shape, form.event);
        let answer = self.ask(sender, shape, event, argument, &[]).await;
        assert_refused(&answer, shape, event, argument, why);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_the_wrong_shape_is_refused_by_its_name() {
    let mut stage = Stage::set(&[]).await;
    let mut cases = 0;
    for form in FORMS {
        for (field, values) in form.wrong {
            for value in *values {
                let argument = stage.with_ids(&form.with(field, &spelt_out(value)));
                println!("{} {argument:.300}", form.event);
                for sender in USERS {
                    let why = Refused::Field(field);
                    stage.refuses(sender, form, &argument, why).await;
                    cases += 1;
                }
                stage.silent(&argument).await;
            }
            stage.unharmed(form.event).await;
        }
    }
    assert!(cases > 700, "{cases} cases");
    // The rest of each was right.
    for form in FORMS {
        let argument = stage.with_ids(&form.whole());
        let answer = stage
            .ask(Sender::Member, form.shape, form.event, &argument, &[])
            .await;
        assert!(answer.succeeded(), "{} {argument}: {answer:?}", form.event);
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_that_is_no_object_is_refused() {
    let mut stage = Stage::set(&[]).await;
    let payloads = [
        MISSING,
        "null",
        "true",
        "1.5",
        "[]",
        "[\"room\"]",
        "[{\"conversationId\":\"room\"}]",
    ];
    for form in FORMS {
        let ids = ["\"room\"", "7"];
        let bare = ids.iter().filter(|_| !form.may_be_bare());
        for payload in payloads.iter().chain(bare) {
            println!("{} {payload}", form.event);
            for sender in USERS {
                stage.refuses(sender, form, payload, Refused::Payload).await;
            }
        }
        stage.unharmed(form.event).await;
    }
    let without_field = |form: &&Form| form.shape != Shape::Conversation;
    for form in FORMS.iter().filter(without_field) {
        for id in NO_CONVERSATION {
            let id = spelt_out(id);
            for sender in USERS {
                stage.refuses(sender, form, &id, Refused::Payload).await;
            }
        }
        stage.unharmed(form.event).await;
    }
    stage.strike();
}

/// What stands in for the names of fields does not count as them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_a_prototype_are_no_fields() {
    let mut stage = Stage::set(&[]).await;
    for form in FORMS {
        let (whole, field) = (stage.with_ids(&form.whole()), form.fields[0].0);
        for name in ["__proto__", "constructor", "prototype"] {
            let argument = format!(r#"{{"{name}":{whole}}}"#);
            for sender in USERS {
                let why = Refused::Field(field);
                stage.refuses(sender, form, &argument, why).await;
            }
        }
        stage.unharmed(form.event).await;
    }
    stage.strike();
}

/// From those who are no participants, what would be right from a member is refused, whether there is such a conversation
/// and such a message or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_members_may_send_and_others_do_not_learn_what_exists() {
    let mut stage = Stage::set(&[]).await;
    for form in FORMS {
        // Whoever is not there can leave.
        if form.event.contains("leave") {
            continue;
        }
        let mut messages = vec!["<first>", "<own>", "<other>", "no id"];
        messages.truncate(if form.fields.len() > 1 { 4 } else { 1 });
        for room in [
            ROOM,
            "\"nowhere\"",
            "7",
            "\"ROOM\"",
            "\"room \"",
            "\"room\\u00a0\"",
        ] {
            for message in &messages {
                let about = form.with(form.fields[0].0, room).replace("<own>", message);
                let argument = stage.with_ids(&about.replace("<first>", message));
                let why = match form.event.contains("typing") {
                    true => Refused::NotInRoom,
                    false => Refused::NotParticipant,
                };
                stage.refuses(Sender::NonMember, form, &argument, why).await;
            }
        }
        let whole = stage.with_ids(&form.whole());
        let answer = stage
            .ask(Sender::Guest, form.shape, form.event, &whole, &[])
            .await;
        assert_guest_refused(&answer);
        stage.unharmed(form.event).await;
    }
    stage.strike();
}

/// A member's, about messages and reactions that are not there, not theirs, or of another conversation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_and_what_is_not_theirs_are_refused_alike() {
    let mut stage = Stage::set(&[]).await;
    let absent = "01890000-0000-7000-8000-000000000000";
    let upper = stage.own.to_uppercase();
    let dense = stage.own.replace('-', "");
    let version_4 = "9b2f7e3c-5c1e-4a63-8a52-1f0d6c7b8a90";
    let made = [absent, "no id", "7", "<other>", &dense, version_4, "<room>"];
    for form in FORMS {
        for field in ["messageId", "reactionId"] {
            if !form.fields.iter().any(|(name, _)| *name == field) {
                continue;
            }
            let mut ids = made.to_vec();
            if ["message:update", "message:delete"].contains(&form.event) {
                ids.push("<first>");
            }
            if field == "reactionId" {
                ids.extend(["<reaction>", "<own>"]);
            }
            for id in ids {
                let argument = stage.with_ids(&form.with(field, &format!("\"{id}\"")));
                let why = Refused::Unauthorized;
                stage.refuses(Sender::Member, form, &argument, why).await;
            }
            // An id of the right kind that is an integer is none, too.
            let argument = stage.with_ids(&form.with(field, "7"));
            stage
                .refuses(Sender::Member, form, &argument, Refused::Unauthorized)
                .await;
            stage.unharmed(form.event).await;
        }
    }
    // The admin of one conversation is none of another.
    for event in ["message:delete", "message:update"] {
        let argument = stage.with_ids(&format!(
            r#"{{"conversationId":{ANOTHER},"messageId":"<first>","content":"c"}}"#
        ));
        let shape = Shape::Conversation;
        let answer = stage
            .ask(Sender::NonMember, shape, event, &argument, &[])
            .await;
        assert_refused(&answer, shape, event, &argument, Refused::Unauthorized);
    }
    // What is not there to be read is left out.
    let read = stage.with_ids(&format!(
        r#"{{"conversationId":{ROOM},"messageIds":["{absent}","no id","<other>","<own>","{upper}x"]}}"#
    ));
    let shape = Shape::Conversation;
    let answer = stage
        .ask(Sender::Member, shape, "message:read", &read, &[])
        .await;
    assert!(answer.succeeded() && answer.events.is_empty(), "{answer:?}");
    stage.unharmed("messages of nobody").await;
    stage.strike();
}

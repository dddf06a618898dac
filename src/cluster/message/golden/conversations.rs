//! Messages to the subscribers of a conversation.

use std::time::Duration;

use super::*;
use crate::model::conversation::{
    Body, ChangeNumber, Emoji, Extra, Message, Reaction, ReactionId, TempId,
};

fn full_message() -> Message {
    Message {
        id: message_id(1),
        conversation: conversation(),
        sender: user("ann"),
        temp_id: TempId::parse("t"),
        key_number: Some(3),
        created_at: NOW,
        edited_at: Some(NOW + 1),
        body: Body::Whole {
            content: Some(json(r#""x""#)),
            media: Some(object()),
            extra: Extra::default(),
        },
    }
}

fn bare_message(body: Body) -> Message {
    Message {
        temp_id: TempId::number("-5"),
        key_number: None,
        edited_at: None,
        body,
        ..full_message()
    }
}

fn reaction() -> Reaction {
    Reaction {
        id: ReactionId::new(id(2)).unwrap(),
        message: message_id(1),
        conversation: conversation(),
        user: user("ann"),
        emoji: Emoji::parse("+1").unwrap(),
        created_at: NOW,
    }
}

#[track_caller]
fn pin_event(event: ConversationEvent, expected: &[u8]) {
    pin(&ConversationMessage::Event(event), expected);
}

#[test]
fn messages_of_a_conversation() {
    let (message, sender) = (full_message(), identity(Some("https://a/b")));
    pin_event(
        ConversationEvent::Sent { message, sender },
        b"\x81\xa4body\x81\xa4Fact\x81\xa4Sent\x82\xa7message\x8a\xa2id\
        \xd9$01900000-0000-7000-8000-000000000001\xacconversation\xa1c\
        \xa6sender\xa3ann\xa7temp_id\xa1t\xaakey_number\x03\xaacreated_at\
        \xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xa9edited_at\xcf\x00\x00\x01\
        \x8b\xcf\xe5h\x01\xaadeleted_at\xc0\xa7content\x81\xa4text\xa3\"x\"\
        \xa5media\x82\xa4text\xd9+{\"a\":{\"_placeholder\":true,\"num\":0},\"b\":1.0}\
        \xabattachments\x91\xc4\x02\x00\xff\xa6sender\x83\xa4user\xa3ann\
        \xa4name\xa3Ann\xaaavatar_url\xabhttps://a/b",
    );
    let more = Message {
        body: Body::Whole {
            content: None,
            media: None,
            extra: Extra::of_parts(
                r#"{"type":{"_placeholder":true,"num":0}}"#,
                vec![Bytes::from_static(b"\0\xff")],
            ),
        },
        ..bare_message(Body::Deleted { at: NOW })
    };
    pin_event(
        ConversationEvent::Edited(more),
        b"\x81\xa4body\x81\xa4Fact\x81\xa6Edited\x8b\xa2id\xd9$01900000-0000-7000-8000-0000000\
        00001\xacconversation\xa1c\xa6sender\xa3ann\xa7temp_id\xfb\xaakey_number\
        \xc0\xaacreated_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xa9edited_at\
        \xc0\xaadeleted_at\xc0\xa7content\xc0\xa5media\xc0\xa5extra\x82\xa4text\xd9&\
        {\"type\":{\"_placeholder\":true,\"num\":0}}\xabattachments\x91\xc4\x02\x00\xff",
    );
    let edited = bare_message(Body::Whole {
        content: None,
        media: None,
        extra: Extra::default(),
    });
    pin_event(
        ConversationEvent::Edited(edited),
        b"\x81\xa4body\x81\xa4Fact\x81\xa6Edited\x8a\xa2id\xd9$01900000-0000-7000-8000-0000000\
        00001\xacconversation\xa1c\xa6sender\xa3ann\xa7temp_id\xfb\xaakey_number\
        \xc0\xaacreated_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xa9edited_at\
        \xc0\xaadeleted_at\xc0\xa7content\xc0\xa5media\xc0",
    );
    let deleted = bare_message(Body::Deleted { at: NOW + 2 });
    pin_event(
        ConversationEvent::Deleted(deleted),
        b"\x81\xa4body\x81\xa4Fact\x81\xa7Deleted\x8a\xa2id\xd9$01900000-0000-7000-8000-000000\
        000001\xacconversation\xa1c\xa6sender\xa3ann\xa7temp_id\xfb\xaakey_number\
        \xc0\xaacreated_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xa9edited_at\
        \xc0\xaadeleted_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x02\xa7content\
        \xc0\xa5media\xc0",
    );
}

#[test]
fn reactions_of_a_conversation() {
    let user = identity(None);
    pin_event(
        ConversationEvent::Reacted {
            reaction: reaction(),
            user,
            extra: Extra::default(),
        },
        b"\x81\xa4body\x81\xa4Fact\x81\xa7Reacted\x82\xa8reaction\x86\xa2id\
        \xd9$01900000-0000-7000-8000-000000000002\xa7message\xd9$01900000-0000-7000-8000-000\
        000000001\xacconversation\xa1c\xa4user\xa3ann\xa5emoji\xa2+1\
        \xaacreated_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xa4user\x83\xa4user\
        \xa3ann\xa4name\xa3Ann\xaaavatar_url\xc0",
    );
    pin_event(
        ConversationEvent::Unreacted {
            reaction: reaction(),
            extra: Extra::default(),
        },
        b"\x81\xa4body\x81\xa4Fact\x81\xa9Unreacted\x86\xa2id\xd9$01900000-0000-7000-8000-0000\
        00000002\xa7message\xd9$01900000-0000-7000-8000-000000000001\
        \xacconversation\xa1c\xa4user\xa3ann\xa5emoji\xa2+1\xaacreated_at\
        \xcf\x00\x00\x01\x8b\xcf\xe5h\x00",
    );
}

#[test]
fn presence_in_a_conversation() {
    let typing = |lasts| ConversationEvent::Typing {
        typist: id(9),
        user: identity(None),
        lasts,
        extra: Extra::default(),
    };
    pin_event(
        typing(Some(Duration::from_millis(3_500))),
        b"\x81\xa4body\x81\xa4Fact\x81\xa6Typing\x83\xaaconnection\xc4\x10\x01\x90\x00\x00\x00\
        \x00p\x00\x80\x00\x00\x00\x00\x00\x00\t\xa4user\x83\xa4user\xa3ann\
        \xa4name\xa3Ann\xaaavatar_url\xc0\xa5lasts\xcd\r\xac",
    );
    pin_event(
        typing(None),
        b"\x81\xa4body\x81\xa4Fact\x81\xa6Typing\x83\xaaconnection\xc4\x10\x01\x90\x00\x00\x00\
        \x00p\x00\x80\x00\x00\x00\x00\x00\x00\t\xa4user\x83\xa4user\xa3ann\
        \xa4name\xa3Ann\xaaavatar_url\xc0\xa5lasts\x00",
    );
    pin_event(
        ConversationEvent::Entered(identity(None)),
        b"\x81\xa4body\x81\xa4Fact\x81\xa7Entered\x83\xa4user\xa3ann\xa4name\
        \xa3Ann\xaaavatar_url\xc0",
    );
    let (user, at) = (user("ann"), NOW);
    pin_event(
        ConversationEvent::Left { user, at },
        b"\x81\xa4body\x81\xa4Fact\x81\xa4Left\x82\xa4user\xa3ann\xa2at\
        \xcf\x00\x00\x01\x8b\xcf\xe5h\x00",
    );
}

#[test]
fn what_else_a_conversation_is_sent() {
    pin(
        &ConversationMessage::Newest(ChangeNumber::new(5)),
        b"\x81\xa4body\x81\xa6Newest\x05",
    );
    pin(
        &ConversationMessage::CountOthers {
            except: vec![user("ann")],
        },
        b"\x81\xa4body\x81\xabCountOthers\x81\xa6except\x91\xa3ann",
    );
    let (user, at) = (user("ann"), NOW);
    pin(
        &ConversationMessage::Unfollowed { user, at },
        b"\x81\xa4body\x81\xaaUnfollowed\x82\xa4user\xa3ann\xa2at\
        \xcf\x00\x00\x01\x8b\xcf\xe5h\x00",
    );
    pin(
        &ConversationMessage::ListSubscribers,
        b"\x81\xa4body\xa9WhoIsHere",
    );
}

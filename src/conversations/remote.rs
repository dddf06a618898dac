//! What other nodes say happened in a conversation.

use std::sync::Arc;
use std::time::Duration;

use crate::app::Relay;
use crate::cluster::{Answer, Body, Said};
use crate::conversations::{self, Fact};
use crate::model::conversation::{ConversationId, Reaction};

pub(crate) async fn heard(relay: &Arc<Relay>, id: &ConversationId, body: Body) -> Option<Answer> {
    match body {
        Body::Fact(said) => {
            tell(relay, id, said).await;
            None
        }
        Body::Participants => {
            let mut live = relay.conversations.live(id).await;
            live.forget_members();
            live.check_members(&relay.users).await;
            None
        }
        Body::WhoIsHere => {
            let live = relay.conversations.live(id).await;
            let users = live.users().into_iter().cloned().collect();
            Some(Answer::Users(users))
        }
        _ => None,
    }
}

async fn tell(relay: &Arc<Relay>, id: &ConversationId, said: Said) {
    let told = conversations::tell_here;
    match said {
        Said::Sent { message, sender } => {
            if let Some(message) = message.read() {
                conversations::sent_elsewhere(relay, message, &sender).await;
            }
        }
        Said::Edited(message) => {
            if let Some(message) = message.read() {
                told(relay, id, &Fact::Edited(&message)).await;
            }
        }
        Said::Deleted(message) => {
            if let Some(message) = message.read() {
                told(relay, id, &Fact::Deleted(&message)).await;
            }
        }
        Said::Reacted { reaction, user } => {
            let (reaction, user) = (&Reaction::from(reaction), &user);
            told(relay, id, &Fact::Reacted { reaction, user }).await;
        }
        Said::Unreacted(reaction) => {
            told(relay, id, &Fact::Unreacted(&reaction.into())).await;
        }
        Said::Typing {
            connection,
            user,
            lasts,
        } => {
            let lasts = (lasts > 0).then(|| Duration::from_millis(lasts));
            conversations::typing_elsewhere(relay, id, connection, &user, lasts).await;
        }
        Said::Entered(user) => {
            let (but, user) = (None, &user);
            told(relay, id, &Fact::Entered { but, user }).await;
        }
        Said::Left { user, at } => {
            told(relay, id, &Fact::Left { user: &user, at }).await;
        }
    }
}

//! What other nodes say happened in a conversation.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::cluster::{Answer, Body, Said};
use crate::conversations::{self, ConversationEvent};
use crate::model::conversation::{ConversationId, Reaction};

pub(crate) async fn heard(app: &Arc<App>, id: &ConversationId, body: Body) -> Option<Answer> {
    match body {
        Body::Fact(said) => {
            tell(app, id, said).await;
            None
        }
        Body::Participants => {
            let mut guard = app.conversations.lock(id).await;
            guard.forget_members();
            guard.check_members(&app.users).await;
            None
        }
        Body::WhoIsHere => {
            let guard = app.conversations.lock(id).await;
            let users = guard.users().into_iter().cloned().collect();
            Some(Answer::Users(users))
        }
        _ => None,
    }
}

async fn tell(app: &Arc<App>, id: &ConversationId, said: Said) {
    let told = conversations::tell_here;
    match said {
        Said::Sent { message, sender } => {
            if let Some(message) = message.read() {
                conversations::sent_elsewhere(app, message, &sender).await;
            }
        }
        Said::Edited(message) => {
            if let Some(message) = message.read() {
                told(app, id, &ConversationEvent::Edited(&message)).await;
            }
        }
        Said::Deleted(message) => {
            if let Some(message) = message.read() {
                told(app, id, &ConversationEvent::Deleted(&message)).await;
            }
        }
        Said::Reacted { reaction, user } => {
            let (reaction, user) = (&Reaction::from(reaction), &user);
            told(app, id, &ConversationEvent::Reacted { reaction, user }).await;
        }
        Said::Unreacted(reaction) => {
            told(app, id, &ConversationEvent::Unreacted(&reaction.into())).await;
        }
        Said::Typing {
            connection,
            user,
            lasts,
        } => {
            let lasts = (lasts > 0).then(|| Duration::from_millis(lasts));
            conversations::typing_elsewhere(app, id, connection, &user, lasts).await;
        }
        Said::Entered(user) => {
            let (but, user) = (None, &user);
            told(app, id, &ConversationEvent::Entered { but, user }).await;
        }
        Said::Left { user, at } => {
            told(app, id, &ConversationEvent::Left { user: &user, at }).await;
        }
    }
}

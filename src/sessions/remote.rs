//! What other nodes say of a session to its members.

use crate::app::App;
use crate::cluster::Body;
use crate::model::session::SessionId;
use crate::sessions::News;

pub(crate) async fn heard(app: &App, id: &SessionId, body: Body) {
    let Some(mut session) = app.sessions.if_here(id).await else {
        return;
    };
    match body {
        Body::SessionEvent {
            revision,
            newest,
            to,
            event,
        } => {
            let newest = newest.as_deref();
            session.heard(&to, News { revision, newest }, &event);
        }
        Body::Moved { user, revision } => session.moved(&user, revision),
        _ => {}
    }
}

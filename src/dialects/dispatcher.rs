//! The handler of all connections: admits them, hands their events to the dialects, and words what
//! is due. It must not know what an event means; that is in the dialects' own modules.

use std::sync::Arc;

use super::{Request, auth_events, direct, session, subject, traced};
use crate::app::App;
use crate::auth::Attempt;
use crate::auth::admission::{Admissions, AuthPayload, Verdict};
use crate::cluster::UnfinishedMark;
use crate::connection::{
    Admission, Admitted, Client, Connection, Due, Handler, Opening, Outcome, Received, Subject,
};
use crate::metrics::connections::HandshakeOutcome;
use crate::metrics::events;
use crate::model::{Refusal, TokenFacts, Why};
use crate::payload::RawEvent;
use crate::users::{Member, Registration};

/// Handles connections by the services and the dialects.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    app: Arc<App>,
    admissions: Admissions,
}

impl Dispatcher {
    /// For these services.
    pub(crate) fn new(app: &Arc<App>) -> Self {
        let admissions = Admissions::new(app.config.clone(), app.auth.clone());
        Self {
            app: app.clone(),
            admissions,
        }
    }

    async fn decide(
        &self,
        opening: &Opening<'_>,
        auth: &AuthPayload,
        client: &mut Client,
    ) -> Result<Admitted<Self>, Refusal> {
        let app = &self.app;
        let decided = self.admissions.decide(opening.handshake(), auth, client);
        let verdict = decided.await?;
        let is_guest = !matches!(verdict, Verdict::User(_));
        let connection = opening.connection(client.clone(), is_guest);
        let admission = match verdict {
            Verdict::Guest => Admission::Guest,
            Verdict::Rejected(refusal) => {
                handshake_refused(opening);
                Admission::Rejected(refusal)
            }
            Verdict::User(authenticated) => {
                match auth_events::register(app, authenticated, &connection).await {
                    Ok(membership) => Admission::Member(membership),
                    Err(refusal) if refusal.why() == Why::Suspended => {
                        Admission::Rejected(self.admissions.refuse(refusal)?)
                    }
                    Err(refusal) => return Err(refusal),
                }
            }
        };
        Ok(Admitted {
            connection,
            admission,
        })
    }

    /// Admits a client, or says in words why not.
    async fn admit_client(
        &self,
        opening: Opening<'_>,
        auth: AuthPayload,
    ) -> Result<Admitted<Self>, &'static str> {
        if self.app.audit.refuses() {
            let refusal = Refusal::busy();
            auth_events::count_refused(&refusal);
            handshake_refused(&opening);
            return Err(auth_events::text(&refusal));
        }
        let mut client = opening.client();
        let admitted = self.decide(&opening, &auth, &mut client).await;
        admitted.map_err(|refusal| {
            auth_events::count_refused(&refusal);
            handshake_refused(&opening);
            let attempt = Attempt {
                admin: None,
                client: &client,
                connection: None,
                request: None,
            };
            let app = &self.app;
            app.auth.note_failure(&app.audit, attempt, &refusal);
            auth_events::text(&refusal)
        })
    }

    /// Handles what a connection has sent.
    async fn handle(&self, received: Received<'_, Self>) -> Outcome {
        let Received {
            life,
            member,
            event,
            is_again,
            may_be_early,
            place,
        } = received;
        let connection = life.connection();
        if let Some(tally) = connection.flow().counted().tally().filter(|_| !is_again) {
            tally.events_in.inc();
        }
        let config = self.app.config.now();
        let member = member.map(|member| &**member);
        let mut request = Request::new(&self.app, &config, connection, member, event)
            .early(is_again, may_be_early)
            .placed(place);
        if self.app.audit.refuses() {
            auth_events::refuse_unrecorded(&mut request);
            return Outcome::Done;
        }
        match event.name() {
            auth_events::AUTHENTICATE if !event.is_json() => {
                life.close_as_faulty();
                Outcome::Done
            }
            auth_events::AUTHENTICATE => {
                events::authenticate_received();
                traced::is_of_all(connection, auth_events::AUTHENTICATE);
                Box::pin(auth_events::authenticate(&mut request, life)).await
            }
            name => super::handle(&mut request, life, name).await,
        }
    }
}

/// Counts how long it took until a client was refused.
fn handshake_refused(opening: &Opening<'_>) {
    if let Some(place) = opening.handshake().place.upgrade() {
        place.handshake_ended(HandshakeOutcome::Refused);
    }
}

impl Handler for Dispatcher {
    type Auth = AuthPayload;
    type Member = Arc<Member>;
    type Registration = Registration;
    type Mark = UnfinishedMark;

    async fn admit(
        &self,
        opening: Opening<'_>,
        auth: AuthPayload,
    ) -> Result<Admitted<Self>, &'static str> {
        match traced::handshake(&opening) {
            Some(span) => {
                let admitted = span
                    .around(Box::pin(self.admit_client(opening, auth)))
                    .await;
                traced::admitted(&span, &admitted);
                admitted
            }
            None => self.admit_client(opening, auth).await,
        }
    }

    async fn opened(&self, _connection: &Arc<Connection>, member: Option<&Arc<Member>>) {
        if let Some(member) = member {
            auth_events::welcome(member);
            auth_events::announce(&self.app, member).await;
        }
    }

    async fn event(&self, received: Received<'_, Self>) -> Outcome {
        match traced::event(received.life.connection(), received.event) {
            Some(span) => traced::within(span, Box::pin(self.handle(received))).await,
            None => self.handle(received).await,
        }
    }

    fn goes_ahead(&self, connection: &Connection, event: &RawEvent) -> bool {
        super::goes_ahead(&self.app.config.now(), connection, event)
    }

    fn subject(&self, connection: &Connection, event: &RawEvent) -> Option<Subject> {
        subject::of_event(&self.app.config.now(), connection, event)
    }

    fn connections_of(&self, member: &Arc<Member>) -> Vec<Arc<Connection>> {
        member.user.connections().into_vec()
    }

    async fn unfinished_elsewhere(&self, member: &Arc<Member>) -> Vec<Subject> {
        let Some(cluster) = &self.app.cluster else {
            return Vec::new();
        };
        let user = &member.user.id;
        cluster.quiet_elsewhere(user).await;
        let unfinished = cluster.unfinished_elsewhere(user.as_str()).await;
        let subjects = unfinished.iter().filter_map(|about| about.parse().ok());
        subjects.collect()
    }

    async fn finished_elsewhere(&self, connection: &Connection, subject: Subject) {
        if let Some(cluster) = &self.app.cluster {
            let whose = subject::whose(connection, subject);
            cluster
                .finished_elsewhere(&whose, &subject.to_string())
                .await;
        }
    }

    fn left_unfinished(
        &self,
        connection: &Connection,
        subjects: &[Subject],
    ) -> Option<UnfinishedMark> {
        let cluster = self.app.cluster.as_ref()?;
        let unfinished = subjects.iter().take(subject::MAX_MARKED);
        let unfinished = unfinished.map(|subject| {
            let whose = subject::whose(connection, *subject);
            (whose, subject.to_string())
        });
        Some(cluster.mark_unfinished(connection.id.uuid(), unfinished))
    }

    fn is_revoked(&self, user: &str, token: &TokenFacts) -> bool {
        self.app.revocations.tokens().have(user, token)
    }

    fn due(&self, connection: &Connection, due: Due) {
        let refusal = match due {
            Due::Expiring(expires_at) => {
                return auth_events::send_expiring(connection, expires_at);
            }
            Due::Expired => Refusal::new(Why::TokenExpired),
            Due::Revoked => Refusal::new(Why::BadToken),
            Due::GuestTimeout => Refusal::new(Why::NoToken),
            Due::Rejected(refusal) => {
                auth_events::note_failure(&self.app, connection, &refusal);
                refusal
            }
        };
        auth_events::send_error(connection, &refusal);
    }

    async fn closed(&self, connection: &Arc<Connection>, member: Option<Arc<Member>>) {
        session::disconnected(&self.app, connection, member.as_deref()).await;
        if let Some(member) = member {
            direct::disconnected(&self.app.users, &member).await;
            self.app.conversations.disconnected(&member).await;
        }
    }
}

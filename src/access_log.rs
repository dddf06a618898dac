//! The access log: a line for each request that is answered, and for each connection that ends, where the settings want
//! it. There is one for the whole process, as there is one log.
//!
//! It knows a closed list of fields. A path, a query, a header but `User-Agent`, and what a client sends have none; a
//! user has one only with `access_log_users`.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use uuid::Uuid;

use crate::config::AccessLogForm;
use crate::model::clock;

static LOG: ArcSwapOption<AccessLog> = ArcSwapOption::const_empty();

/// Takes whole lines, and neither fails nor waits.
pub(crate) type Out = Box<dyn Fn(&[u8]) + Send + Sync>;

struct AccessLog {
    form: AccessLogForm,
    has_users: bool,
    out: Out,
}

/// From now on lines are written to `out`, in this form; without it, none are.
pub(crate) fn begin(form: AccessLogForm, has_users: bool, out: Option<Out>) {
    LOG.store(out.map(|out| {
        Arc::new(AccessLog {
            form,
            has_users,
            out,
        })
    }));
}

/// Whether there is one.
pub(crate) fn is_on() -> bool {
    LOG.load().is_some()
}

/// What is said of requests and of connections alike.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    /// The name of this server.
    pub(crate) node: &'a str,
    /// The client's address, as reported by trusted proxies.
    pub(crate) address: IpAddr,
    /// Its program.
    pub(crate) user_agent: Option<&'a str>,
    /// Its user, which is told only where the settings say so.
    pub(crate) user: Option<&'a str>,
    /// Bytes from it.
    pub(crate) bytes_in: u64,
    /// Bytes to it.
    pub(crate) bytes_out: u64,
    /// How long it took, or lasted.
    pub(crate) duration: Duration,
}

/// A request that is answered.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// Its id.
    pub(crate) id: &'a str,
    /// One that is known, or that it is another.
    pub(crate) method: &'static str,
    /// The template that it matched, or that it matched none.
    pub(crate) route: &'static str,
    /// How it is answered.
    pub(crate) status: u16,
}

/// A connection that has ended.
#[derive(Debug)]
pub(crate) struct Connection<'a> {
    /// The id by which the audit knows it.
    pub(crate) session: Uuid,
    /// What its client declared.
    pub(crate) dialect: &'static str,
    /// What carried it at the end.
    pub(crate) transport: &'static str,
    /// Events from its client.
    pub(crate) events_in: u64,
    /// Events to its client.
    pub(crate) events_out: u64,
    /// Why it ended.
    pub(crate) reason: &'a str,
}

/// Writes the line of a request.
pub(crate) fn answered(request: &Request<'_>, client: &Client<'_>) {
    let log = LOG.load();
    let Some(log) = log.as_deref() else { return };
    let mut line = Line::begin(log, "http", client);
    line.text("requestId", request.id);
    line.text("address", &client.address.to_string());
    line.text("method", request.method);
    line.text("route", request.route);
    line.number("status", request.status);
    line.end(client);
}

/// Writes the line of a connection.
pub(crate) fn ended(connection: &Connection<'_>, client: &Client<'_>) {
    let log = LOG.load();
    let Some(log) = log.as_deref() else { return };
    let mut line = Line::begin(log, "connection", client);
    line.text("session", &connection.session.to_string());
    line.text("address", &client.address.to_string());
    line.text("dialect", connection.dialect);
    line.text("transport", connection.transport);
    line.number("eventsIn", connection.events_in);
    line.number("eventsOut", connection.events_out);
    line.text("reason", connection.reason);
    line.end(client);
}

/// A line that is being written.
struct Line<'a> {
    log: &'a AccessLog,
    written: String,
}

impl<'a> Line<'a> {
    fn begin(log: &'a AccessLog, kind: &str, client: &Client<'_>) -> Self {
        let mut line = Self {
            log,
            written: String::with_capacity(512),
        };
        line.text("time", &clock::now_iso());
        line.text("kind", kind);
        line.text("node", client.node);
        line
    }

    fn end(mut self, client: &Client<'_>) {
        self.number("bytesIn", client.bytes_in);
        self.number("bytesOut", client.bytes_out);
        let seconds = client.duration.as_secs_f64();
        self.number("durationSeconds", format_args!("{seconds:.6}"));
        if let Some(agent) = client.user_agent {
            self.text("userAgent", agent);
        }
        if let Some(user) = client.user.filter(|_| self.log.has_users) {
            self.text("user", user);
        }
        if self.log.form == AccessLogForm::Json {
            self.written.push('}');
        }
        self.written.push('\n');
        (self.log.out)(self.written.as_bytes());
    }

    fn text(&mut self, name: &str, value: &str) {
        // Quoted as JSON has it, which nothing can break out of.
        self.field(name, &quoted(value));
    }

    fn number(&mut self, name: &str, value: impl fmt::Display) {
        let value: Cow<'_, str> = match self.log.form {
            AccessLogForm::Json => value.to_string().into(),
            _ => format!("\"{value}\"").into(),
        };
        self.field(name, &value);
    }

    fn field(&mut self, name: &str, value: &str) {
        let is_first = self.written.is_empty();
        // Writing to a string does not fail.
        let _ = match self.log.form {
            AccessLogForm::Json => {
                self.written.push(if is_first { '{' } else { ',' });
                write!(self.written, "\"{name}\":{value}")
            }
            _ => {
                let space = if is_first { "" } else { " " };
                write!(self.written, "{space}{name}={value}")
            }
        };
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The lines of a request and a connection in this form.
    fn lines(form: AccessLogForm, has_users: bool) -> String {
        let written = Arc::new(Mutex::new(String::new()));
        let out = written.clone();
        let out = move |line: &[u8]| out.lock().unwrap().push_str(str::from_utf8(line).unwrap());
        let log = AccessLog {
            form,
            has_users,
            out: Box::new(out),
        };
        let client = Client {
            node: "one",
            address: "::1".parse().unwrap(),
            user_agent: Some("a \"b\" \\ c\n=d"),
            user: Some("alice"),
            bytes_in: 1,
            bytes_out: 2,
            duration: Duration::from_millis(1500),
        };
        let mut line = Line::begin(&log, "http", &client);
        line.text("route", "/x/{id}");
        line.number("status", 200);
        line.end(&client);
        written.lock().unwrap().clone()
    }

    #[test]
    fn in_json_numbers_are_numbers_and_nothing_breaks_out_of_a_text() {
        let line = lines(AccessLogForm::Json, true);
        assert_eq!(line.lines().count(), 1);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["userAgent"], "a \"b\" \\ c\n=d");
        assert_eq!(
            (&read["status"], &read["durationSeconds"]),
            (&200.into(), &1.5.into())
        );
        assert_eq!(
            (&read["user"], &read["node"]),
            (&"alice".into(), &"one".into())
        );
    }

    #[test]
    fn in_text_every_field_is_quoted() {
        let line = lines(AccessLogForm::Text, false);
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(
            time.starts_with("time=\"2") && time.ends_with("Z\""),
            "{time}"
        );
        let expected = r#"kind="http" node="one" route="/x/{id}" status="200" bytesIn="1" bytesOut="2" durationSeconds="1.500000" userAgent="a \"b\" \\ c\n=d""#;
        assert_eq!(rest, format!("{expected}\n"));
    }
}

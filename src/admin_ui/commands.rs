//! What administrators send: they may disconnect one client. All else does nothing, and is recorded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use super::AdminUi;
use super::admin::Admin;
use crate::audit::{AdminAction, Audit, Event, Record, Source};

/// How much of what somebody sends is read.
const MAX_BYTES: usize = 4_096;
/// How often in a minute each of what may not be done is recorded; the rest is counted.
const RECORDED: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// What one administrator sent that they may not.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    minute: Option<Instant>,
    recorded: u64,
    counted: u64,
}

impl Ignored {
    /// Once more.
    fn note(&mut self, audit: &Audit, source: &Arc<Source>) {
        self.record_if_over(audit, source);
        self.minute.get_or_insert_with(Instant::now);
        match self.recorded < RECORDED {
            true => {
                self.recorded += 1;
                record(audit, source, 1);
            }
            false => self.counted += 1,
        }
    }

    /// Records what was only counted, if the minute is over.
    pub(super) fn record_if_over(&mut self, audit: &Audit, source: &Arc<Source>) {
        if self.minute.is_some_and(|since| since.elapsed() >= MINUTE) {
            self.record(audit, source);
        }
    }

    /// Records what was only counted.
    pub(super) fn record(&mut self, audit: &Audit, source: &Arc<Source>) {
        if self.counted > 0 {
            record(audit, source, self.counted);
        }
        *self = Self::default();
    }
}

fn record(audit: &Audit, source: &Arc<Source>, count: u64) {
    let event = Event::Admin {
        action: AdminAction::CommandIgnored,
        recipient: None,
        conversation_id: None,
        count: Some(count),
    };
    audit.record(Record::new(source, None, event));
}

/// The id of the one connection that an event would disconnect, if it is such a one: `_disconnect(namespace, close, id)`.
fn disconnected(text: &str) -> Option<Uuid> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let arguments: Vec<Value> = serde_json::from_str(text).ok()?;
    match &arguments[..] {
        [name, namespace, _, id, ..] if name == "_disconnect" && namespace == "/" => {
            Uuid::try_parse(id.as_str()?).ok()
        }
        _ => None,
    }
}

impl AdminUi {
    /// An administrator has sent an event, as JSON text.
    pub(super) fn sent(&self, admin: &Arc<Admin>, text: &str) {
        let app = &self.app;
        let may = !app.config.now().admin_ui_readonly;
        match disconnected(text).filter(|_| may) {
            Some(id) => {
                let (app, source) = (app.clone(), admin.source.clone());
                let drain = app.drain.clone();
                drain.spawn(async move { app.backend.close(&source, id).await });
            }
            None => admin.ignored.lock().note(&app.audit, &admin.source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_connection_is_disconnected_and_by_its_id() {
        let id = Uuid::from_u128(7);
        let text = |namespace: &str, id: &str| format!(r#"["_disconnect","{namespace}",true{id}]"#);
        let named = format!(",\"{id}\"");
        assert_eq!(disconnected(&text("/", &named)), Some(id));
        for wrong in [
            text("/", ""),
            text("/", ",null"),
            text("/", ",\"room\""),
            text("/", ",[\"room\"]"),
            text("/admin", &named),
            format!(r#"["emit","/",true,"{id}"]"#),
            format!(r#"["join","/","room","{id}"]"#),
            String::new(),
            "{}".to_owned(),
            format!("[{}]", "1,".repeat(MAX_BYTES)),
        ] {
            assert_eq!(disconnected(&wrong), None, "{wrong}");
        }
    }
}

//! What administrators send: they may disconnect one client. All else does nothing, and is recorded.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::AdminUi;
use super::admin::Admin;

/// How much of what somebody sends is read.
const MAX_BYTES: usize = 4_096;

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

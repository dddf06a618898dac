//! `POST /api/admin/reload`: the settings are read anew, all of them or none.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::audit::{AdminAction, Event, Record};
use crate::config::Problem;
use crate::http::administrator::Admin;
use crate::http::body::run_to_end;
use crate::model::{Refusal, Why};

/// What a reload did.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Reloaded {
    changed: Vec<&'static str>,
    need_restart: Vec<&'static str>,
}

/// Why nothing has changed.
#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct NotReloaded {
    problems: Vec<ProblemJson>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SettingProblem")]
struct ProblemJson {
    setting: String,
    message: String,
    source: Option<String>,
}

impl From<&Problem> for ProblemJson {
    fn from(problem: &Problem) -> Self {
        Self {
            setting: problem.setting.clone(),
            message: problem.message.clone(),
            source: problem.source.clone(),
        }
    }
}

pub(super) async fn reload(State(app): State<Arc<App>>, admin: Admin) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let outcome = app.reloads.reload().await;
        let outcome = outcome.ok_or(Refusal::new(Why::Busy))?;
        let reloaded = match outcome {
            Ok(reloaded) => reloaded,
            Err(problems) => {
                let problems = problems.iter().map(Into::into).collect();
                let answer = Json(NotReloaded { problems });
                return Ok((StatusCode::UNPROCESSABLE_ENTITY, answer).into_response());
            }
        };
        let count = reloaded.changed.len() as u64;
        let event = Event::Admin {
            action: AdminAction::SettingsReloaded,
            recipient: None,
            conversation_id: None,
            count: Some(count),
        };
        app.audit.record(Record::new(&admin.source, None, event));
        Ok(Json(Reloaded {
            changed: reloaded.changed,
            need_restart: reloaded.need_restart,
        })
        .into_response())
    })
    .await
}

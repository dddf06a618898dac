//! Reloading the settings: read and checked as at the start, and then in effect in one step, or not at all. What of them
//! is reloaded is known to `config`, what follows from them to `derived`.

use tokio::signal::unix::Signal;

use super::service_manager::ServiceManager;
use super::{Server, logging, tls};
use crate::auth::Verifier;
use crate::config::client_files::{NoFile, PROGRAM};
use crate::config::reload::{self, Change};
use crate::config::{Config, Problem, Problems, Secret, Sources, TlsIdentity, jwt_secret};
use crate::http::ClientFiles;
use crate::metrics;
use crate::reloads::{Asked, Outcome, Reloaded};
use crate::webhooks::Prepared;

/// Reads where the settings come from.
pub type ReadSources = Box<dyn Fn() -> Sources + Send + Sync>;

/// The setting whose files count, too.
const CLIENT_FILES: &str = "client_files";

/// What is made for other settings before they are in effect: whatever may fail.
struct Ready {
    config: Config,
    reloaded: Reloaded,
    secret: Option<Secret>,
    verifier: Verifier,
    webhooks: Prepared,
    identity: Option<TlsIdentity>,
    client_files: Option<ClientFiles>,
}

impl Server {
    /// Reloads the settings whenever a signal or an administrator wants it; ends only if nobody can want it any more.
    pub(super) async fn keep_reloading(
        &mut self,
        hangup: &mut Signal,
        sources: &ReadSources,
        manager: &ServiceManager,
    ) {
        metrics::reload::loaded();
        loop {
            let asked: Option<Asked> = tokio::select! {
                Some(()) = hangup.recv() => None,
                Some(asked) = self.reloads.recv() => Some(asked),
                else => return,
            };
            manager.reloading();
            let outcome = self.reload(sources).await;
            manager.reloaded();
            log(&outcome);
            if let Some(asked) = asked {
                asked.answer(outcome);
            }
        }
    }

    async fn reload(&mut self, sources: &ReadSources) -> Outcome {
        // Files of settings are small, and there is a thread for each processor.
        let sources = tokio::task::block_in_place(sources);
        for warning in Config::warnings(&sources) {
            tracing::warn!("{warning}");
        }
        let change = reload::read(&sources, &self.app.config.now())?;
        let ready = self.prepare(change).await?;
        Ok(self.follow(ready).await)
    }

    /// Makes what other settings need. Nothing of it is in effect yet.
    async fn prepare(&self, change: Change) -> Result<Ready, Problems> {
        let Change {
            config,
            mut changed,
            need_restart,
        } = change;
        let secret = secret_of(&config)?;
        let verifier = self.app.auth.verifier().now();
        let renewed = verifier.renewed(&config, secret.as_ref()).await;
        let (verifier, keys) = renewed.map_err(|error| Problem::of(error.setting(), &error))?;
        changed.extend(
            keys.into_iter()
                .filter(|key| !changed.contains(key))
                .collect::<Vec<_>>(),
        );
        let webhooks = self.app.webhooks.prepare(&config);
        let webhooks = webhooks.map_err(|error| Problem::of("webhook_url", &error))?;
        let identity = TlsIdentity::of(&config);
        let identity = identity.map_err(|error| Problem::of(error.setting(), &error))?;
        if let Some((current, other)) = self.identity.as_ref().zip(identity.as_ref())
            && !current.now().is_same(other)
        {
            changed.push("tls_cert_file");
        }
        let client_files = tokio::task::block_in_place(|| ClientFiles::of(&config));
        let client_files = client_files.map_err(|error| no_client(&error))?;
        if client_files != self.derived.client_files && !changed.contains(&CLIENT_FILES) {
            changed.push(CLIENT_FILES);
        }
        logging::prepare(&config).map_err(|error| Problem::of("access_log", &error))?;
        Ok(Ready {
            config,
            reloaded: Reloaded {
                changed,
                need_restart,
            },
            secret,
            verifier,
            webhooks,
            identity,
            client_files,
        })
    }

    /// Puts other settings into effect. It cannot fail.
    async fn follow(&mut self, ready: Ready) -> Reloaded {
        self.app.config.replace(ready.config);
        self.app.auth.verifier().replace(ready.verifier);
        if let Some((current, other)) = self.identity.as_ref().zip(ready.identity) {
            tls::follow(current, other);
        }
        let secret = ready.secret.as_ref();
        self.derived.follow(&self.app, secret, ready.client_files);
        self.app.webhooks.follow(ready.webhooks).await;
        ready.reloaded
    }
}

/// The secret of tokens, if one is needed.
fn secret_of(config: &Config) -> Result<Option<Secret>, Problem> {
    if !config.needs_jwt_secret() {
        return Ok(None);
    }
    let secret = jwt_secret(config).map_err(|error| Problem::of("jwt_secret", &error))?;
    Ok(Some(secret.0))
}

/// The folder has no client any more.
fn no_client(error: &NoFile) -> Problem {
    Problem::of(CLIENT_FILES, &format!("{PROGRAM} {error}"))
}

/// Says what became of a reload, and counts it.
fn log(outcome: &Outcome) {
    match outcome {
        Ok(Reloaded {
            changed,
            need_restart,
        }) => {
            metrics::reload::loaded();
            match changed.is_empty() {
                true => tracing::info!("reloaded: no setting has changed"),
                false => tracing::info!(
                    settings = changed.join(", "),
                    "reloaded: settings have changed"
                ),
            }
            if !need_restart.is_empty() {
                let settings = need_restart.join(", ");
                tracing::warn!(settings, "these settings keep their value until a restart");
            }
        }
        Err(problems) => {
            metrics::reload::failed();
            for problem in problems.iter() {
                tracing::error!("not reloaded, nothing has changed: {problem}");
            }
        }
    }
}

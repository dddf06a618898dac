//! The certificate of the clients' listener: read at the start, and again when its files change, so that whoever renews it
//! has to tell nobody. One that cannot be used is logged, and the one before stays.

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::MissedTickBehavior;

use crate::config::{Live, LiveConfig, TlsError, TlsIdentity};
use crate::metrics::edge;

/// How often the files are looked at. They are read once they are as they were the time before: nobody replaces both at
/// once.
const INTERVAL: Duration = Duration::from_secs(2);

/// The one that the settings name, if they do.
pub(super) fn read(config: &LiveConfig) -> Result<Option<Live<TlsIdentity>>, TlsError> {
    let identity = TlsIdentity::of(&config.now())?;
    Ok(identity.map(|identity| {
        edge::certificate_expires(identity.expires_at());
        identity.into()
    }))
}

/// Uses another one from now on; whether it is another.
pub(super) fn follow(current: &Live<TlsIdentity>, other: TlsIdentity) -> bool {
    let is_other = !current.now().is_same(&other);
    if is_other {
        edge::certificate_expires(other.expires_at());
        current.replace(other);
    }
    is_other
}

/// Follows the files, for ever.
pub(super) async fn watch(current: Live<TlsIdentity>, config: LiveConfig) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut read, mut seen) = (None, stamps(&config));
    loop {
        interval.tick().await;
        let now = stamps(&config);
        let is_settled = now == seen;
        seen.clone_from(&now);
        if is_settled && read.as_ref() != Some(&now) {
            read = Some(now);
            read_again(&current, &config).await;
        }
    }
}

async fn read_again(current: &Live<TlsIdentity>, config: &LiveConfig) {
    let config = config.clone();
    let read = spawn_blocking(move || TlsIdentity::of(&config.now())).await;
    match read {
        Ok(Ok(Some(other))) => {
            if follow(current, other) {
                tracing::info!("the certificate was renewed, and is used from now on");
            }
        }
        Ok(Ok(None)) => {}
        Ok(Err(error)) => {
            let setting = error.setting();
            tracing::error!("{setting}: {error}; the certificate from before is still used");
        }
        Err(error) => tracing::error!(%error, "the certificate was not read"),
    }
}

/// What changes with a file. `None`: it is not there.
type Stamp = Option<(i64, i64, u64, u64)>;

fn stamps(config: &LiveConfig) -> [Stamp; 2] {
    let config = config.now();
    [&config.tls_cert_file, &config.tls_key_file].map(|file| {
        let file = std::fs::metadata(file.as_ref()?).ok()?;
        Some((file.mtime(), file.mtime_nsec(), file.ino(), file.size()))
    })
}

//! Where the lines of an import go: into the store, or nowhere if it is only tried.

use std::sync::Arc;

use crate::app::App;
use crate::model::Refusal;
use crate::model::conversation::Import;
use crate::stores::conversations::{DryRun, StoreError};

/// Where lines go.
pub(super) enum Target {
    Stored(Arc<App>),
    Tried(Arc<App>, Box<DryRun>),
}

impl Target {
    /// # Errors
    /// There is no file for what is only tried.
    pub(super) async fn new(app: &Arc<App>, is_dry_run: bool) -> Result<Self, StoreError> {
        Ok(match is_dry_run {
            true => {
                let (stores, folder) = (app.conversations.stores(), &app.config.now().data_dir);
                let tried = DryRun::new(stores, folder).await?;
                Self::Tried(app.clone(), Box::new(tried))
            }
            false => Self::Stored(app.clone()),
        })
    }

    pub(super) fn is_dry_run(&self) -> bool {
        matches!(self, Self::Tried(..))
    }

    /// Stores lines, and has them take effect; of each whether it is.
    ///
    /// # Errors
    /// The store fails.
    pub(super) async fn import(
        &self,
        lines: Vec<Import>,
    ) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        match self {
            Self::Stored(app) => {
                let conversations = &app.conversations;
                conversations.import(&app.administration, lines).await
            }
            Self::Tried(app, tried) => {
                let max_active = app.config.now().max_participants;
                let now = app.conversations.now_ms();
                let done = tried.import(lines, max_active, now).await?.into_iter();
                Ok(done.map(|line| line.map_err(Into::into)).collect())
            }
        }
    }
}

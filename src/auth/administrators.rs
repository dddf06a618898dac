//! Administrators, by the tokens that the settings name. It must not know what one asks for, or how.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::config::{Config, TokenHash, token_hash};
use crate::model::Scopes;

/// The name of `admin_token` in records.
const NAME_OF_ONE: &str = "admin";

/// An administrator, by a token of the settings.
#[derive(Clone)]
pub(crate) struct Administrator {
    /// The name of the token.
    pub(crate) name: Arc<str>,
    /// What it opens.
    pub(crate) scopes: Scopes,
    /// What tells it from another token of that name.
    pub(crate) hash: TokenHash,
}

impl Administrator {
    /// Whether there is any token of administrators.
    pub(crate) fn may_be(config: &Config) -> bool {
        config.admin_token.is_some() || !config.admin_tokens.is_empty()
    }

    /// Who has this token, if it is a right one.
    pub(crate) fn with_token(config: &Config, given: &str) -> Option<Self> {
        // Both are looked at in any case.
        let listed = config.admin_tokens.find(given).map(Self::from);
        let one = Self::one(config);
        let given = token_hash(given);
        let one = one.filter(|one| verify_slices_are_equal(&one.hash, &given).is_ok());
        one.or(listed)
    }

    /// Whose token has this name.
    pub(crate) fn named(config: &Config, name: &str) -> Option<Self> {
        let one = Self::one(config).filter(|one| &*one.name == name);
        one.or_else(|| config.admin_tokens.named(name).map(Self::from))
    }

    /// Who has `admin_token`.
    fn one(config: &Config) -> Option<Self> {
        let token = config.admin_token.as_ref()?;
        Some(Self {
            name: NAME_OF_ONE.into(),
            scopes: Scopes::ALL,
            hash: token_hash(token.expose()),
        })
    }
}

impl From<&crate::config::AdminToken> for Administrator {
    fn from(token: &crate::config::AdminToken) -> Self {
        Self {
            name: token.name().clone(),
            scopes: token.scopes(),
            hash: *token.hash(),
        }
    }
}

impl std::fmt::Debug for Administrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Administrator")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

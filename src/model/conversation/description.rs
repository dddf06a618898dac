//! How a conversation is called and shown, which its admins change.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The title and the picture of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// Its title, if it has one.
    pub(crate) title: Option<Arc<str>>,
    /// The address of its picture, if it has one.
    pub(crate) avatar_url: Option<Arc<str>>,
}

/// What is to be changed of it. `None` keeps, and nothing in it removes.
#[derive(Debug, Clone, Default)]
pub(crate) struct DescriptionChange {
    /// The title.
    pub(crate) title: Option<Option<Arc<str>>>,
    /// The address of the picture.
    pub(crate) avatar_url: Option<Option<Arc<str>>>,
}

impl DescriptionChange {
    /// Whether it changes nothing, whatever there is.
    pub(crate) fn is_empty(&self) -> bool {
        self.title.is_none() && self.avatar_url.is_none()
    }

    /// What becomes of a description.
    pub(crate) fn of(&self, before: &Description) -> Description {
        let changed = |new: &Option<Option<Arc<str>>>, old: &Option<Arc<str>>| match new {
            Some(new) => new.clone(),
            None => old.clone(),
        };
        Description {
            title: changed(&self.title, &before.title),
            avatar_url: changed(&self.avatar_url, &before.avatar_url),
        }
    }
}

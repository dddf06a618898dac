//! Whether a message is sent again, or another one under an id that was used before.
//!
//! Owns what of a message counts for that, and for how long. It must not know where messages are stored.

use aws_lc_rs::digest::{Context, SHA256};

use super::{Body, Extra, Message, NewMessage};
use crate::payload::OwnedValue;

/// For how long the same words under the same id are taken for the same message, in milliseconds. Clients that count
/// from 1 come to the same id again, and may then mean the same words once more.
const RETRY_WINDOW: u64 = 24 * 60 * 60 * 1000;

/// A digest of all that a message says. It is kept when the message is edited or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(i64);

impl Fingerprint {
    /// As it was stored. `None`: 0, which no message has.
    pub(crate) fn new(number: i64) -> Option<Self> {
        (number != 0).then_some(Self(number))
    }

    /// The number to store, which is not 0.
    pub(crate) fn get(self) -> i64 {
        self.0
    }

    fn of(
        content: Option<&OwnedValue>,
        media: Option<&OwnedValue>,
        key_number: Option<i64>,
        extra: &Extra,
    ) -> Self {
        let mut digest = Context::new(&SHA256);
        let mut add = |bytes: &[u8]| {
            digest.update(&(bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        let extra = extra.to_value();
        for value in [content, media, extra.as_ref()] {
            let Some(value) = value else {
                add(&[]);
                continue;
            };
            let (text, attachments) = value.to_parts();
            add(text.as_bytes());
            add(&(attachments.len() as u64).to_be_bytes());
            attachments.iter().for_each(|attachment| add(attachment));
        }
        add(key_number
            .map(i64::to_be_bytes)
            .as_ref()
            .map_or(&[], |key| key));
        let digest = digest.finish();
        let first = digest.as_ref().first_chunk().copied();
        Self(i64::from_be_bytes(first.unwrap_or_default()) | 1)
    }
}

impl NewMessage {
    /// What it is recognized by when it is sent again; only one with an id of its sender is.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        self.temp_id.as_ref()?;
        let (content, media) = (self.content.as_ref(), self.media.as_ref());
        Some(Fingerprint::of(
            content,
            media,
            self.key_number,
            &self.extra,
        ))
    }
}

impl Message {
    /// Whether it is sent again now with this fingerprint, under the same id by the same sender. `stored`: its own; `None`:
    /// it was stored by a release that kept none.
    pub(crate) fn is_repeated_by(
        &self,
        stored: Option<Fingerprint>,
        sent: Fingerprint,
        now: u64,
    ) -> bool {
        now.saturating_sub(self.created_at) < RETRY_WINDOW
            && stored.or_else(|| self.as_it_was_sent()) == Some(sent)
    }

    /// Whether it says this, beside what is attached to it.
    pub(super) fn says(&self, content: &OwnedValue, extra: &Extra) -> bool {
        let own = self.extra().cloned().unwrap_or_default();
        let of = |content, extra| Fingerprint::of(content, None, None, extra);
        of(self.content(), &own) == of(Some(content), extra)
    }

    /// `None`: it was changed since.
    fn as_it_was_sent(&self) -> Option<Fingerprint> {
        match &self.body {
            Body::Whole {
                content,
                media,
                extra,
            } if self.edited_at.is_none() => Some(Fingerprint::of(
                content.as_ref(),
                media.as_ref(),
                self.key_number,
                extra,
            )),
            _ => None,
        }
    }
}

/// The day of a time in milliseconds: the window reaches into the one before, and no further.
pub(crate) fn retry_day(at: u64) -> i64 {
    i64::try_from(at / RETRY_WINDOW).unwrap_or(i64::MAX)
}

//! Types of settings with a closed list of words.

use std::fmt;

use super::raw::Raw;
use super::types::{SettingType, quoted_list};
use crate::model::Dialect;

/// A closed list of words a setting may have. Read without regard to case, and to `_` or `-`.
pub(super) trait Choice: Copy + PartialEq + 'static {
    /// Every word, in the order in which problems list them.
    const ALL: &'static [Self];

    /// The word in the configuration.
    fn word(self) -> &'static str;

    /// Other words for it, which people know from elsewhere.
    fn aliases(self) -> &'static [&'static str] {
        &[]
    }
}

/// Declares an enum with its words, other words for them behind `|`, and `Display` as the word.
macro_rules! choices {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident { $( $(#[doc = $variant_doc:literal])+ $variant:ident = $word:literal $(| $alias:literal)*, )+ }
    )+) => { $(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[doc = $variant_doc])+ $variant, )+ }

        impl $name {
            /// The word in the configuration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl Choice for $name {
            const ALL: &'static [Self] = &[$( Self::$variant, )+];

            fn word(self) -> &'static str {
                self.as_str()
            }

            fn aliases(self) -> &'static [&'static str] {
                match self { $( Self::$variant => &[$( $alias ),*], )+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+ };
}

choices! {
    /// What happens when the audit's spool is full.
    SpoolFull {
        /// The oldest records are dropped.
        DropOldest = "drop-oldest",
        /// Clients' events and connections are refused until there is room.
        Refuse = "refuse",
    }

    /// How much is logged.
    LogLevel {
        /// Failures of the server only.
        Error = "error" | "fatal" | "critical" | "crit" | "err" | "alert" | "emerg",
        /// Also what an operator should look at.
        Warn = "warn" | "warning",
        /// Also starts, stops and similar events.
        Info = "info" | "notice" | "log",
        /// Also one line for each event.
        Debug = "debug" | "http" | "verbose",
        /// Everything.
        Trace = "trace" | "silly",
    }

    /// The form of a log line.
    LogFormat {
        /// One line of text.
        Text = "text" | "pretty" | "plain" | "simple",
        /// One JSON object a line.
        Json = "json" | "jsonl" | "ndjson",
    }

    /// Whether there is an access log, and its form.
    AccessLogForm {
        /// There is none.
        Off = "off" | "none" | "no" | "false",
        /// One line of text, whose values are quoted.
        Text = "text" | "plain",
        /// One JSON object a line.
        Json = "json" | "jsonl" | "ndjson",
    }

    /// A signature algorithm that tokens may use.
    JwtAlgorithm {
        /// HMAC with the shared secret.
        Hs256 = "HS256",
        /// RSA, by public key.
        Rs256 = "RS256",
        /// ECDSA on P-256, by public key.
        Es256 = "ES256",
        /// Ed25519, by public key.
        EdDsa = "EdDSA" | "Ed25519",
    }

    /// How a refused handshake is answered.
    AuthErrorStyle {
        /// By the protocol's own `connect_error`.
        ConnectError = "connect_error",
        /// By admitting the connection, emitting `auth:error` and disconnecting it.
        Event = "event",
    }

    /// What becomes of a connection when its token expires.
    ExpiredTokens {
        /// It is ended.
        Disconnect = "disconnect",
        /// It stays.
        Keep = "keep",
    }

    /// An Engine.IO transport.
    Transport {
        /// WebSocket.
        Websocket = "websocket" | "ws",
        /// HTTP long-polling.
        Polling = "polling" | "long-polling" | "xhr-polling",
    }

    /// What connections begin with.
    ProxyProtocol {
        /// With a request, or TLS.
        Off = "off" | "none" | "no" | "false",
        /// With a PROXY header, which names the client.
        Required = "required" | "on" | "v1" | "v2",
    }

    /// Who is notified that a user of `direct` came online or went offline.
    PresenceAudience {
        /// Everyone while few are connected, peers beyond that.
        Auto = "auto",
        /// Everyone connected in the dialect.
        Everyone = "everyone",
        /// Users who shared a room or an event with that user.
        Peers = "peers",
    }

    /// Whom a user may make a participant of a conversation.
    WhoMayAdd {
        /// Anyone.
        Anyone = "anyone",
        /// Those with whom the user shares a conversation in which both are active.
        SharesConversation = "shares-conversation",
        /// Nobody else: who is added is invited, and becomes a participant by joining or posting.
        Invite = "invite",
    }
}

impl Choice for Dialect {
    const ALL: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

fn word<C: Choice>(text: &str) -> Result<C, String> {
    let given = plain(text);
    let found = C::ALL.iter().find(|choice| {
        let mut words = [choice.word()]
            .into_iter()
            .chain(choice.aliases().iter().copied());
        words.any(|word| plain(word) == given)
    });
    found.copied().ok_or_else(words::<C>)
}

/// A word without regard to case, and to `_` or `-`.
fn plain(word: &str) -> String {
    word.trim().to_ascii_lowercase().replace('_', "-")
}

fn words<C: Choice>() -> String {
    let words: Vec<_> = C::ALL.iter().map(|choice| choice.word()).collect();
    format!("must be one of {}", words.join(", "))
}

impl<C: Choice> SettingType for C {
    fn parse(raw: &Raw) -> Result<Self, String> {
        raw.text().map_err(|_| words::<C>()).and_then(word)
    }

    fn to_text(&self) -> String {
        self.word().to_owned()
    }
}

/// At least one word, each once.
impl<C: Choice> SettingType for Vec<C> {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let mut choices = Self::new();
        for item in raw.words()? {
            let choice = word(item).map_err(|wrong| format!("each {wrong}"))?;
            if choices.contains(&choice) {
                return Err(format!("lists {} twice", choice.word()));
            }
            choices.push(choice);
        }
        if choices.is_empty() {
            return Err("must not be empty".to_owned());
        }
        Ok(choices)
    }

    fn to_text(&self) -> String {
        let words: Vec<_> = self.iter().map(|choice| choice.word()).collect();
        words.join(",")
    }

    fn to_toml(&self) -> String {
        quoted_list(self.iter().map(C::to_text))
    }
}

//! What an administrator's token may be used for: a closed list, and sets of it.

use std::fmt;

/// Declares the scopes in their order: variant, word, description.
macro_rules! scopes {
    ($($variant:ident = $word:literal, $doc:literal;)+) => {
        /// What an administrator's token opens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Scope {
            $(#[doc = $doc] $variant,)+
        }

        impl Scope {
            /// All of them, in their order.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word in settings and refusals.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

scopes! {
    Publish = "publish", "Sending events of the backend to clients.";
    Presence = "presence", "Asking who is online.";
    Connections = "connections", "Listing and closing connections.";
    Provision = "provision", "Users, conversations and their participants.";
    Revoke = "revoke", "Taking back tokens of users.";
    Audit = "audit", "Reading the audit.";
    Webhooks = "webhooks", "What is told to endpoints of the backend.";
    Metrics = "metrics", "Reading metrics where they are not open.";
    All = "all", "Everything.";
}

impl Scope {
    /// The scope with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Scopes of one token; never none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    /// Every scope.
    pub(crate) const ALL: Self = Self(Scope::All.bit());

    /// Those of a list. `None`: it is empty.
    #[must_use]
    pub fn of(scopes: &[Scope]) -> Option<Self> {
        let bits = scopes.iter().fold(0, |bits, scope| bits | scope.bit());
        (bits != 0).then_some(Self(bits))
    }

    /// Those whose words are joined by `+`. `None`: one is no scope.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let scopes: Option<Vec<_>> = text.split('+').map(Scope::parse).collect();
        Self::of(&scopes?)
    }

    /// Whether they open what asks for this one.
    pub(crate) fn allow(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::All.bit()) != 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here = Scope::ALL.iter().filter(|scope| self.0 & scope.bit() != 0);
        let words: Vec<_> = here.map(|scope| scope.as_str()).collect();
        f.write_str(&words.join("+"))
    }
}

impl Scope {
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_open_what_they_name_and_all_opens_everything() {
        let some = Scopes::parse("publish+metrics").expect("scopes");
        for scope in Scope::ALL {
            let is_named = matches!(scope, Scope::Publish | Scope::Metrics);
            assert_eq!(some.allow(scope), is_named, "{scope}");
            assert!(Scopes::ALL.allow(scope), "{scope}");
            assert_eq!(Scopes::parse(scope.as_str()), Scopes::of(&[scope]));
        }
        assert_eq!(some.to_string(), "publish+metrics");
        for wrong in ["", "+", "publish+", "Publish", "publish,metrics", "every"] {
            assert_eq!(Scopes::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_scope_is_documented_by_its_word() {
        let docs = include_str!("../../docs/operations.md");
        for scope in Scope::ALL {
            let word = format!("| `{scope}` |");
            assert!(docs.contains(&word), "{word}");
        }
    }
}

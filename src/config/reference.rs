//! The settings as text: the commented files of the repository, and the values in effect.

use std::iter;

use super::setting::Entry;
use super::settings::Config;

const TOML_HEAD: &str = "\
# Settings of sealed-relay, each with its default. To change one, remove the `#` before it.
# Used when named: `sealed-relay --config FILE` or RELAY_CONFIG=FILE. The environment wins over it.
# Times have a unit (\"250ms\", \"10s\", \"5m\"), sizes are in bytes, \"\" means not set.
# Made from the table in src/config/settings.rs by `UPDATE_FILES=1 cargo test --test it config`.
";

const ENV_HEAD: &str = "\
# Environment of sealed-relay, each variable with its default. Copy to `.env` and remove the `#` of
# those to change. Real environment variables win over `.env`; an empty one counts as not set.
# Put a value that has spaces, # or $ in single quotes. What each one does: config/relay.toml.
# Made from the table in src/config/settings.rs by `UPDATE_FILES=1 cargo test --test it config`.
";

/// The text of `config/relay.toml`: every setting, documented, commented out with its default.
#[must_use]
pub fn reference_toml() -> String {
    by_section(TOML_HEAD, |entry, out| {
        for line in entry.doc {
            push(out, &["#", line]);
        }
        push(out, &["# Environment: ", &entry.variables.join(", ")]);
        push(out, &["#", entry.name, " = ", &entry.toml]);
        out.push('\n');
    })
}

/// The text of `.env.example`: every variable with its default.
#[must_use]
pub fn reference_env() -> String {
    by_section(ENV_HEAD, |entry, out| {
        for line in entry.doc.iter().take(1) {
            push(out, &["#", line]);
        }
        let values = [entry.text.as_str()].into_iter().chain(iter::repeat(""));
        for (variable, value) in entry.variables.iter().zip(values) {
            push(out, &["#", variable, "=", value]);
        }
    })
}

fn by_section(head: &str, write: impl Fn(&Entry, &mut String)) -> String {
    let mut out = head.to_owned();
    let mut section = "";
    for entry in Config::default().entries() {
        if entry.section != section {
            section = entry.section;
            if !out.ends_with("\n\n") {
                out.push('\n');
            }
            push(&mut out, &["# ---- ", section, " ----\n"]);
        }
        write(&entry, &mut out);
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn push(out: &mut String, parts: &[&str]) {
    out.extend(parts.iter().copied());
    out.push('\n');
}

impl Config {
    /// The values in effect as TOML, secrets redacted.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        for entry in self.entries() {
            push(&mut out, &[entry.name, " = ", &entry.toml]);
        }
        out
    }
}

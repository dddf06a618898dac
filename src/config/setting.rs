//! What is known of every setting, and the macro that the table of settings is written in.
//!
//! Owns the form of the table; which settings there are stands in `settings`.

/// A setting without its value.
pub(super) struct Setting {
    /// Its name, which is its key in the file.
    pub(super) name: &'static str,
    /// Its variables when they are not the name in upper case.
    pub(super) env: &'static [&'static str],
    /// Whether its variables add up.
    pub(super) union: bool,
    /// Whether an empty variable is a value.
    pub(super) empty: bool,
    /// Whether its variables count to the last byte.
    pub(super) verbatim: bool,
}

impl Setting {
    /// Its environment variables, the preferred one first.
    pub(super) fn variables(&self) -> Vec<String> {
        match self.env {
            [] => vec![self.name.to_ascii_uppercase()],
            names => names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

/// One setting, ready to be printed.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The heading of its section.
    pub section: &'static str,
    /// Its name, which is its key in the file.
    pub name: &'static str,
    /// Its environment variables, the first one preferred.
    pub variables: Vec<String>,
    /// Lines that document it, with its unit.
    pub doc: &'static [&'static str],
    /// The value as TOML; secrets are redacted, `""` when not set.
    pub toml: String,
    /// The value as an environment variable; secrets are redacted.
    pub text: String,
}

/// Declares every setting in one table, by heading: doc lines, `name: type = default`, then `env`
/// when the variable is not the name in upper case, and `check` for what the type does not refuse.
/// Makes [`Config`](super::Config), its default, its reading, and [`Setting`] and [`Entry`] of each.
macro_rules! settings {
    ($(
        [$section:literal]
        $(
            $(#[doc = $doc:literal])+
            $name:ident: $type:ty = $default:expr
                $(, env [$($env:literal),+])?
                $(, check $check:expr)? ;
        )+
    )+) => {
        /// Every setting, checked. The default is a server with nothing configured.
        #[derive(Debug, Clone)]
        pub struct Config { $($(
            $(#[doc = $doc])+
            pub $name: $type,
        )+)+ }

        impl Default for Config {
            fn default() -> Self {
                Self { $($( $name: $default, )+)+ }
            }
        }

        /// Every setting, in the order of the table.
        pub(super) static SETTINGS: &[Setting] = &[$($(
            Setting {
                name: stringify!($name),
                env: &[$($($env),+)?],
                union: <$type as SettingType>::UNION,
                empty: <$type as SettingType>::EMPTY,
                verbatim: <$type as SettingType>::VERBATIM,
            },
        )+)+];

        impl Config {
            /// Takes every setting from the values given, and the defaults for the rest.
            pub(super) fn from_values(values: &mut Values, problems: &mut Problems) -> Self {
                Self { $($(
                    $name: values.take(stringify!($name), $default, &[$(&$check)?], problems),
                )+)+ }
            }

            /// These settings with the values of `read` where they may change, and which ones differ: those that do
            /// change, and those that keep their value.
            pub(super) fn with(
                &self,
                read: Self,
                may_change: impl Fn(&str) -> bool,
            ) -> (Self, Vec<&'static str>, Vec<&'static str>) {
                let (mut changed, mut kept) = (Vec::new(), Vec::new());
                let config = Self { $($(
                    $name: match self.$name == read.$name {
                        true => read.$name,
                        false if may_change(stringify!($name)) => {
                            changed.push(stringify!($name));
                            read.$name
                        }
                        false => {
                            kept.push(stringify!($name));
                            self.$name.clone()
                        }
                    },
                )+)+ };
                (config, changed, kept)
            }

            /// Every setting with the value it has here, in the order of the table.
            #[must_use]
            pub fn entries(&self) -> Vec<Entry> {
                let values = [$($(
                    ($section, &[$($doc),+] as &[_], self.$name.to_toml(), self.$name.to_text()),
                )+)+];
                let entry = |(setting, (section, doc, toml, text)): (&Setting, _)| Entry {
                    section,
                    name: setting.name,
                    variables: setting.variables(),
                    doc,
                    toml,
                    text,
                };
                SETTINGS.iter().zip(values).map(entry).collect()
            }
        }
    };
}
pub(super) use settings;

//! The values that were given, and taking one as a setting's type.
//!
//! Owns what happens with a wrong value: it becomes a problem, and the default counts.

use std::collections::BTreeMap;

use super::check::Check;
use super::problems::Problems;
use super::raw::Raw;
use super::types::SettingType;

/// The values that were given, by the name of their setting.
pub(super) struct Values(BTreeMap<String, (Raw, String)>);

impl Values {
    /// Values by the name of their setting, each with its origin.
    pub(super) fn new(values: BTreeMap<String, (Raw, String)>) -> Self {
        Self(values)
    }

    /// Takes a setting's value, checked; its default when none was given or the one given is wrong.
    pub(super) fn take<T: SettingType>(
        &mut self,
        name: &str,
        default: T,
        checks: &[Check<'_, T>],
        problems: &mut Problems,
    ) -> T {
        let Some((raw, source)) = self.0.remove(name) else {
            return default;
        };
        let checked = T::parse(&raw).and_then(|value| {
            checks.iter().try_for_each(|check| check(&value))?;
            Ok(value)
        });
        match checked {
            Ok(value) => value,
            Err(wrong) if T::ECHO => {
                problems.add(
                    name,
                    format!("{wrong}, not {}", raw.for_problem()),
                    Some(source),
                );
                default
            }
            Err(wrong) => {
                problems.add(name, wrong, Some(source));
                default
            }
        }
    }
}

//! The problems of a configuration, collected so that one start shows all of them.
//!
//! A problem must not contain the value of a secret.

use std::fmt;

/// One problem: it prevents the start, or is noted only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, or the file or variable when no setting can be named.
    pub setting: String,
    /// What is wrong, and what would be valid.
    pub message: String,
    /// The source of the value; `None` when no value was given.
    pub source: Option<String>,
}

impl Problem {
    /// That a setting cannot be used, since this is wrong.
    pub(crate) fn of(setting: &str, wrong: &dyn fmt::Display) -> Self {
        Self {
            setting: setting.to_owned(),
            message: wrong.to_string(),
            source: None,
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.message)?;
        match &self.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

/// All problems of one configuration, one a line when displayed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one problem. `source` is the source of the value.
    pub(crate) fn add(
        &mut self,
        setting: impl Into<String>,
        message: impl Into<String>,
        source: Option<String>,
    ) {
        self.0.push(Problem {
            setting: setting.into(),
            message: message.into(),
            source,
        });
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The same, each changed in this way.
    pub(super) fn each(mut self, change: impl Fn(&mut Problem)) -> Self {
        self.0.iter_mut().for_each(change);
        self
    }

    /// The problems in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Whether one of these settings has a problem already. Checks across settings do not report
    /// problems that follow from it.
    #[must_use]
    pub fn about(&self, settings: &[&str]) -> bool {
        self.iter()
            .any(|problem| settings.contains(&problem.setting.as_str()))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

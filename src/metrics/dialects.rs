//! The label `dialect`: what a client declared, or that it declared nothing.

use crate::model::Dialect;

/// What is said of a client that declares none, and of events that all dialects share.
const UNDECLARED: &str = "undeclared";
/// How many values there are.
pub(super) const COUNT: usize = Dialect::ALL.len() + 1;

/// The position of a value.
pub(super) fn position(dialect: Option<Dialect>) -> usize {
    dialect.map_or(COUNT - 1, |dialect| dialect as usize)
}

/// All values, in the order of their positions.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    let all = Dialect::ALL.into_iter().map(Dialect::as_str);
    all.chain([UNDECLARED])
}

/// The value of one.
pub(crate) fn name(dialect: Option<Dialect>) -> &'static str {
    dialect.map_or(UNDECLARED, Dialect::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_that_of_the_name() {
        let names: Vec<_> = names().collect();
        for dialect in Dialect::ALL.into_iter().map(Some).chain([None]) {
            assert_eq!(names[position(dialect)], name(dialect));
        }
    }
}

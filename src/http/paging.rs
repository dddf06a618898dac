//! The parameters by which a list is read in parts: how many entries, and behind what. It must not know what is listed.

use super::query::Parameters;
use crate::model::Refusal;

/// The most entries of a part of a list, and as many as one has by default.
const MAX_LISTED: usize = 200;

const LIMIT: &str = "limit";
const CURSOR: &str = "cursor";
pub(super) const OFFSET: &str = "offset";

/// Whether a part is wanted of what is answered as a whole otherwise.
pub(super) fn is_wanted(query: &Parameters) -> bool {
    query.get(LIMIT).or(query.get(CURSOR)).is_some()
}

/// How many of a list are wanted at most.
pub(super) fn limit(query: &Parameters) -> Result<usize, Refusal> {
    limit_within(query, MAX_LISTED, MAX_LISTED)
}

/// The same where that is so many, if the client names none.
pub(super) fn limit_within(
    query: &Parameters,
    default: usize,
    max: usize,
) -> Result<usize, Refusal> {
    let given = query.get(LIMIT);
    given.map_or(Ok(default), |given| at_most(given, max))
}

/// How many of a list are passed over, as a client writes it.
pub(super) fn offset(query: &Parameters) -> Result<Option<u64>, Refusal> {
    let given = query.get(OFFSET);
    let offset = given.map(|given| given.parse().map_err(|_| Refusal::invalid(OFFSET)));
    offset.transpose()
}

/// A limit from 1, as a client writes it. Who wants more than there may be gets that.
pub(super) fn at_most(given: &str, max: usize) -> Result<usize, Refusal> {
    let is_number = given.bytes().all(|byte| byte.is_ascii_digit());
    match given.parse() {
        Ok(limit) if limit >= 1 && is_number => Ok(max.min(limit)),
        Err(_) if is_number && !given.is_empty() => Ok(max),
        _ => Err(Refusal::invalid(LIMIT)),
    }
}

/// Behind what a list goes on, as the part before it said.
pub(super) fn cursor<T>(
    query: &Parameters,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    let given = query.get(CURSOR);
    let cursor = given.map(|given| parse(given).ok_or_else(|| Refusal::invalid(CURSOR)));
    cursor.transpose()
}

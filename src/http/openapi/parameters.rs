//! Parameters that several routes have.

use crate::schema::{Field, Form, optional};

pub(super) const LIMIT: Field = optional("limit", Form::Whole).about("How many at most");
pub(super) const LIMIT_TO_1000: Field =
    optional("limit", Form::Whole).about("How many at most, up to 1000");
pub(super) const CURSOR: Field = optional("cursor", Form::Text).about("`nextCursor` of before");
pub(super) const OFFSET: Field = optional("offset", Form::Whole).about("How many are left out");
pub(super) const AFTER: Field = optional("after", Form::Text).about("A cursor, or an id");

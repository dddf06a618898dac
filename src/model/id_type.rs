//! Whether clients write an id as text or as a number.

/// The JSON type of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum IdType {
    /// A string.
    Text,
    /// An integer.
    Number,
}

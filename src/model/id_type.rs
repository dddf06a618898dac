//! Whether clients write an id as text or as a number.

/// The JSON type of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum IdType {
    /// A string.
    Text,
    /// An integer.
    Number,
}

impl IdType {
    /// A number, or text.
    pub(crate) fn of_number(is_number: bool) -> Self {
        match is_number {
            true => Self::Number,
            false => Self::Text,
        }
    }

    /// Whether it is a number.
    pub(crate) fn is_number(self) -> bool {
        self == Self::Number
    }
}

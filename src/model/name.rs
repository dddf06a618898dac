//! Names that people are shown: what may not be in one, how one is shown that has it nevertheless, and when two are
//! the same. It must not know where a name comes from.

use std::borrow::Cow;
use std::sync::Arc;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// The most characters of the name of a user, of whatever script.
const MAX_CHARS: usize = 128;
/// The most bytes of one.
pub(crate) const MAX_BYTES: usize = 4 * MAX_CHARS;

/// Whether a name has no more characters than it may have.
pub(crate) fn fits(name: &str) -> bool {
    cut(name).len() == name.len()
}

/// As much of a name as it may have.
pub(crate) fn cut(name: &str) -> &str {
    let end = name.char_indices().nth(MAX_CHARS);
    end.map_or(name, |(end, _)| &name[..end])
}

/// What stands for a character that would not be seen, or would change how others are seen.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a name is shown as what it is: no character of it is hidden.
pub(crate) fn is_showable(name: &str) -> bool {
    !name.is_empty() && is_plain(name)
}

/// The name as others are shown it. `None`: there is nothing to see in it.
pub(crate) fn shown(name: &str) -> Option<Arc<str>> {
    let is_seen = |c: char| c != REPLACEMENT && !c.is_whitespace();
    match neutral(name, REPLACEMENT) {
        Cow::Borrowed(plain) => (!plain.is_empty()).then(|| plain.into()),
        Cow::Owned(changed) => changed.contains(is_seen).then(|| changed.into()),
    }
}

/// The text with something else in the place of each character that is hidden, or acts on its surroundings.
pub(crate) fn neutral(text: &str, instead: char) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let replaced = in_context(text).map(|place| match place.is_hidden() {
        true => instead,
        false => place.character,
    });
    Cow::Owned(replaced.collect())
}

/// The names that are the same as this one, as they may be written: itself, composed, and decomposed.
pub(crate) fn spellings(name: &str) -> [Cow<'_, str>; 3] {
    [
        Cow::Borrowed(name),
        composed(name),
        Cow::Owned(name.nfd().collect()),
    ]
}

/// Whether two names are the same, however their characters are composed.
pub(crate) fn are_same(one: &str, other: &str) -> bool {
    one == other || composed(one) == composed(other)
}

fn composed(name: &str) -> Cow<'_, str> {
    match is_nfc_quick(name.chars()) {
        IsNormalized::Yes => Cow::Borrowed(name),
        _ => Cow::Owned(name.nfc().collect()),
    }
}

fn is_plain(text: &str) -> bool {
    let is_printed = |byte: u8| (b' '..=b'~').contains(&byte);
    text.bytes().all(is_printed) || !in_context(text).any(|place| place.is_hidden())
}

/// A character between its neighbours.
struct Place {
    before: Option<char>,
    character: char,
    after: Option<char>,
}

fn in_context(text: &str) -> impl Iterator<Item = Place> {
    let mut characters = text.chars().peekable();
    let mut before = None;
    std::iter::from_fn(move || {
        let character = characters.next()?;
        let place = Place {
            before,
            character,
            after: characters.peek().copied(),
        };
        before = Some(character);
        Some(place)
    })
}

impl Place {
    fn is_hidden(&self) -> bool {
        match self.character {
            '\u{200c}' | '\u{200d}' => !self.joins(),
            '\u{e0020}'..='\u{e007f}' => !self.is_in_flag(),
            other => other.is_control() || is_invisible(other),
        }
    }

    /// A joiner, or non-joiner, where one belongs: within a word of a script that needs it, behind the last
    /// consonant of one of India, and between the parts of an emoji.
    fn joins(&self) -> bool {
        let is_indic = |c: char| matches!(c, '\u{900}'..='\u{dff}');
        self.before.is_some_and(|before| {
            can_be_joined(before) && (is_indic(before) || self.after.is_some_and(can_be_joined))
        })
    }

    /// A tag behind a black flag, which makes it the flag of a region.
    fn is_in_flag(&self) -> bool {
        matches!(self.before, Some('\u{1f3f4}' | '\u{e0020}'..='\u{e007e}'))
    }
}

/// Letters of Arabic, Indic and other scripts that have joiners within words, and emoji.
fn can_be_joined(c: char) -> bool {
    matches!(c,
        '\u{620}'..='\u{6ff}' | '\u{710}'..='\u{dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
        | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{2190}'..='\u{27bf}' | '\u{2900}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}'
    )
}

/// Characters that turn the direction of others, end a line, or take no place.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e001f}' | '\u{e0080}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_or_turns_others_is_found_and_replaced() {
        for hidden in [
            '\0',
            '\n',
            '\u{7f}',
            '\u{9b}',
            '\u{61c}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{202a}',
            '\u{202b}',
            '\u{202c}',
            '\u{202d}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2067}',
            '\u{2068}',
            '\u{2069}',
            '\u{feff}',
            '\u{ad}',
            '\u{2028}',
            '\u{3164}',
            '\u{e0041}',
            '\u{1f3f4}',
        ] {
            let name = format!("bo{hidden}b");
            // A flag alone is seen.
            let is_plain = hidden == '\u{1f3f4}';
            assert_eq!(is_showable(&name), is_plain, "{hidden:?}");
            assert_eq!(neutral(&name, '?') == "bo?b", !is_plain, "{hidden:?}");
            assert_eq!(neutral(&name, '?').chars().count(), 4);
        }
    }

    #[test]
    fn names_of_all_scripts_and_emoji_are_left_as_they_are() {
        for name in [
            "Łódź",
            "e\u{301}",
            "O'Brien-Smith (2)",
            "李小龙",
            "محمد",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "ജോണ്\u{200d}",
            "ශ්\u{200d}රී",
            "👩\u{200d}👩\u{200d}👧\u{200d}👦",
            "👩🏽\u{200d}⚕\u{fe0f}",
            "❤\u{fe0f}\u{200d}🔥",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "🇨🇭",
            "שלום",
            "ไทย",
            " with  spaces ",
        ] {
            assert!(is_showable(name), "{name:?}");
            assert_eq!(shown(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_name_in_which_nothing_is_seen_is_none() {
        for name in ["", "\u{3164}", "\u{200b}\u{200d}", "\u{202e} \n"] {
            assert!(!is_showable(name), "{name:?}");
            assert_eq!(shown(name), None, "{name:?}");
        }
        assert_eq!(shown("bob\u{200b}").as_deref(), Some("bob\u{fffd}"));
    }

    #[test]
    fn names_are_the_same_however_they_are_composed() {
        for (one, other, same) in [
            ("é", "e\u{301}", true),
            ("Å", "\u{212b}", true),
            ("e\u{301}\u{323}", "ẹ\u{301}", true),
            ("e", "é", false),
            ("ﬁ", "fi", false),
            ("Bob", "bob", false),
        ] {
            assert_eq!(are_same(one, other), same, "{one} {other}");
            assert_eq!(
                spellings(one)
                    .iter()
                    .any(|spelling| *spelling == composed(other)),
                same
            );
        }
    }
}

//! The form of `.env`: lines of `NAME=value`, whose values are taken as they are written.
//!
//! Owns quotes and comments, and what other programs would read differently. Nothing in a value is replaced: a `$` is
//! one. It must not know any setting.

/// A variable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    /// Whether another program may read something else.
    pub(super) is_ambiguous: bool,
}

/// The variables of a file, in its order; each that is none is the number of its line, and the last of them.
pub(super) fn read(text: &str) -> impl Iterator<Item = Result<Variable, usize>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let line = rest.split('\n').next().unwrap_or_default();
            if !is_nothing(line) {
                break;
            }
            rest = rest.get(line.len() + 1..).unwrap_or_default();
        }
        let begin = text.len() - rest.len();
        let line = || text[..begin].matches('\n').count() + 1;
        let read = (!rest.is_empty()).then(|| variable(rest))?;
        match read {
            Some((variable, behind)) => {
                rest = behind;
                Some(Ok(variable))
            }
            None => {
                rest = "";
                Some(Err(line()))
            }
        }
    })
}

/// Whether the rest of a line is white space or a comment.
fn is_nothing(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The variable that the text begins with, and the lines behind it.
fn variable(text: &str) -> Option<(Variable, &str)> {
    let (name, given) = text.split_once('=')?;
    let name = name.trim_matches([' ', '\t']);
    let exported = name
        .strip_prefix("export")
        .filter(|name| name.starts_with([' ', '\t']));
    let name = exported.unwrap_or(name).trim_start();
    if !is_name(name) {
        return None;
    }
    let quoted = given.trim_start_matches([' ', '\t']);
    let (value, is_ambiguous, behind) = match quoted.chars().next() {
        Some(quote @ ('\'' | '`')) => {
            let (value, behind) = quoted[1..].split_once(quote)?;
            (value.to_owned(), false, behind)
        }
        Some('"') => in_double_quotes(&quoted[1..])?,
        _ => {
            let line = given.split('\n').next().unwrap_or_default();
            let (value, comment) = split_comment(line);
            let value = value.trim();
            if value.contains(char::is_whitespace) {
                return None;
            }
            let is_doubtful = comment.starts_with(|c: char| !c.is_whitespace() && c != '#');
            let is_ambiguous = is_doubtful || is_special(value);
            (value.to_owned(), is_ambiguous, &given[line.len()..])
        }
    };
    let (line, behind) = behind.split_once('\n').unwrap_or((behind, ""));
    let variable = Variable {
        name: name.to_owned(),
        value,
        is_ambiguous,
    };
    is_nothing(line).then_some((variable, behind))
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// The value, and the comment behind it without its `#`, which is behind white space; elsewhere it is part of the value.
fn split_comment(line: &str) -> (&str, &str) {
    let mut hashes = line.match_indices('#');
    let comment = hashes.find(|(at, _)| line[..*at].ends_with([' ', '\t']));
    comment.map_or((line, ""), |(at, _)| (&line[..at], &line[at + 1..]))
}

/// Whether a shell, or one of the libraries for such files, may not take this as it is.
fn is_special(value: &str) -> bool {
    value.contains(['#', '\\', '\'', '"', '`']) || has_reference(value)
}

/// Whether something in it looks like the name of another variable.
fn has_reference(value: &str) -> bool {
    let is_begin = |c: char| c.is_ascii_alphabetic() || "_{(".contains(c);
    value
        .match_indices('$')
        .any(|(at, _)| value[at + 1..].starts_with(is_begin))
}

/// The value up to the quote, whether it is ambiguous, and what is behind it.
fn in_double_quotes(text: &str) -> Option<(String, bool, &str)> {
    let (mut value, mut is_ambiguous) = (String::new(), false);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let is_ambiguous = is_ambiguous || has_reference(&value);
                return Some((value, is_ambiguous, &text[at + 1..]));
            }
            '\\' => {
                let (_, escaped) = chars.next()?;
                is_ambiguous |= !matches!(escaped, 'n' | '"');
                match escaped {
                    'n' => value.push('\n'),
                    'r' => value.push('\r'),
                    't' => value.push('\t'),
                    '"' | '\\' | '$' | '`' => value.push(escaped),
                    other => value.extend(['\\', other]),
                }
            }
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<(String, bool)> {
        let variables: Result<Vec<_>, _> = read(text).collect();
        let [variable] = variables.ok()?.try_into().ok()?;
        assert_eq!(variable.name, "A", "{text:?}");
        Some((variable.value, variable.is_ambiguous))
    }

    #[test]
    fn values_are_taken_as_they_are_written() {
        for (text, value) in [
            ("A=b", "b"),
            ("A = b ", "b"),
            ("export A=b", "b"),
            ("\u{feff}A=b\r\n", "b"),
            ("A=b=c", "b=c"),
            ("A=b # a comment", "b"),
            ("A= # a comment", ""),
            ("A=b ## a comment", "b"),
            ("A=b #", "b"),
            ("A=", ""),
            ("A='b # c' # a comment", "b # c"),
            ("A='b$c\\n'", "b$c\\n"),
            ("A=`b'c\"`", "b'c\""),
            ("A='b\nc'", "b\nc"),
            ("A=\"b c\\n\\\"d\\\"\"", "b c\n\"d\""),
            ("A=price$", "price$"),
            ("A=1$2", "1$2"),
            ("\n# A=1\n  # x\nA=é", "é"),
        ] {
            assert_eq!(one(text), Some((value.to_owned(), false)), "{text:?}");
        }
    }

    #[test]
    fn what_others_read_differently_is_noted_and_taken_as_it_is() {
        for (text, value) in [
            ("A=b$xyz", "b$xyz"),
            ("A=${HOME}/b", "${HOME}/b"),
            ("A=\"b$xyz\"", "b$xyz"),
            ("A=b#c", "b#c"),
            ("A=b #c", "b"),
            ("A=#bc", "#bc"),
            ("A=b\\c", "b\\c"),
            ("A=b\\$c", "b\\$c"),
            ("A=b\"c", "b\"c"),
            ("A=it's", "it's"),
            ("A=\"b\\\\c\"", "b\\c"),
            ("A=\"b\\d\"", "b\\d"),
        ] {
            assert_eq!(one(text), Some((value.to_owned(), true)), "{text:?}");
        }
    }

    #[test]
    fn the_first_line_that_is_no_variable_is_known() {
        for (text, number) in [
            ("A", 1),
            ("A=1\n\nB: 2\n", 3),
            ("A=b c", 1),
            ("A='b\nc'\nB='d\nE=f\n", 3),
            ("A=1\nB=\"c", 2),
            ("A='b'c", 1),
            ("A='b' c", 1),
            ("1A=b", 1),
            ("=b", 1),
            ("A B=c", 1),
        ] {
            let read: Vec<_> = read(text).collect();
            assert_eq!(read.last(), Some(&Err(number)), "{text:?}");
            assert_eq!(read.iter().filter(|one| one.is_err()).count(), 1);
        }
    }

    #[test]
    fn all_lines_are_read_in_order() {
        let names = |text: &str| {
            let variables = read(text).map(|one| one.expect("a variable"));
            let pairs = variables.map(|one| (one.name, one.value));
            pairs
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        let text = "A=1\r\nB='2' # x\r\n\r\n#\r\nexport C=\"3\"\r\nD=4";
        assert_eq!(names(text), ["A=1", "B=2", "C=3", "D=4"]);
    }
}

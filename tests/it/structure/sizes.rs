//! How long the sources and their functions are, without tests.
//!
//! Lines are counted as they stand in the file, with comments.

use std::iter::Peekable;

use proc_macro2::token_stream::IntoIter;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::source::{Skipped, next_ident, skip_test};
use super::tree::Files;

/// A file should not have more lines than this.
const MAX_FILE_LINES: usize = 300;
/// A function should not have more lines than this.
const MAX_FUNCTION_LINES: usize = 50;

/// The size of one source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub lines: usize,
    /// Each function by its name, with its lines, in the order in which they begin.
    pub functions: Vec<(String, usize)>,
}

/// The sizes of a tree's sources.
pub(super) struct Sizes {
    /// How many files there are that are not only tests.
    pub files: usize,
    /// The files that are too long, with their lines.
    pub long_files: Vec<(String, usize)>,
    /// The functions that are too long, as `file:function`, with their lines.
    pub long_functions: Vec<(String, usize)>,
}

/// Measures these sources.
pub(super) fn of<'a>(files: &'a Files, names: impl IntoIterator<Item = &'a String>) -> Sizes {
    let mut sizes = Sizes {
        files: 0,
        long_files: Vec::new(),
        long_functions: Vec::new(),
    };
    for name in names {
        let Size { lines, functions } = measure(&files[name]);
        sizes.files += usize::from(lines > 0);
        if lines > MAX_FILE_LINES {
            sizes.long_files.push((name.clone(), lines));
        }
        let long = functions
            .into_iter()
            .filter(|(_, lines)| *lines > MAX_FUNCTION_LINES);
        let named = long.map(|(function, lines)| (format!("{name}:{function}"), lines));
        sizes.long_functions.extend(named);
    }
    sizes
}

/// Measures one source; fails on what is no Rust.
pub(super) fn measure(text: &str) -> Size {
    let tokens: TokenStream = text.parse().expect("a Rust source");
    let mut size = Size {
        lines: text.lines().count(),
        functions: Vec::new(),
    };
    match size.read(tokens) {
        true => size,
        false => Size::default(),
    }
}

impl Size {
    /// Reads what is in a pair of brackets, or the whole source. `false`: all of it is a test.
    fn read(&mut self, tokens: TokenStream) -> bool {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => match skip_test(&mut tokens) {
                    Skipped::Nothing => {}
                    Skipped::Everything => return false,
                    Skipped::Item(last) => {
                        let first = punct.span().start().line;
                        let last = last.map(|last| last.span().end().line);
                        self.lines -= last.unwrap_or(first) - first + 1;
                    }
                },
                TokenTree::Ident(word) if word == "fn" => {
                    self.read_function(word.span().start().line, &mut tokens);
                }
                TokenTree::Group(group) => {
                    self.read(group.stream());
                }
                _ => {}
            }
        }
        true
    }

    /// Reads a function from its name on. What only declares one has no body, and no size.
    fn read_function(&mut self, first: usize, tokens: &mut Peekable<IntoIter>) {
        let Some(name) = next_ident(tokens) else {
            return;
        };
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ';' => return,
                TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                    let last = body.span_close().end().line;
                    self.functions.push((name, last - first + 1));
                    self.read(body.stream());
                    return;
                }
                _ => {}
            }
        }
    }
}

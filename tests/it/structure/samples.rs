//! The structure tests themselves, over made-up sources: they fail when they should, and only then.

use std::collections::BTreeSet;

use super::layers::{Offence, entries, needless, offences, read, table};
use super::tree::Files;
use super::{sizes, steps};

const TABLE: &str = "
# Made up

| 9 | `outside` |

## The Layers

| layer | entries | what it is |
|---|---|---|
| 3 top | `top` | `other` code |
| 2 middle | `left` · `right` | |
| 1 ground | `ground` | |

## Next

| 9 | `outside` |
";

const LIB: &str = "mod top; mod left; mod right; mod ground;";

fn files(sources: &[(&str, &str)]) -> Files {
    let empty = ["top.rs", "left.rs", "right.rs", "ground.rs"].map(|name| (name, ""));
    let all = [("lib.rs", LIB)].into_iter().chain(empty);
    let all = all.chain(sources.iter().copied());
    all.map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeSet<Offence> {
    let owned = |(file, target): &(&str, &str)| ((*file).to_owned(), (*target).to_owned());
    pairs.iter().map(owned).collect()
}

/// The offences in these sources; what is not mentioned is empty.
#[track_caller]
fn assert_offences(sources: &[(&str, &str)], expected: &[(&str, &str)]) {
    let imports = read(&files(sources));
    let found = offences(&imports, &table(TABLE), &BTreeSet::new());
    assert_eq!(found, pairs(expected));
}

#[test]
fn the_table_is_read_below_its_heading_only() {
    let expected = [("ground", 1), ("left", 2), ("right", 2), ("top", 3)];
    let expected = expected.map(|(entry, layer)| (entry.to_owned(), layer));
    assert_eq!(table(TABLE), expected.into());
}

#[test]
fn an_entry_without_a_layer_is_found() {
    let mut files = files(&[("new/mod.rs", ""), ("new/inner.rs", "")]);
    let listed = |files: &Files| entries(files).into_iter().eq(table(TABLE).into_keys());
    assert!(!listed(&files));
    files.retain(|name, _| !name.starts_with("new/"));
    assert!(listed(&files));
    files.remove("left.rs");
    assert!(!listed(&files));
}

#[test]
fn an_import_that_points_down_is_fine() {
    let below = "use crate::ground::A; fn f() { crate::right::f() }";
    assert_offences(&[("top.rs", below), ("left.rs", below)], &[]);
}

#[test]
fn an_import_that_points_up_is_found_in_every_form() {
    let up = [("ground.rs", "top")];
    for source in [
        "use crate::top::Thing;",
        "use crate::{left, top};",
        "use crate::{left::{A, B}, top::{self, C as D}};",
        "pub(crate) use crate::top::*;",
        "fn f() -> crate::top::Thing { todo() }",
        "fn f() { let x = Vec::<crate::top::Thing>::new(); }",
        "macro_rules! m { () => { $crate::top::f() }; }",
        "mod inner { fn f() { super::super::top::f() } }",
        "mod inner { use crate::top; }",
    ] {
        let imports = read(&files(&[("ground.rs", source)]));
        let found = offences(&imports, &table(TABLE), &BTreeSet::new());
        assert!(found.is_superset(&pairs(&up)), "{source}: {found:?}");
    }
}

#[test]
fn a_path_of_supers_out_of_an_entry_is_followed() {
    let sources = [
        ("ground.rs", "mod deep;"),
        ("ground/deep.rs", "mod deeper;"),
        ("ground/deep/deeper.rs", "use super::super::super::top::A;"),
    ];
    assert_offences(&sources, &[("ground/deep/deeper.rs", "top")]);
}

#[test]
fn what_is_no_code_or_a_test_is_left_out() {
    let sources = [
        (
            "ground.rs",
            r##"
            //! See [`crate::top`].
            // use crate::top::A;
            /* use crate::top::A; /* crate::top */ */
            /// As crate::top does.
            const TEXT: &str = "use crate::top::A;";
            const RAW: &str = r#"crate::top::"A""#;
            struct Fields { #[cfg(test)] tested: crate::top::A, other: u8 }
            #[cfg(test)]
            #[allow(dead_code)]
            use crate::top::{A, B};
            #[cfg(test)]
            pub const fn tested() -> u8 { crate::top::f() }
            #[cfg(test)]
            const TESTED: A = crate::top::A { a: 1 };
            #[cfg(test)]
            mod in_a_file;
            #[cfg(test)]
            mod tests { use crate::top::A; }
            fn last() {}
            "##,
        ),
        ("ground/in_a_file.rs", "use crate::top::A;"),
        ("left.rs", "mod tests;"),
        ("left/tests.rs", "#![cfg(test)] use crate::top::A;"),
    ];
    assert_offences(&sources, &[]);
}

#[test]
fn code_behind_a_test_is_read() {
    let source = "
        struct S { #[cfg(test)] a: u8, b: crate::top::A }
        #[cfg(test)] mod tests {}
        fn f() {}
    ";
    assert_offences(&[("ground.rs", source)], &[("ground.rs", "top")]);
    let source = "#[cfg(test)] mod tests {} use crate::top::A;";
    assert_offences(&[("ground.rs", source)], &[("ground.rs", "top")]);
    let source = "#[cfg(not(test))] use crate::top::A;";
    assert_offences(&[("ground.rs", source)], &[("ground.rs", "top")]);
}

#[test]
fn a_circle_in_a_row_is_found() {
    let sources = [
        ("left.rs", "use crate::right::A;"),
        ("right.rs", "use crate::left::B;"),
    ];
    assert_offences(&sources, &[("left.rs", "right"), ("right.rs", "left")]);
    assert_offences(&sources[..1], &[]);
}

#[test]
fn a_circle_over_three_files_of_a_folder_is_found() {
    let sources = [
        ("left.rs", ""),
        ("top.rs", "mod a; mod b; mod c; mod d; pub use c::C;"),
        ("top/a.rs", "use super::b::B;"),
        ("top/b.rs", "use super::C;"),
        ("top/c.rs", "mod inner;"),
        ("top/c/inner.rs", "use crate::top::a;"),
        (
            "top/d.rs",
            "use super::a::A; use self::inner::B; mod inner {}",
        ),
    ];
    let circle = [
        ("top/a.rs", "top/b"),
        ("top/b.rs", "top/c"),
        ("top/c/inner.rs", "top/a"),
    ];
    assert_offences(&sources, &circle);
}

#[test]
fn the_module_of_a_folder_may_use_its_files_and_they_it() {
    let sources = [
        ("top.rs", "mod a; use a::A; pub struct Top;"),
        ("top/a.rs", "use super::Top;"),
    ];
    assert_offences(&sources, &[]);
}

#[test]
fn a_name_handed_on_is_followed_to_where_it_is() {
    let sources = [
        ("top.rs", "pub struct Thing;"),
        ("ground.rs", "mod inner; use crate::top::Thing as Known;"),
        ("ground/inner.rs", "use super::Known;"),
    ];
    let expected = [("ground.rs", "top"), ("ground/inner.rs", "top")];
    assert_offences(&sources, &expected);
}

#[test]
fn the_files_of_the_program_are_a_crate_of_their_own() {
    let sources = [
        ("bin/it/main.rs", "mod top; mod left;"),
        ("bin/it/top.rs", "use crate::left::A;"),
        ("bin/it/left.rs", "use crate::top::B;"),
    ];
    let circle = [
        ("bin/it/left.rs", "bin/it/top"),
        ("bin/it/top.rs", "bin/it/left"),
    ];
    assert_offences(&sources, &circle);
}

#[test]
fn an_exception_excuses_and_must_be_needed() {
    let layers = table(TABLE);
    let imports = read(&files(&[("ground.rs", "use crate::top::A;")]));
    let excused = pairs(&[("ground.rs", "top")]);
    assert!(offences(&imports, &layers, &excused).is_empty());
    assert!(needless(&imports, &layers, &excused).is_empty());
    let more = pairs(&[("ground.rs", "top"), ("ground.rs", "left")]);
    let unneeded = pairs(&[("ground.rs", "left")]);
    assert_eq!(needless(&imports, &layers, &more), unneeded);
}

#[test]
fn a_circle_needs_one_exception_and_no_second() {
    let layers = table(TABLE);
    let imports = read(&files(&[
        ("left.rs", "use crate::right::A;"),
        ("right.rs", "use crate::left::B;"),
    ]));
    let excused = pairs(&[("left.rs", "right")]);
    assert!(offences(&imports, &layers, &excused).is_empty());
    assert!(needless(&imports, &layers, &excused).is_empty());
    let both = pairs(&[("left.rs", "right"), ("right.rs", "left")]);
    assert_eq!(needless(&imports, &layers, &both), both);
}

#[test]
fn a_step_is_a_function_in_that_file() {
    let source = "// fn commented()\nimpl A { pub async fn go() {} }";
    let files = files(&[("left.rs", source)]);
    let document = "`left.rs:go`, `left.rs:A::go`, `left.rs:commented`, `right.rs:go`, `none.rs:go`, `left.rs`, `a:b`";
    let wrong = ["left.rs:commented", "right.rs:go", "none.rs:go"];
    assert_eq!(steps::wrong(document, &files), wrong);
}

#[test]
fn each_way_is_described_and_has_steps() {
    const WAYS: [&str; 3] = ["A connection", "An event", "An audit record"];
    let way = |heading: &str, count: usize| {
        let steps: String = (0..count).map(|_| "1. `a.rs:f`\n").collect();
        format!("### {heading}\n{steps}\n")
    };
    let document = |counts: [Option<usize>; 3]| -> String {
        let ways = WAYS.iter().zip(counts);
        ways.filter_map(|(heading, count)| Some(way(heading, count?)))
            .collect()
    };
    let enough = Some(5);
    assert!(steps::short(&document([enough; 3])).is_empty());
    assert_eq!(steps::short("# Architecture\n"), WAYS);
    for (at, heading) in WAYS.into_iter().enumerate() {
        for lacking in [None, Some(0), Some(4)] {
            let mut counts = [enough; 3];
            counts[at] = lacking;
            assert_eq!(steps::short(&document(counts)), [heading], "{lacking:?}");
        }
    }
    // Steps elsewhere do not count, and neither does a heading that only begins like it.
    let other = [way("An event of old", 5), way("Another", 5)].concat();
    let document = [document([enough, Some(2), enough]), other].concat();
    assert_eq!(steps::short(&document), ["An event"]);
}

#[test]
fn the_size_of_a_file_is_without_its_tests() {
    let source = "//! A comment.

fn f() {}

#[cfg(test)]
#[path = \"x.rs\"]
mod in_a_file;

#[cfg(test)]
mod tests {
    fn g() {
    }
}
";
    assert_eq!(sizes::measure(source).lines, 13 - 3 - 5);
    let tests = format!("#![cfg(test)]\n{source}");
    assert_eq!(sizes::measure(&tests), sizes::Size::default());
    let unended = source.trim_end();
    assert_eq!(sizes::measure(unended), sizes::measure(source));
}

#[test]
fn the_size_of_a_function_is_from_its_name_to_its_end() {
    let source = "
/// Comments and attributes are not counted.
#[inline]
pub(crate) async fn long<T>(
    argument: T,
) where
    T: Copy,
{
    fn inner() {
    }
    let pointer: fn(u8) = |_| {
    };
}
trait Declares {
    fn declared(&self);
    fn provided(&self) { 0 }
}
#[cfg(test)]
fn tested() {
}
macro_rules! made { ($name:ident) => { fn $name() {} }; }
";
    let size = sizes::measure(source);
    let functions: Vec<_> = size
        .functions
        .iter()
        .map(|(name, lines)| (&**name, *lines))
        .collect();
    assert_eq!(functions, [("long", 10), ("inner", 2), ("provided", 1)]);
}

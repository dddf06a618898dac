//! The structure of the source tree is what `docs/architecture.md` says.
//!
//! Owns reading the sources and the document; starts nothing.

mod exceptions;
mod layers;
mod samples;
mod sizes;
mod source;
mod steps;
mod tree;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use self::exceptions::EXCEPTIONS;
use self::layers::Offence;
use self::tree::Files;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> String {
    std::fs::read_to_string(repository().join("docs/architecture.md")).unwrap()
}

/// Every source below `src`.
fn files() -> Files {
    let root = repository().join("src");
    let mut files = Files::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for path in folder
            .read_dir()
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                files.insert(below(&root, path), text);
            }
        }
    }
    files
}

fn below(root: &Path, path: PathBuf) -> String {
    path.strip_prefix(root)
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn every_entry_of_src_has_a_layer() {
    let documented: BTreeSet<String> = layers::table(&document()).into_keys().collect();
    assert_eq!(documented, layers::entries(&files()));
}

#[test]
fn imports_point_down_and_make_no_circles() {
    let (layers, imports) = (layers::table(&document()), layers::read(&files()));
    let owned = |(file, target): &(&str, &str)| ((*file).to_owned(), (*target).to_owned());
    let exceptions: BTreeSet<Offence> = EXCEPTIONS.iter().map(owned).collect();
    assert_eq!(exceptions.len(), EXCEPTIONS.len(), "an exception twice");
    let offences = layers::offences(&imports, &layers, &exceptions);
    let needless = layers::needless(&imports, &layers, &exceptions);
    assert!(
        offences.is_empty() && needless.is_empty(),
        "imports that point up or are part of a circle:\n{}exceptions to remove from tests/it/structure/exceptions.rs:\n{}",
        lines(&offences),
        lines(&needless)
    );
}

/// As they stand in the list of exceptions.
fn lines(offences: &BTreeSet<Offence>) -> String {
    offences
        .iter()
        .fold(String::new(), |mut lines, (file, target)| {
            let _ = writeln!(lines, "    ({file:?}, {target:?}),");
            lines
        })
}

#[test]
fn every_documented_step_is_a_function() {
    let document = document();
    let wrong = steps::wrong(&document, &files());
    assert!(
        wrong.is_empty(),
        "docs/architecture.md names functions that do not exist: {wrong:?}"
    );
}

#[test]
fn the_three_ways_are_documented_step_by_step() {
    let short = steps::short(&document());
    assert!(
        short.is_empty(),
        "headings of docs/architecture.md with too few steps: {short:?}"
    );
}

/// How many of a hundred files may be too long, and how many functions.
const MAX_LONG_FILES_PERCENT: usize = 5;
const MAX_LONG_FUNCTIONS: usize = 5;

#[test]
fn few_files_and_functions_are_long() {
    let files = files();
    let sources: BTreeSet<String> = layers::roots(&files)
        .flat_map(|root| tree::sources(&files, root))
        .collect();
    let sizes = sizes::of(&files, &sources);
    let (long, all) = (sizes.long_files.len(), sizes.files);
    assert!(
        long * 100 <= all * MAX_LONG_FILES_PERCENT,
        "{long} of {all} files are too long: {:?}",
        sizes.long_files
    );
    assert!(
        sizes.long_functions.len() <= MAX_LONG_FUNCTIONS,
        "functions that are too long: {:?}",
        sizes.long_functions
    );
}

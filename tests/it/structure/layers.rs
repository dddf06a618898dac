//! The rules of the layers, and which imports break them.
//!
//! An entry of `src` imports rows below its own, and neighbours in its own row only without a circle. Inside a folder
//! no files import each other in a circle; its `mod.rs` is left out, since it stands for the folder.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Files, Import, imports};

/// The number of each entry's row.
pub(super) type Layers = BTreeMap<String, u32>;

/// An import that must not be: the file below `src`, and the entry, or the neighbour in its folder, that it names.
pub(super) type Offence = (String, String);

/// Reads the table: the second column of each row that begins with a number, below a heading with the word "Layers".
pub(super) fn table(document: &str) -> Layers {
    let mut layers = Layers::new();
    let lines = document.lines().skip_while(|line| !is_heading(line));
    let section = lines.skip(1).take_while(|line| !line.starts_with('#'));
    for line in section {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (Some(layer), Some(entries)) = (cells.next(), cells.next()) else {
            continue;
        };
        let number = layer.split(' ').next().unwrap_or_default();
        if let Ok(number) = number.parse() {
            for entry in entries.split('`').skip(1).step_by(2) {
                layers.insert(entry.to_owned(), number);
            }
        }
    }
    layers
}

fn is_heading(line: &str) -> bool {
    line.starts_with('#') && line.split_whitespace().any(|word| word == "Layers")
}

/// The entries of `src`: its folders and files, without `lib.rs`.
pub(super) fn entries(files: &Files) -> BTreeSet<String> {
    let first = |file: &String| {
        let name = file.split('/').next().unwrap_or_default();
        name.trim_end_matches(".rs").to_owned()
    };
    let below_lib = files.keys().filter(|file| *file != "lib.rs");
    below_lib.map(first).collect()
}

/// The imports of a crate that break a rule, but for the exceptions.
pub(super) fn offences(
    imports: &BTreeSet<Import>,
    layers: &Layers,
    exceptions: &BTreeSet<Offence>,
) -> BTreeSet<Offence> {
    let mut offences = BTreeSet::new();
    // Imports between neighbours, by what they are neighbours in: a folder, or a row of the table.
    let mut neighbours: BTreeMap<String, Vec<(String, String, Offence)>> = BTreeMap::new();
    for import in imports {
        let Some((folder, from, to)) = meeting(import) else {
            continue;
        };
        let offence = (import.file.clone(), to.clone());
        if exceptions.contains(&offence) {
            continue;
        }
        let around = if folder.is_empty() {
            let (upper, lower) = (layers.get(&from), layers.get(&to));
            let (Some(upper), Some(lower)) = (upper, lower) else {
                continue;
            };
            if lower > upper {
                offences.insert(offence.clone());
            }
            if lower != upper {
                continue;
            }
            upper.to_string()
        } else {
            folder
        };
        let edges = neighbours.entry(around).or_default();
        edges.push((from, to, offence));
    }
    for edges in neighbours.values() {
        for (from, to, offence) in edges {
            if leads(edges, to, from) {
                offences.insert(offence.clone());
            }
        }
    }
    offences
}

/// The exceptions without which nothing would be wrong.
pub(super) fn needless(
    imports: &BTreeSet<Import>,
    layers: &Layers,
    exceptions: &BTreeSet<Offence>,
) -> BTreeSet<Offence> {
    let is_needless = |exception: &&Offence| {
        let mut others = exceptions.clone();
        others.remove(*exception);
        !offences(imports, layers, &others).contains(*exception)
    };
    exceptions.iter().filter(is_needless).cloned().collect()
}

/// The innermost folder that has both sides of an import, and the neighbours in it that they belong to. `None`: one
/// side is the folder's own module.
fn meeting(import: &Import) -> Option<(String, String, String)> {
    let sides = import.from.iter().zip(&import.to);
    let common = sides.take_while(|(from, to)| from == to).count();
    let folder = import.from[..common].join("/");
    let unit = |path: &[String]| Some(path.get(..=common)?.join("/"));
    Some((folder, unit(&import.from)?, unit(&import.to)?))
}

/// Whether imports lead from one neighbour to another, over however many.
fn leads(edges: &[(String, String, Offence)], from: &str, to: &str) -> bool {
    let mut reached = BTreeSet::from([from]);
    loop {
        let further: Vec<&str> = edges
            .iter()
            .filter(|(a, b, _)| reached.contains(&**a) && !reached.contains(&**b))
            .map(|(_, b, _)| &**b)
            .collect();
        if reached.contains(to) || further.is_empty() {
            return reached.contains(to);
        }
        reached.extend(further);
    }
}

/// The imports of the library, and of the program beside it.
pub(super) fn read(files: &Files) -> BTreeSet<Import> {
    roots(files).flat_map(|root| imports(files, root)).collect()
}

/// The root files of the library and of the program.
pub(super) fn roots(files: &Files) -> impl Iterator<Item = &String> {
    files.keys().filter(|file| {
        *file == "lib.rs" || (file.starts_with("bin/") && file.ends_with("/main.rs"))
    })
}

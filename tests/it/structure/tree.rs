//! The modules of a crate, and which file imports which module.
//!
//! A path is followed through what its modules import themselves, so nothing hides behind a `pub use`. Modules under
//! `#[cfg(test)]` are no part of the tree.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Path, Source, joined};

/// The text of each source, by its path below `src`.
pub(super) type Files = BTreeMap<String, String>;

/// One file names another module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    /// The file, below `src`.
    pub file: String,
    /// The module that it stands for, as folders below `src`.
    pub from: Path,
    /// The module that it names, likewise.
    pub to: Path,
}

/// How many imports a path may go through; more are a mistake of this reading.
const MAX_HOPS: usize = 16;

/// A crate's modules.
#[derive(Debug, Default)]
struct Tree {
    /// Each module with the file that it is read from. An inline module has that of the module around it.
    modules: BTreeMap<Path, String>,
    /// What is imported into a module: from its path and the name there to the path that is meant.
    uses: BTreeMap<(Path, String), Path>,
    /// The module that a path is written in, and the path.
    paths: Vec<(Path, Path)>,
}

/// The files of the crate with this root file that are not only compiled for tests.
pub(super) fn sources(files: &Files, root: &str) -> BTreeSet<String> {
    let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut tree = Tree::default();
    tree.add(files, Path::new(), root, folder);
    tree.modules.into_values().collect()
}

/// All imports between the modules of the crate with this root file, such as `lib.rs`.
pub(super) fn imports(files: &Files, root: &str) -> BTreeSet<Import> {
    let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut tree = Tree::default();
    tree.add(files, Path::new(), root, folder);
    let in_folder = |path: Path| {
        let folders = folder.split('/').filter(|name| !name.is_empty());
        folders.map(str::to_owned).chain(path).collect()
    };
    let imports = tree.imports().into_iter();
    imports
        .map(|import| Import {
            from: in_folder(import.from),
            to: in_folder(import.to),
            ..import
        })
        .collect()
}

impl Tree {
    fn add(&mut self, files: &Files, module: Path, file: &str, folder: &str) {
        let source = Source::read(&files[file]);
        self.modules.insert(module.clone(), file.to_owned());
        let within = |inside: &Path| [module.clone(), inside.clone()].concat();
        for (inside, path) in source.paths {
            self.add_inline(&module, &inside, file);
            self.paths.push((within(&inside), path));
        }
        for (inside, name, path) in source.uses {
            self.uses.insert((within(&inside), name), path);
        }
        for inside in source.modules {
            let below = [&[folder.to_owned()], &*inside].concat().join("/");
            let below = below.trim_start_matches('/');
            let candidates = [format!("{below}.rs"), format!("{below}/mod.rs")];
            let found = candidates.iter().find(|file| files.contains_key(*file));
            let found = found.unwrap_or_else(|| panic!("{file}: no file for {inside:?}"));
            self.add(files, within(&inside), found, below);
        }
    }

    fn add_inline(&mut self, module: &Path, inside: &Path, file: &str) {
        let mut path = module.clone();
        for name in inside {
            path = joined(&path, name);
            self.modules.insert(path.clone(), file.to_owned());
        }
    }

    fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (module, path) in &self.paths {
            let file = &self.modules[module];
            let mut targets = Vec::new();
            self.follow(module, path, 0, &mut targets);
            for to in targets {
                imports.insert(Import {
                    file: file.clone(),
                    from: self.module_of(module),
                    to: self.module_of(&to),
                });
            }
        }
        imports
    }

    /// Each module that a path leads to, with those on its way where it leaves for another through a `use`.
    fn follow(&self, module: &Path, path: &[String], hops: usize, targets: &mut Vec<Path>) {
        assert!(hops < MAX_HOPS, "{path:?} in {module:?} leads nowhere");
        let mut current = module.clone();
        for (index, segment) in path.iter().enumerate() {
            match segment.as_str() {
                "crate" => current = Path::new(),
                "self" => {}
                "super" => {
                    current.pop();
                }
                name => {
                    let below = joined(&current, name);
                    if self.modules.contains_key(&below) {
                        current = below;
                        continue;
                    }
                    // The first segment of a path in the source may be another crate, or in scope by a `use`,
                    // which is read by itself.
                    if index == 0 && hops == 0 {
                        return;
                    }
                    if let Some(meant) = self.uses.get(&(current.clone(), name.to_owned()))
                        && meant.first().map(String::as_str) != Some(name)
                    {
                        let rest = [meant.as_slice(), &path[index + 1..]].concat();
                        self.follow(&current, &rest, hops + 1, targets);
                    }
                    break;
                }
            }
        }
        targets.push(current);
    }

    /// The module of the file that this one is written in.
    fn module_of(&self, module: &[String]) -> Path {
        let mut path = module.to_vec();
        while let Some((_, around)) = path.split_last()
            && self.modules.get(around) == self.modules.get(&path)
        {
            path.pop();
        }
        path
    }
}

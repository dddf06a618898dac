//! Reads what callgrind has written: what each function cost itself, where its code came from, and who called it. What is
//! shared by all, such as the allocator, is given to those who called it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::groups::Group;

/// Rounds in which the costs of shared code move on to its callers; few of them call each other deeper.
const MAX_DEPTH: u32 = 64;

/// A function, or a part of it that the compiler took from another file.
#[derive(Default)]
struct Part {
    function: usize,
    file: usize,
    own: u64,
}

#[derive(Default)]
pub(super) struct Profile {
    functions: Names,
    files: Names,
    parts: HashMap<(usize, usize), Part>,
    /// From the caller, in a file, to the function: instructions until it returned.
    calls: HashMap<(usize, usize, usize), u64>,
}

/// Names that the file says once and then calls by a number.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    by_number: HashMap<String, usize>,
}

impl Names {
    /// `(12) name` or `(12)`.
    fn resolve(&mut self, text: &str) -> usize {
        let (number, name) = text.split_once(')').unwrap_or(("", text));
        let name = name.trim();
        if name.is_empty() {
            return self.by_number.get(number).copied().unwrap_or_default();
        }
        let index = match self.names.iter().position(|known| known == name) {
            Some(index) => index,
            None => {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
        };
        self.by_number.insert(number.to_owned(), index);
        index
    }

    fn name(&self, index: usize) -> &str {
        self.names
            .get(index)
            .map(String::as_str)
            .unwrap_or_default()
    }
}

/// Where in the file the reader is.
#[derive(Default)]
struct Place {
    function: usize,
    file: usize,
    called: usize,
    /// The next line of costs belongs to a call.
    in_call: bool,
}

impl Profile {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)?;
        let mut profile = Self::default();
        let mut place = Place::default();
        for line in text.lines() {
            profile.take(line, &mut place)?;
        }
        Ok(profile)
    }

    fn take(&mut self, line: &str, place: &mut Place) -> Result<()> {
        let starts_with_cost = line.starts_with(|first: char| "0123456789+-*".contains(first));
        if starts_with_cost {
            let cost = line.split(' ').nth(1).context("a line without costs")?;
            self.add(cost.parse()?, place);
        } else if let Some((key, value)) = line.split_once('=') {
            match key {
                "fn" => place.function = self.functions.resolve(value),
                "fl" | "fi" | "fe" => place.file = self.files.resolve(value),
                "cfn" => place.called = self.functions.resolve(value),
                // Its numbers count among those of files.
                "cfi" | "cfl" => drop(self.files.resolve(value)),
                "calls" => place.in_call = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn add(&mut self, cost: u64, place: &mut Place) {
        if std::mem::take(&mut place.in_call) {
            let call = (place.function, place.file, place.called);
            *self.calls.entry(call).or_default() += cost;
            return;
        }
        let part = self.parts.entry((place.function, place.file)).or_default();
        *part = Part {
            function: place.function,
            file: place.file,
            own: part.own + cost,
        };
    }

    pub(super) fn total(&self) -> u64 {
        self.parts.values().map(|part| part.own).sum()
    }

    fn group_of(&self, function: usize, file: usize) -> Option<Group> {
        Group::of(self.files.name(file), self.functions.name(function))
    }

    /// Instructions of each group, with those of the shared code that it called. The audit also encodes, which is its own.
    pub(super) fn by_group(&self) -> HashMap<Group, f64> {
        let mut groups: HashMap<Group, f64> = HashMap::new();
        // What moves on to the callers: of shared code, and of code that encodes.
        let mut moving: HashMap<(usize, bool), f64> = HashMap::new();
        for part in self.parts.values() {
            let cost = part.own as f64;
            match self.group_of(part.function, part.file) {
                None => *moving.entry((part.function, false)).or_default() += cost,
                Some(Group::Encoding) => *moving.entry((part.function, true)).or_default() += cost,
                Some(group) => *groups.entry(group).or_default() += cost,
            }
        }
        let callers = self.callers();
        for _ in 0..MAX_DEPTH {
            let mut next: HashMap<(usize, bool), f64> = HashMap::new();
            for ((function, encodes), cost) in moving {
                let calls = callers
                    .get(&function)
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                if calls.is_empty() {
                    *groups.entry(last_owner(encodes)).or_default() += cost;
                }
                let all: f64 = calls.iter().map(|(_, _, cost)| *cost).sum();
                for (caller, group, share) in calls {
                    let part = cost * share / all;
                    match group {
                        None => *next.entry((*caller, encodes)).or_default() += part,
                        Some(Group::Encoding) => *next.entry((*caller, true)).or_default() += part,
                        Some(group) if !encodes || *group == Group::Audit => {
                            *groups.entry(*group).or_default() += part;
                        }
                        Some(_) => *groups.entry(Group::Encoding).or_default() += part,
                    }
                }
            }
            moving = next;
        }
        for ((_, encodes), cost) in moving {
            *groups.entry(last_owner(encodes)).or_default() += cost;
        }
        groups
    }

    /// Who called each function, as what, and what that cost.
    fn callers(&self) -> HashMap<usize, Vec<(usize, Option<Group>, f64)>> {
        let mut callers: HashMap<usize, Vec<_>> = HashMap::new();
        for ((caller, file, called), cost) in &self.calls {
            if caller != called && *cost > 0 {
                let group = self.group_of(*caller, *file);
                let call = (*caller, group, *cost as f64);
                callers.entry(*called).or_default().push(call);
            }
        }
        callers
    }

    /// Who had the most copied, by what the copying cost.
    pub(super) fn copiers(&self, most: usize) -> Vec<(&str, u64)> {
        let is_copy = |name: &str| name.starts_with("__memcpy") || name.starts_with("__memmove");
        let mut costs: HashMap<usize, u64> = HashMap::new();
        for ((caller, _, called), cost) in &self.calls {
            if is_copy(self.functions.name(*called)) {
                *costs.entry(*caller).or_default() += cost;
            }
        }
        self.most(costs, most)
    }

    /// The functions that cost the most themselves.
    pub(super) fn largest(&self, most: usize) -> Vec<(&str, u64)> {
        let mut own: HashMap<usize, u64> = HashMap::new();
        for part in self.parts.values() {
            *own.entry(part.function).or_default() += part.own;
        }
        self.most(own, most)
    }

    fn most(&self, costs: HashMap<usize, u64>, most: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = costs.into_iter().collect();
        all.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
        all.truncate(most);
        let named = |(function, cost)| (self.functions.name(function), cost);
        all.into_iter().map(named).collect()
    }
}

/// Of code that nobody is known to have called.
fn last_owner(encodes: bool) -> Group {
    if encodes {
        Group::Encoding
    } else {
        Group::Rest
    }
}

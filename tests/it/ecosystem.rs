//! Published clients of several languages do what `docs/compatibility.md` says.
//!
//! Owns comparing that document with what `tests/ecosystem/run.mjs` finds, which owns clients, servers and checks.

use std::collections::BTreeMap;
use std::fs::{File, create_dir_all, read_to_string};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use test_support::javascript;

use crate::program;

/// The words of a cell, the worst first.
const WORDS: [&str; 3] = ["no", "varies", "yes"];
/// The columns that say which row it is.
const TITLE: usize = 3;

/// Each cell by its row and column: the relay's word and the stock server's.
type Table = BTreeMap<(String, String), (String, String)>;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> PathBuf {
    repository().join("docs/compatibility.md")
}

/// The cells of the table in this text.
fn table(text: &str) -> Table {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let mut rows = lines
        .map(|line| line.split(" | ").collect::<Vec<_>>())
        .skip_while(|row| row[0] != "client");
    let columns = rows.next().expect("the document has the table");
    let mut table = Table::new();
    for row in rows {
        for (column, cell) in columns.iter().zip(&row).skip(TITLE) {
            let (relay, stock) = cell.split_once(" / ").expect("two words in a cell");
            let place = (row[..TITLE].join(" "), (*column).to_owned());
            table.insert(place, (relay.to_owned(), stock.to_owned()));
        }
    }
    table
}

fn rank(word: &str) -> usize {
    let rank = WORDS.iter().position(|known| *known == word);
    rank.unwrap_or_else(|| panic!("{word} is no word of a cell"))
}

/// The cells in which the relay is documented as worse than the stock server.
fn worse_than_stock(table: &Table) -> Vec<&(String, String)> {
    let worse = table
        .iter()
        .filter(|(_, (relay, stock))| rank(relay) < rank(stock));
    worse.map(|(place, _)| place).collect()
}

/// What is worse in these results than in the table, or is not in the table.
fn worse_than_documented(table: &Table, row: &str, cells: &Value) -> Vec<String> {
    let mut worse = Vec::new();
    for (column, why) in cells.as_object().expect("cells by column") {
        match table.get(&(row.to_owned(), column.clone())) {
            None => worse.push(format!("{row}: {column} is not in the document")),
            Some((relay, _)) if relay == "yes" && !why.is_null() => {
                worse.push(format!("{row}: {column}: {why}"));
            }
            Some(_) => {}
        }
    }
    worse
}

/// The title of a row as one text.
fn title(result: &Value) -> String {
    let parts = result["title"].as_array().expect("a title").iter();
    let parts: Vec<_> = parts.filter_map(Value::as_str).collect();
    parts.join(" ")
}

/// What the runner prints, which has failed for none of its own reasons.
fn run() -> String {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let folder = target.unwrap_or_else(|| repository().join("target"));
    let folder = folder.join("ecosystem");
    create_dir_all(&folder).unwrap();
    // Several test processes may begin at once. The system frees the lock whatever ends them.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let output = Command::new("node")
        .arg(repository().join("tests/ecosystem/run.mjs"))
        .arg("--relay")
        .arg(program::path())
        .arg("--known")
        .arg(document())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn published_clients_do_what_is_documented() {
    if !javascript::is_ready("ecosystem") {
        return;
    }
    let documented = table(&read_to_string(document()).unwrap());
    let mut worse = Vec::new();
    let mut rows = 0;
    for line in run().lines() {
        let result: Value = serde_json::from_str(line).unwrap();
        let row = title(&result);
        rows += 1;
        if let Some(reason) = result["missing"].as_str() {
            let notice = format!("SKIPPED {row}: {reason}\n");
            std::io::stderr().write_all(notice.as_bytes()).unwrap();
        } else {
            worse.extend(worse_than_documented(&documented, &row, &result["cells"]));
        }
    }
    assert!(worse.is_empty(), "worse: {worse:#?}");
    let titles = documented.keys().map(|(row, _)| row);
    let titles = titles.collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(rows, titles, "the document has other rows");
}

#[test]
fn no_published_client_is_documented_as_worse_than_with_the_stock_server() {
    let documented = table(&read_to_string(document()).unwrap());
    let worse = worse_than_stock(&documented);
    assert!(worse.is_empty(), "worse than stock: {worse:?}");
}

const SAMPLE: &str = "\
| column | what |
|---|---|
| ack | told |

| client | version | transport | ack | burst |
|---|---|---|---|---|
| one | 1.0 | polling | yes / yes | no / varies |
";

#[test]
fn what_is_worse_than_the_document_is_found() {
    let table = table(SAMPLE);
    let worse = |cells| worse_than_documented(&table, "one 1.0 polling", &cells);
    assert!(worse(serde_json::json!({"ack": null, "burst": "lost"})).is_empty());
    assert_eq!(worse(serde_json::json!({"ack": "lost"})).len(), 1);
    assert_eq!(worse(serde_json::json!({"asleep": null})).len(), 1);
}

#[test]
fn what_is_documented_as_worse_than_with_the_stock_server_is_found() {
    let table = table(SAMPLE);
    let place = ("one 1.0 polling".to_owned(), "burst".to_owned());
    assert_eq!(worse_than_stock(&table), [&place]);
}

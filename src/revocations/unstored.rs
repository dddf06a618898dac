//! Revocations that the store has not taken yet, since it is away: in a file of the data folder, one a line, until it
//! takes them. It must not know whom they are told.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;
use uuid::Uuid;

use crate::model::Revocation;

const FILE_NAME: &str = "revocations.unstored";
/// Where it is written anew, to take its place.
const NEXT_NAME: &str = "revocations.unstored.next";

/// Those that wait.
#[derive(Debug)]
pub(super) struct Unstored {
    folder: PathBuf,
    waiting: Arc<Mutex<Vec<Revocation>>>,
}

impl Unstored {
    /// Those in this folder.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(folder.join(FILE_NAME)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let waiting = read(&text);
        if !text.is_empty() && !text.ends_with('\n') {
            // What comes next begins a line.
            replace(folder, &waiting)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            waiting: Arc::new(Mutex::new(waiting)),
        })
    }

    /// At most so many of those that wait, the first ones.
    pub(super) async fn first(&self, most: usize) -> Vec<Revocation> {
        self.waiting
            .lock()
            .await
            .iter()
            .take(most)
            .cloned()
            .collect()
    }

    /// Adds one. It is in the file when this returns, whatever ends the process.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) async fn add(&self, new: &Revocation) -> io::Result<()> {
        let (folder, new) = (self.folder.clone(), new.clone());
        let mut waiting = self.waiting.clone().lock_owned().await;
        let added = tokio::task::spawn_blocking(move || {
            append(&folder, &new)?;
            waiting.push(new);
            Ok(())
        });
        added.await.map_err(io::Error::other)?
    }

    /// Removes those with these ids; the ones that there were.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) async fn remove(&self, ids: Vec<Uuid>) -> io::Result<Vec<Revocation>> {
        let folder = self.folder.clone();
        let mut waiting = self.waiting.clone().lock_owned().await;
        if !waiting.iter().any(|one| ids.contains(&one.id)) {
            return Ok(Vec::new());
        }
        let removed = tokio::task::spawn_blocking(move || {
            let is_removed = |one: &Revocation| ids.contains(&one.id);
            let (removed, kept): (Vec<_>, Vec<_>) = waiting.iter().cloned().partition(is_removed);
            replace(&folder, &kept)?;
            *waiting = kept;
            Ok(removed)
        });
        removed.await.map_err(io::Error::other)?
    }
}

/// The last line may be half of one, whose request was never answered.
fn read(text: &str) -> Vec<Revocation> {
    let mut all = Vec::new();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(revocation) => all.push(revocation),
            Err(_) => tracing::warn!("passed over a line of {FILE_NAME} that cannot be read"),
        }
    }
    all
}

fn line(revocation: &Revocation) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(revocation)?;
    line.push(b'\n');
    Ok(line)
}

fn append(folder: &Path, new: &Revocation) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.create(true).append(true).mode(0o600);
    let path = folder.join(FILE_NAME);
    let is_new = !path.exists();
    let mut file = options.open(path)?;
    let before = file.metadata()?.len();
    let written = file.write_all(&line(new)?).and_then(|()| file.sync_data());
    if written.is_err() {
        // What comes next begins a line.
        file.set_len(before)?;
    }
    written?;
    match is_new {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

fn replace(folder: &Path, kept: &[Revocation]) -> io::Result<()> {
    let path = folder.join(FILE_NAME);
    if kept.is_empty() {
        fs::remove_file(path)?;
        return File::open(folder)?.sync_all();
    }
    let next = folder.join(NEXT_NAME);
    let mut options = OpenOptions::new();
    let options = options.create(true).write(true).truncate(true).mode(0o600);
    let mut file = options.open(&next)?;
    for revocation in kept {
        file.write_all(&line(revocation)?)?;
    }
    file.sync_all()?;
    fs::rename(next, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RevocationKind;

    fn new(subject: &str) -> Revocation {
        Revocation {
            id: Uuid::now_v7(),
            kind: RevocationKind::Session,
            subject: subject.into(),
            before: None,
            created_at: 1,
            expires_at: 2,
        }
    }

    #[tokio::test]
    async fn what_waits_is_there_after_the_end_of_the_process_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let open = || Unstored::open(folder.path()).unwrap();
        let all = ["a", "\n\"", "c"].map(new);
        let unstored = open();
        for one in &all {
            unstored.add(one).await.unwrap();
        }
        assert_eq!(open().first(9).await, all);
        assert_eq!(open().first(2).await, all[..2]);
        // The process ended in the middle of a line.
        let half = fs::read(&path).unwrap();
        fs::write(&path, &half[..half.len() - 5]).unwrap();
        assert_eq!(open().first(9).await, all[..2]);
        let unstored = open();
        unstored.add(&all[2]).await.unwrap();
        assert_eq!(open().first(9).await, all);
        unstored.remove(vec![all[2].id]).await.unwrap();
        assert_eq!(unstored.remove(vec![Uuid::nil()]).await.unwrap(), []);
        let ids = vec![all[0].id, all[2].id];
        let removed = unstored.remove(ids).await.unwrap();
        assert_eq!(removed, all[..1]);
        assert_eq!(open().first(9).await, all[1..2]);
        unstored.remove(vec![all[1].id]).await.unwrap();
        assert!(!path.exists());
        unstored.add(&all[2]).await.unwrap();
        assert_eq!(open().first(9).await, all[2..]);
    }
}

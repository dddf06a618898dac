use tempfile::TempDir;

use super::*;

const PLENTY: u64 = 1 << 30;

fn open(folder: &TempDir, limit: u64) -> (Spool, Leftover) {
    Spool::open(folder.path(), limit).unwrap()
}

fn append(spool: &mut Spool, payloads: impl IntoIterator<Item = Vec<u8>>) {
    for payload in payloads {
        let mut frames = Vec::new();
        push_frame(&mut frames, &payload);
        spool.append(&frames, 1).unwrap();
    }
}

/// Reads and settles everything, `max` records at a time.
fn drain(spool: &mut Spool, max: usize) -> (Vec<Vec<u8>>, usize) {
    let (mut all, mut damage) = (Vec::new(), 0);
    while let Some(unread) = spool.unread() {
        let chunk = unread.read(max).unwrap();
        all.extend(chunk.records().map(<[u8]>::to_vec));
        damage += chunk.damage;
        assert_eq!(spool.settle(&chunk), chunk.len() as u64);
    }
    (all, damage)
}

/// More than is read at once, of many sizes.
fn many() -> Vec<Vec<u8>> {
    let size = |number: usize| 1 + (number * 7919) % 4_000;
    (0..2_000)
        .map(|number| vec![number as u8; size(number)])
        .collect()
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "lock").collect();
    names.sort();
    names
}

#[test]
fn what_goes_in_comes_out_in_order_over_many_files_and_starts() {
    let folder = tempfile::tempdir().unwrap();
    let payloads = many();
    // Files of 128 KiB.
    let (mut spool, leftover) = open(&folder, 8 * 128 * 1024);
    assert_eq!((leftover.records, leftover.damage), (0, 0));
    append(&mut spool, payloads.iter().cloned());
    assert!(names(&folder).len() > 20);
    drop(spool);
    let (mut spool, leftover) = open(&folder, PLENTY);
    assert_eq!((leftover.records, leftover.damage), (2_000, 0));
    append(&mut spool, [b"last".to_vec()]);
    let (all, damage) = drain(&mut spool, 33);
    assert_eq!(all[..2_000], payloads);
    assert_eq!((&*all[2_000], damage), (&b"last"[..], 0));
    assert_eq!(names(&folder).len(), 1);
    assert_eq!(spool.len(), 0);
}

#[test]
fn damage_in_the_middle_costs_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let payloads = many();
    let (mut spool, _) = open(&folder, PLENTY);
    append(&mut spool, payloads.iter().cloned());
    drop(spool);
    let file = folder.path().join(&names(&folder)[0]);
    let mut bytes = std::fs::read(&file).unwrap();
    let garbled = bytes.len() / 2..bytes.len() / 2 + 300_000;
    bytes[garbled].fill(0xa5);
    std::fs::write(&file, bytes).unwrap();
    let (mut spool, leftover) = open(&folder, PLENTY);
    assert!(leftover.damage >= 300_000, "{leftover:?}");
    let (all, damage) = drain(&mut spool, 1_000);
    assert_eq!(all.len() as u64, leftover.records);
    assert_eq!(damage as u64, leftover.damage);
    assert!(all.len() > 1_700, "{}", all.len());
    let mut expected = payloads.iter();
    assert!(
        all.iter()
            .all(|read| expected.any(|written| written == read))
    );
}

#[test]
fn dropping_the_oldest_file_drops_what_is_not_settled_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&folder, PLENTY);
    append(&mut spool, (0..10).map(|number| vec![number]));
    let chunk = spool.unread().unwrap().read(4).unwrap();
    assert_eq!(spool.settle(&chunk), 4);
    let late = spool.unread().unwrap().read(4).unwrap();
    assert_eq!(spool.drop_oldest(|_| false).unwrap(), Some(6));
    // It was being written when its file was deleted.
    assert_eq!(spool.settle(&late), 0);
    append(&mut spool, [b"next".to_vec()]);
    assert_eq!(drain(&mut spool, 10).0, [b"next"]);
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&folder, PLENTY);
    append(&mut spool, [b"one".to_vec()]);
    spool.make_read_only();
    assert!(spool.append(b"two", 1).is_err());
    assert_eq!(spool.segments[0].records, 1);
    drop(spool);
    let (_spool, leftover) = open(&folder, PLENTY);
    assert_eq!((leftover.records, leftover.damage), (1, 0));
}

/// The spool of an earlier version is read by a later one: names and bytes must not change.
#[test]
fn the_files_of_a_spool_have_these_names_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&folder, PLENTY);
    append(&mut spool, [b"one".to_vec(), b"two".to_vec()]);
    assert_eq!(names(&folder), ["00000000000000000001.spool"]);
    let bytes = std::fs::read(folder.path().join("00000000000000000001.spool")).unwrap();
    let expected = [
        &b"\xa5SR\x01\x03\x00\x00\x00\xf1\x86lzone"[..],
        b"\xa5SR\x01\x03\x00\x00\x00f\x8a\xca\x11two",
    ];
    assert_eq!(bytes, expected.concat());
}

#[test]
fn a_spool_that_is_deleted_is_begun_anew_and_what_was_in_it_is_still_read() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("spool");
    let (mut spool, _) = Spool::open(&folder, PLENTY).unwrap();
    append(&mut spool, [b"one".to_vec()]);
    assert_eq!(spool.replace_lost(), None);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(spool.replace_lost().is_some());
    assert_eq!(spool.replace_lost(), None, "it is said once");
    append(&mut spool, [b"two".to_vec()]);
    assert_eq!(spool.replace_lost(), None);
    // It can be used by one process only, as before.
    assert!(matches!(
        Spool::open(&folder, PLENTY),
        Err(SpoolError::InUse(_))
    ));
    assert_eq!(drain(&mut spool, 10).0, [b"one", b"two"]);
    append(&mut spool, [b"three".to_vec()]);
    drop(spool);
    let (_spool, leftover) = Spool::open(&folder, PLENTY).unwrap();
    assert_eq!((leftover.records, leftover.damage), (1, 0));
}

#[test]
fn a_spool_whose_newest_file_is_gone_or_cut_off_goes_on_in_another() {
    for cut_off in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (mut spool, _) = open(&folder, PLENTY);
        append(&mut spool, [b"one".to_vec(), b"two".to_vec()]);
        let newest = folder.path().join(&names(&folder)[0]);
        match cut_off {
            true => drop(File::create(&newest).unwrap()),
            false => std::fs::remove_file(&newest).unwrap(),
        }
        assert_eq!(spool.replace_lost(), Some(newest));
        append(&mut spool, [b"three".to_vec()]);
        let mut settled = 0;
        let mut read = Vec::new();
        while let Some(unread) = spool.unread() {
            let chunk = unread.read(10).unwrap();
            read.extend(chunk.records().map(<[u8]>::to_vec));
            settled += spool.settle(&chunk);
        }
        let expected: &[&[u8]] = match cut_off {
            true => &[b"three"],
            false => &[b"one", b"two", b"three"],
        };
        assert_eq!(read, expected);
        assert_eq!(settled, 3);
    }
}

#[test]
fn a_spool_without_its_data_folder_fails_until_that_is_back() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let (mut spool, _) = Spool::open(&data.join("spool"), PLENTY).unwrap();
    std::fs::remove_dir_all(&data).unwrap();
    assert!(spool.replace_lost().is_some());
    assert!(spool.append(b"", 0).is_err());
    std::fs::create_dir(&data).unwrap();
    append(&mut spool, [b"one".to_vec()]);
    assert_eq!(drain(&mut spool, 10).0, [b"one"]);
}

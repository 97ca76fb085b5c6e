//! Real folders: the same journal, one writer at a time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use allot_journal::{Folder, JournalConfig, JournalError, Media, Reader};
use allot_runtime::Agent;

use crate::rig::{Rig, config, read};

/// Tells a second process of this test which folder to try.
const FOLDER: &str = "ALLOT_JOURNAL_TEST_FOLDER";

#[test]
fn a_journal_in_a_real_folder_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data").join("shard-0");
    let mut expected = Vec::new();
    for incarnation in 0..3_u8 {
        let media = Arc::new(Folder::open(&path).unwrap());
        let (mut rig, found) = Rig::start(media, config()).unwrap();
        assert_eq!(found.payloads(), expected);
        for length in [10, 2_000, 3_000] {
            rig.commit(&[&vec![incarnation; length]]);
            expected.push(vec![incarnation; length]);
        }
        let state = crate::rig::state_of(&expected);
        rig.journal.store_snapshot(|out| out.extend(state));
        rig.run_until_idle().unwrap();
    }
    let names = Folder::read_only(&path).unwrap().list().unwrap();
    assert!(names.contains(&"image-00000000000000000009".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with(".tmp")), "{names:?}");
}

#[test]
fn no_second_process_opens_a_folder_to_write() {
    if let Some(path) = std::env::var_os(FOLDER) {
        match Folder::open(path.as_ref()) {
            Ok(_) => println!("opened"),
            Err(error) => println!("refused: {error}"),
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let try_elsewhere = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let test = "folders::no_second_process_opens_a_folder_to_write";
        let command = command.args(["--exact", test, "--nocapture"]).env(FOLDER, folder.path());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let media = Arc::new(Folder::open(folder.path()).unwrap());
    let (rig, _) = Rig::start(media, config()).unwrap();
    let refused = format!(
        "refused: another process writes the journal in {}; stop it, or choose another folder",
        folder.path().display()
    );
    assert!(try_elsewhere().contains(&refused));
    let again = Folder::open(folder.path()).err();
    assert_eq!(again, Some(JournalError::Locked { folder: folder.path().display().to_string() }));
    drop(rig);
    assert!(try_elsewhere().contains("opened"));
}

#[test]
fn a_folder_that_is_looked_into_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut rig, _) =
        Rig::start(Arc::new(Folder::open(folder.path()).unwrap()), config()).unwrap();
    rig.commit(&[b"payload"]);
    let looked_into = Arc::new(Folder::read_only(folder.path()).unwrap());
    let mut reader = Reader::open(looked_into.clone()).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().record.payload, b"payload");
    assert_eq!(read(looked_into.clone(), config()).unwrap().1.payloads(), [b"payload"]);
    let error = Rig::start(looked_into.clone(), config()).err().unwrap();
    assert!(matches!(error, JournalError::Media { .. }), "{error}");
    for refused in [
        looked_into.create("new").err(),
        looked_into.rename("segment-0000000001", "new").err(),
        looked_into.remove("segment-0000000001").err(),
        looked_into.sync_folder().err(),
    ] {
        assert_eq!(refused.unwrap().kind(), std::io::ErrorKind::PermissionDenied);
    }
    let missing = Folder::read_only(&folder.path().join("nowhere")).err().unwrap();
    assert!(missing.to_string().starts_with("cannot read "), "{missing}");
}

#[test]
fn a_journal_belongs_to_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/shard-0");
    let (mut rig, _) = Rig::start(Arc::new(Folder::open(&path).unwrap()), config()).unwrap();
    rig.commit(&[b"payload"]);
    rig.journal.store_snapshot(|state| state.extend(b"state"));
    rig.run_until_idle().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode(&path), mode(path.parent().unwrap())], [0o700; 2]);
    let files: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(3 < files.len() && files.iter().all(|file| mode(file) == 0o600), "{files:?}");
}

/// What is done to a folder while a journal is written to it.
const WAYS: [fn(&Path); 4] = [
    |path| fs::remove_dir_all(path).unwrap(),
    |path| fs::remove_file(path.join("segment-0000000001")).unwrap(),
    |path| fs::rename(path, path.with_extension("old")).unwrap(),
    |path| {
        fs::rename(path, path.with_extension("old")).unwrap();
        fs::create_dir(path).unwrap();
        for name in ["lock", "segment-0000000001"] {
            fs::copy(path.with_extension("old").join(name), path.join(name)).unwrap();
        }
    },
];

#[test]
fn a_folder_that_is_taken_away_ends_the_journal_within_a_second() {
    for take_away in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shard-0");
        let (mut rig, _) = Rig::start(Arc::new(Folder::open(&path).unwrap()), config()).unwrap();
        rig.commit(&[b"payload"]);
        assert!(rig.checkpointer.wake_at() <= rig.now + Duration::from_secs(1));
        rig.advance(Duration::from_secs(1)).unwrap();
        take_away(&path);
        let error = rig.advance(Duration::from_secs(1)).unwrap_err();
        let file = "segment-0000000001".to_owned();
        assert_eq!(error, JournalError::Removed { file });
    }
}

#[test]
fn where_each_batch_is_checked_no_record_of_a_folder_that_is_gone_is_durable() {
    for take_away in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shard-0");
        let config = JournalConfig { checks_each_batch: true, ..config() };
        let (mut rig, _) = Rig::start(Arc::new(Folder::open(&path).unwrap()), config).unwrap();
        rig.commit(&[b"payload"]);
        let durable = rig.journal.durable();
        take_away(&path);
        rig.journal.append(1, 2, 0, b"payload");
        let error = rig.run_until_idle().unwrap_err();
        assert_eq!(error, JournalError::Removed { file: "segment-0000000001".to_owned() });
        assert_eq!(rig.journal.durable(), durable);
    }
}

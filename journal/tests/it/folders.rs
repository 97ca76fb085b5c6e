//! Real folders: the same journal, one writer at a time.

use std::process::Command;
use std::sync::Arc;

use allot_journal::{Folder, JournalError, Media, Reader};

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

//! What the embedded store promises beyond DynamoDB's API.

use std::fs;

use rankbot_store::{Connection, EmbeddedStore, Location, StoreError};

use crate::fixture::{create_table, item, key, s};

const TABLE: &str = "rankbot";

#[tokio::test]
async fn data_in_a_directory_survives_a_restart() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let location = Location::Directory(directory.path().join("made/on/demand"));

    let store = EmbeddedStore::start(location.clone()).expect("the directory is writable");
    let client = store.client();
    create_table(&client, TABLE).await;
    let note = item("GROUP#1", "META", [("note", s("kept"))]);
    client.put_item().table_name(TABLE).set_item(Some(note.clone())).send().await.expect("valid");
    store.stop().await;

    let store = EmbeddedStore::start(location).expect("the first has let go of it");
    let found = store.client().get_item().table_name(TABLE).set_key(Some(key("GROUP#1", "META"))).send().await;
    assert_eq!(found.expect("the table is there").item, Some(note));
}

/// What is in it are keys and a group's log.
#[cfg(unix)]
#[tokio::test]
async fn directory_and_files_are_their_owners_alone_whatever_they_were_before() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().expect("a temporary directory");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    for (name, was_there) in [("fresh", false), (".rankbot", true)] {
        let directory = parent.path().join(name);
        if was_there {
            fs::create_dir(&directory).expect("it can be made");
            for file in ["dynamodb.sqlite", "dynamodb.lock"] {
                fs::write(directory.join(file), "").expect("it can be written");
                fs::set_permissions(directory.join(file), fs::Permissions::from_mode(0o666)).expect("it is ours");
            }
            fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("it is ours");
        }
        let store = EmbeddedStore::start(Location::Directory(directory.clone())).expect("the directory is writable");
        create_table(&store.client(), TABLE).await;
        assert_eq!(mode(&directory), 0o700, "{name}");
        let files: Vec<_> =
            fs::read_dir(&directory).expect("it is there").map(|entry| entry.expect("a file").path()).collect();
        assert!(files.len() >= 2, "{files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }
}

/// It may hold what others are to read.
#[cfg(unix)]
#[tokio::test]
async fn another_directory_that_is_there_keeps_its_rights_and_its_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (path, note) = (directory.path(), directory.path().join("note.txt"));
    fs::write(&note, "for all").expect("it can be written");
    fs::set_permissions(&note, fs::Permissions::from_mode(0o644)).expect("it is ours");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let _store = EmbeddedStore::start(Location::Directory(path.to_owned())).expect("the directory is writable");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(path), mode(&note)), (0o755, 0o644));
    assert_eq!(mode(&path.join("dynamodb.sqlite")), 0o600);
}

#[tokio::test]
async fn dropped_store_lets_go_of_its_directory_with_clients_still_connected() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let location = Location::Directory(directory.path().to_owned());
    let store = EmbeddedStore::start(location.clone()).expect("the directory is writable");
    let client = store.client();
    create_table(&client, TABLE).await;
    drop(store);

    let store = EmbeddedStore::start(location).expect("the first has let go of it");
    let tables = store.client().list_tables().send().await.expect("it answers");
    assert_eq!(tables.table_names(), [TABLE]);
    drop(client);
}

#[tokio::test]
async fn stopped_store_accepts_no_connection() {
    let store = EmbeddedStore::start(Location::Memory).expect("memory needs nothing");
    let client = store.client();
    create_table(&client, TABLE).await;
    client.describe_table().table_name(TABLE).send().await.expect("it answers");
    store.stop().await;
    // Nothing listens; or another store does already, which does not know this one's table.
    client.describe_table().table_name(TABLE).send().await.expect_err("it is gone");
}

#[tokio::test]
async fn stores_in_memory_share_nothing() {
    let one = EmbeddedStore::start(Location::Memory).expect("memory needs nothing");
    let other = EmbeddedStore::start(Location::Memory).expect("memory needs nothing");
    create_table(&one.client(), TABLE).await;
    assert!(other.client().list_tables().send().await.expect("it answers").table_names().is_empty());
}

#[test]
fn directory_that_is_open_already_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let location = Location::Directory(directory.path().to_owned());
    let _open = EmbeddedStore::start(location.clone()).expect("the directory is writable");
    let error = EmbeddedStore::start(location).expect_err("it is open");
    assert!(matches!(&error, StoreError::AlreadyOpen { path } if path == directory.path()), "{error:?}");
}

#[test]
fn directory_that_cannot_be_made_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("file");
    fs::write(&file, "in the way").expect("writable");
    let error = EmbeddedStore::start(Location::Directory(file.join("data"))).expect_err("a file is in the way");
    assert!(matches!(error, StoreError::DirectoryNotWritable { .. }), "{error:?}");
}

#[test]
fn damaged_database_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("dynamodb.sqlite");
    let damaged = "not a database ".repeat(100);
    fs::write(&file, &damaged).expect("writable");
    let error = EmbeddedStore::start(Location::Directory(directory.path().to_owned())).expect_err("it is damaged");
    assert!(matches!(&error, StoreError::Unreadable { path, .. } if path.ends_with("dynamodb.sqlite")), "{error:?}");
    assert_eq!(fs::read_to_string(&file).expect("still there"), damaged);
}

#[test]
fn environment_names_the_store_by_the_standard_variables() {
    let environment = Connection::new("http://127.0.0.1:1").environment();
    assert_eq!(
        environment.each_ref().map(|(name, value)| (*name, value.as_str())),
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ]
    );
}

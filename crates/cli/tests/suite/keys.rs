//! Keys, as an operator makes and revokes them.

use std::fs;

use super::{run, run_in};

#[test]
fn keys_are_made_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &str| run_in(folder.path(), arguments);
    let made = run("keys create . --account 3 --name bot").text();
    assert!(made.contains("client secret") && made.contains("not shown again"), "{made}");
    let made = run("keys create . --account 4 --name desk --scope trade:read --json").json();
    let key = &made["key"];
    let (id, secret) = (key["client_id"].as_str().unwrap(), key["client_secret"].as_str().unwrap());
    assert_eq!((id.len(), secret.len()), (8, 43));
    assert_eq!((&key["account"], &key["scope"]), (&4.into(), &"trade:read".into()));
    let listed = run("keys list .").text();
    assert!(listed.contains(id) && !listed.contains(secret), "{listed}");
    assert!(listed.contains("account:read_write trade:read_write wallet:read"), "{listed}");
    let revoked = run(&format!("keys revoke . {id} --json")).json();
    assert!(revoked["key"]["revoked"].is_string());
    let listed = run("keys list . --json").json();
    let keys = listed["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert!(keys[0]["revoked"].is_null() && keys[1] == revoked["key"]);
    assert!(run("keys list . -o csv").text().starts_with("client_id,name,account,scope,"));
    for entry in fs::read_dir(folder.path()).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains(secret), "the secret is on disk");
    }
}

#[test]
fn what_is_wrong_with_keys_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = |arguments: &str, parts: &[&str]| {
        let run = run_in(folder.path(), arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments}");
        for part in parts {
            assert!(run.err.contains(part), "{arguments}: {part}\n{}", run.err);
        }
    };
    wrong("keys list nowhere", &["nowhere", "no such folder"]);
    wrong("keys revoke . nobody", &["keys.json", "nobody", "keys list"]);
    wrong("keys create . --account 0 --name a --scope trade:rw", &["trade:rw", "read_write"]);
    wrong("keys create . --account 0 --name a --scope connection", &["leave them out"]);
    wrong("keys create . --account -1 --name a", &["--account"]);
    assert!(!folder.path().join("keys.json").exists());
    run_in(folder.path(), "keys create . --account 0 --name a").text();
    fs::remove_file(folder.path().join("master.key")).unwrap();
    wrong("keys create . --account 0 --name b", &["master.key", "missing", "PLIMSOLL_MASTER_KEY"]);
    fs::write(folder.path().join("keys.json"), "{").unwrap();
    wrong("keys list .", &["keys.json", "put back"]);
}

#[test]
fn the_master_key_may_be_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let create = |key: String| {
        let mut command = super::command();
        command.current_dir(folder.path()).env("PLIMSOLL_MASTER_KEY", key);
        super::finish(command.args("keys create . --account 0 --name a".split(' ')))
    };
    assert!(create("short".to_owned()).err.contains("openssl rand -hex 32"));
    create("ab".repeat(32)).text();
    assert!(!folder.path().join("master.key").exists());
    let other = create("cd".repeat(32));
    assert_eq!(other.code, Some(2));
    assert!(other.err.contains("PLIMSOLL_MASTER_KEY"), "{}", other.err);
    assert!(run("keys create --help").text().contains("mainaccount"));
}

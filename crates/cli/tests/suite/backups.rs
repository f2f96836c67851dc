//! Back-up, restore and upgrade, with a venue that trades meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::clients::{Venue, turn};
use super::{Run, command, finish};

fn run(arguments: &[&str]) -> Run {
    finish(command().args(arguments).arg("--json"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The state hash of a journal after a command, from its first record on.
fn hash_at(data: &Path, sequence: u64) -> Value {
    let journal = data.join("journal");
    let told = run(&["replay", text(&journal), "--to", &sequence.to_string()]).json();
    told["replay"]["state_hash"].clone()
}

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

/// The drill: trade, back up twice while trading, kill, restore to a point, go on.
#[test]
fn a_venue_is_restored_to_any_point_of_a_back_up_taken_while_it_traded() {
    let _turn = turn();
    let venue = Venue::start_with(&[]);
    let data = venue.folder.path().join("data");
    let others = tempfile::tempdir().unwrap();
    let copy = others.path().join("backup");
    let back_up = || run(&["backup", text(&data), "--to", text(&copy)]).json()["backup"].clone();
    sleep(Duration::from_millis(1_500));
    let first = back_up();
    assert_eq!(first["beside_a_venue"], true);
    sleep(Duration::from_millis(1_500));
    let second = back_up();
    let (one, two) = (whole(&first["through"]), whole(&second["through"]));
    assert!(two > one, "{first} {second}");
    // `kill -9`; the folder is looked at afterwards.
    let login = venue.place.clone();
    let folder: TempDir = venue.killed();
    let data = folder.path().join("data");
    assert_eq!(second["state_hash"], hash_at(&data, two));

    let all = others.path().join("all");
    let restored = run(&["restore", text(&copy), "--to", text(&all)]).json()["restore"].clone();
    assert_eq!((whole(&restored["through"]), whole(&restored["epoch"])), (two, 2));
    assert_eq!(restored["state_hash"], second["state_hash"]);
    // Within a batch or at its end: any command will do.
    for until in [one - 1, one + 1, (one + two) / 2] {
        let part = others.path().join(format!("until-{until}"));
        let until_text = until.to_string();
        let told = run(&["restore", text(&copy), "--to", text(&part), "--until", &until_text]);
        let told = told.json()["restore"].clone();
        assert_eq!(told["state_hash"], hash_at(&data, until), "{told}");
        assert_eq!(whole(&told["commands_left_out"]), two - until);
        assert_eq!(hash_at(&part, until), told["state_hash"]);
    }
    let time = second["time"].as_str().unwrap();
    let at = others.path().join("at");
    let told = run(&["restore", text(&copy), "--to", text(&at), "--at", time]).json();
    assert_eq!(told["restore"]["through"], second["through"]);

    for private in ["keys.json", "master.key", "tokens.json"] {
        let original = fs::read(data.join(private)).ok();
        assert_eq!(original, fs::read(all.join(private)).ok(), "{private}");
    }
    // The same key logs in to the venue that was restored, and a back-up of it is one of its own.
    let home = tempfile::tempdir().unwrap();
    fs::rename(&all, home.path().join("data")).unwrap();
    let again = Venue::start_in(home, &[]);
    assert_eq!(again.place["client_id"], login["client_id"]);
    assert_eq!(whole(&again.place["recovered"]), two);
    trades(&again);
    let data = again.folder.path().join("data");
    let refused = run(&["backup", text(&data), "--to", text(&copy)]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("of another venue"), "{}", refused.err);
    let own = others.path().join("own");
    let own = run(&["backup", text(&data), "--to", text(&own)]).json();
    assert!(whole(&own["backup"]["through"]) > two);
}

/// The venue takes an order of its client, which then has it open.
fn trades(venue: &Venue) {
    let word = |key: &str| venue.place[key].as_str().unwrap().to_owned();
    let key = format!("{}:{}", word("client_id"), word("client_secret"));
    let call = |words: &[&str]| {
        let mut call = command();
        call.args(["admin", "--json", "--url", &word("rest")]).args(words);
        finish(call.env("PLIMSOLL_ADMIN_KEY", &key)).json()
    };
    let instrument = "instrument_name=BTC-PERPETUAL";
    let ticker = call(&["public/ticker", instrument]);
    let price = (ticker["mark_price"].as_f64().unwrap() * 0.98).round();
    let price = format!("price={price}");
    let placed = call(&["private/buy", instrument, "amount=10", "type=limit", &price]);
    let order = &placed["order"]["order_id"];
    assert_eq!(placed["order"]["order_state"], "open", "{placed}");
    let open = call(&["private/get_open_orders_by_instrument", instrument]);
    assert!(open.as_array().unwrap().iter().any(|one| one["order_id"] == *order), "{open}");
}

/// A data folder as the program of these rules left it.
fn fixture() -> (TempDir, PathBuf, String) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/tests/fixtures/rules-1");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("venue");
    fs::create_dir_all(data.join("journal")).unwrap();
    for entry in fs::read_dir(from.join("journal")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), data.join("journal").join(entry.file_name())).unwrap();
    }
    let hash = fs::read_to_string(from.join("state_hash")).unwrap();
    (folder, data, hash.trim().to_owned())
}

#[test]
fn a_stopped_venue_is_backed_up_whole_and_files_that_are_there_are_not_copied_again() {
    let (folder, data, hash) = fixture();
    fs::write(data.join("keys.json"), "keys").unwrap();
    fs::write(data.join("history.db"), "history").unwrap();
    let copy = folder.path().join("copy");
    let back_up = || run(&["backup", text(&data), "--to", text(&copy)]).json()["backup"].clone();
    let first = back_up();
    assert_eq!(
        (&first["beside_a_venue"], &first["state_hash"]),
        (&false.into(), &hash.clone().into())
    );
    assert!(!copy.join("history.db").exists());
    assert_eq!(whole(&first["files"]), whole(&first["files_copied"]));
    let second = back_up();
    assert_eq!(whole(&second["files_copied"]), 0, "{second}");
    let small = || fs::read_dir(copy.join("small")).unwrap().count();
    assert_eq!(small(), 1, "the keys");
    fs::remove_file(data.join("keys.json")).unwrap();
    back_up();
    assert_eq!(small(), 0);

    let to = folder.path().join("restored");
    let restored = run(&["restore", text(&copy), "--to", text(&to)]).json();
    assert_eq!(restored["restore"]["state_hash"], hash);
    let refused = |arguments: &[&str], words: &str| {
        let run = run(arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
        assert!(run.err.contains(words), "{words}: {}", run.err);
    };
    refused(&["restore", text(&copy), "--to", text(&to)], "nothing is overwritten");
    refused(&["restore", text(&data), "--to", "nowhere"], "no back-up is here");
    refused(&["backup", text(&copy.join("journal")), "--to", "nowhere"], "no venue's journal");
    refused(&["backup", text(&data), "--to", text(&to)], "no back-up; choose an empty folder");
    let nowhere = folder.path().join("nowhere");
    let late = ["restore", text(&copy), "--to", text(&nowhere), "--until", "9999"];
    refused(&late, "the back-up has commands 1 to");
    let early = ["restore", text(&copy), "--to", text(&nowhere), "--at", "1960-01-01T00:00:00Z"];
    refused(&early, "the back-up has commands 1 to");
    let segment = copy.join("journal/00000000000000000001.journal");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[700] ^= 1;
    fs::write(&segment, bytes).unwrap();
    refused(
        &["restore", text(&copy), "--to", text(&nowhere)],
        "its hash is not that of the manifest",
    );
    assert!(!nowhere.exists() && !nowhere.with_extension("restoring").exists());
}

#[test]
fn a_back_up_has_its_folder_to_itself_and_closes_it_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, data, _) = fixture();
    let rights = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let open = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let back_up = |to: &Path| run(&["backup", text(&data), "--to", text(to)]);
    let copy = open("copy");
    assert_eq!(back_up(&copy).code, Some(0));
    assert_eq!(rights(&copy), 0o700, "it was there, and is private now");
    let manifest = fs::read(copy.join("manifest.json")).unwrap();
    let other = fs::File::create(copy.join("lock")).unwrap();
    other.lock().unwrap();
    let refused = back_up(&copy);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
    assert!(refused.err.contains("another back-up is under way"), "{}", refused.err);
    assert_eq!(fs::read(copy.join("manifest.json")).unwrap(), manifest);
    drop(other);
    assert_eq!(back_up(&copy).code, Some(0));
    // What is somebody else's stays as it is.
    let foreign = open("foreign");
    fs::write(foreign.join("letter"), "dear").unwrap();
    assert!(back_up(&foreign).err.contains("choose an empty folder"));
    assert_eq!((rights(&foreign), fs::read_dir(&foreign).unwrap().count()), (0o755, 1));
}

#[test]
fn an_upgrade_opens_what_an_earlier_program_left_and_keeps_its_state() {
    let (_folder, data, hash) = fixture();
    for _ in 0..2 {
        let told = run(&["upgrade", text(&data)]).json()["upgrade"].clone();
        assert_eq!((&told["rules_before"], &told["rules_after"]), (&1.into(), &1.into()));
        assert_eq!(
            (&told["state_hash"], &told["snapshot"]),
            (&hash.clone().into(), &told["through"])
        );
    }
    let verified = run(&["verify", text(&data.join("journal"))]).json();
    assert_eq!(verified["verification"]["state_hash"], hash);
    let nowhere = run(&["upgrade", "nowhere"]);
    assert!(nowhere.err.contains("no venue's journal is here"), "{}", nowhere.err);
}

//! The commands of docs/operations.md, in their order, on a venue with a demo.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::clients::{Venue, turn};
use super::{command, finish};

const LISTEN: [&str; 2] = ["--admin-listen", "127.0.0.1:0"];

/// The lines of the blocks marked `sh`.
fn lines() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// A line as a shell takes it apart: quotes hold together, and are gone.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for letter in line.chars() {
        let word = words.last_mut().unwrap();
        match (letter, quote) {
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            (' ', None) => words.push(String::new()),
            (letter, _) => word.push(letter),
        }
    }
    words
}

#[test]
fn the_commands_of_the_page_do_what_it_says() {
    let _turn = turn();
    let mut venue = Some(Venue::start_with(&LISTEN));
    let mut stopped = None;
    let path = venue.as_ref().unwrap().folder.path().to_owned();
    symlink(path.join("data"), path.join("venue")).unwrap();
    let mut key = String::new();
    let mut methods = 0;
    for line in lines() {
        match line.as_str() {
            "systemctl stop plimsoll" => stopped = venue.take().map(Venue::killed),
            "systemctl start plimsoll" => {
                venue = stopped.take().map(|folder| Venue::start_in(folder, &LISTEN));
            }
            line => {
                let words = words(line.strip_prefix("plimsoll ").expect(line));
                let mut run = command();
                run.current_dir(&path).args(&words).args(["--output", "json"]);
                if let Some(venue) = &venue {
                    run.env("PLIMSOLL_ADMIN_URL", venue.place["admin"].as_str().unwrap());
                }
                let told = finish(run.env("PLIMSOLL_ADMIN_KEY", &key));
                assert_eq!(told.code, Some(0), "{line}: {}", told.err);
                if line.starts_with("plimsoll keys create") {
                    let made = told.json();
                    let word = |name: &str| made["key"][name].as_str().unwrap().to_owned();
                    key = format!("{}:{}", word("client_id"), word("client_secret"));
                    std::thread::sleep(Duration::from_millis(1_500));
                } else if line.starts_with("plimsoll admin") {
                    methods += 1;
                }
            }
        }
    }
    assert!(methods > 10 && venue.is_some());
}

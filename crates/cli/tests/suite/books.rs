//! `margin --book`: whole books in, figures out.

use std::fs;
use std::path::Path;

use crate::{command, finish, run, run_in};

/// A folder with the sample's files.
fn sample() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), "sample .").text();
    folder
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn figures_go_to_standard_output_or_a_file() {
    let folder = sample();
    let shown = run_in(folder.path(), "margin --book portfolio.csv --output json").json();
    let accounts = shown["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 12);
    let written =
        run_in(folder.path(), "margin --book portfolio.csv --out figures.csv --threads 1");
    assert!(!written.text().contains("covered-call"));
    let figures = read(folder.path(), "figures.csv");
    let mut lines = figures.lines();
    let header = "account,worst_loss,value_at_risk,expected_shortfall,requirement";
    assert_eq!(lines.next(), Some(header));
    for (line, account) in lines.zip(accounts) {
        let fields: Vec<&str> = line.split(',').collect();
        let names = ["account", "worst_loss", "value_at_risk", "expected_shortfall", "requirement"];
        for (field, name) in fields.iter().zip(names) {
            assert_eq!(account[name], *field, "{line}");
        }
    }
    assert_eq!(shown["book"]["accounts"], 12);
    assert_eq!(shown["book"]["fallback_rate"], 0.0);
}

/// The requirement is what `explain` finds for each account, to the last digit.
#[test]
fn requirements_are_those_of_explain() {
    let folder = sample();
    let shown = run_in(folder.path(), "margin --book portfolio.csv --output json").json();
    for account in shown["accounts"].as_array().unwrap() {
        let name = account["account"].as_str().unwrap();
        let explained = run(&format!("explain --account {name} --output csv")).text();
        let requirement = account["requirement"].as_str().unwrap();
        assert!(explained.contains(&format!(",{requirement}\n")), "{name} {requirement}");
    }
}

#[test]
fn parquet_comes_back_as_it_went() {
    let folder = sample();
    let book = "margin --book portfolio.csv --out figures.parquet";
    run_in(folder.path(), book).text();
    let bytes = fs::read(folder.path().join("figures.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    assert!(!folder.path().join("figures.parquet.part").exists());
    // It has no instruments, so it is no book.
    let refused = run_in(folder.path(), "margin --book figures.parquet");
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("figures.parquet:1: instrument: the schema lacks this column"));
}

#[test]
fn thresholds_change_no_figure() {
    let folder = sample();
    let path = folder.path();
    let first = "margin --book portfolio.csv --thresholds kept --out cold.csv";
    run_in(path, first).text();
    let kept = fs::read(path.join("kept")).unwrap();
    let again = "margin --book portfolio.csv --thresholds kept --out warm.csv";
    run_in(path, again).text();
    assert_eq!(read(path, "cold.csv"), read(path, "warm.csv"));
    assert_eq!(fs::read(path.join("kept")).unwrap(), kept);

    let without: String = read(path, "portfolio.csv")
        .lines()
        .filter(|line| !line.starts_with("collar"))
        .fold(String::new(), |text, line| text + line + "\n");
    fs::write(path.join("other.csv"), without).unwrap();
    // Another book starts afresh, with a word about it, and leaves its own.
    run_in(path, "margin --book other.csv --out alone.csv").text();
    let other = run_in(path, "margin --book other.csv --thresholds kept --out other-out.csv");
    assert!(other.err.contains("warning: kept: the thresholds belong to other accounts"));
    other.text();
    assert_eq!(read(path, "alone.csv"), read(path, "other-out.csv"));
    let replaced = fs::read(path.join("kept")).unwrap();
    assert!(replaced.len() < kept.len());
    let silent = run_in(path, "margin --book other.csv --thresholds kept --out other-out.csv");
    assert_eq!(silent.err, "");

    // What is no thresholds file is not replaced.
    let note = b"not to be lost".to_vec();
    for bytes in [kept[..kept.len() - 1].to_vec(), note] {
        fs::write(path.join("kept"), &bytes).unwrap();
        let refused = run_in(path, again);
        assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
        assert!(refused.err.contains("not a whole thresholds file"), "{}", refused.err);
        assert_eq!(fs::read(path.join("kept")).unwrap(), bytes);
    }
}

#[test]
fn no_file_of_the_run_is_replaced_by_another() {
    let folder = sample();
    let path = folder.path();
    let check = |arguments: &str, message: &str| {
        let run = run_in(path, arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments}");
        assert!(run.err.contains(message), "{arguments}: {}", run.err);
    };
    let before = read(path, "portfolio.csv");
    let of_book = "is the file of --book too";
    check("margin --book portfolio.csv --out portfolio.csv", of_book);
    check("margin --book portfolio.csv --out ./portfolio.csv", of_book);
    check("margin --book portfolio.csv --thresholds portfolio.csv", of_book);
    let of_market = "--out market.csv is the file of --market too";
    check("margin --book portfolio.csv --market market.csv --out market.csv", of_market);
    let of_thresholds = "is the file of --thresholds too";
    check("margin --book portfolio.csv --out new.csv --thresholds ./new.csv", of_thresholds);
    assert!(!path.join("new.csv").exists());
    fs::create_dir(path.join("folder.csv")).unwrap();
    check("margin --book portfolio.csv --out folder.csv", "no plain file");
    check("margin --book portfolio.csv --out none/x.csv", "none/x.csv: cannot be written");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("portfolio.csv", path.join("link.csv")).unwrap();
        check("margin --book portfolio.csv --out link.csv", of_book);
        check("margin --book link.csv --out portfolio.csv", of_book);
    }
    assert_eq!(read(path, "portfolio.csv"), before);
}

#[test]
fn nothing_stands_beside_what_is_written() {
    let folder = sample();
    let path = folder.path();
    fs::write(path.join("figures.csv.part"), "mine").unwrap();
    let names = || fs::read_dir(path).unwrap().count();
    let before = names();
    run_in(path, "margin --book portfolio.csv --out figures.csv").text();
    assert_eq!(read(path, "figures.csv.part"), "mine");
    assert_eq!(names(), before + 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name| fs::metadata(path.join(name)).unwrap().permissions().mode();
        assert_eq!(mode("figures.csv"), mode("figures.csv.part"));
    }
}

#[test]
fn any_number_of_threads_is_taken() {
    let folder = sample();
    let shown = |threads: &str| {
        let book = "margin --book portfolio.csv --output json --threads";
        run_in(folder.path(), &format!("{book} {threads}")).json()
    };
    let (one, many) = (shown("1"), shown("60000"));
    assert_eq!(one["accounts"], many["accounts"]);
    assert_eq!(many["book"]["threads"], 1);
}

/// CSV as it comes, Parquet once it has come.
#[cfg(unix)]
#[test]
fn a_book_may_come_through_a_pipe() {
    let folder = sample();
    let piped = |name: &str| {
        use std::process::{Command, Stdio};
        let file = fs::File::open(folder.path().join(name)).unwrap();
        let mut source = Command::new("cat").stdin(file).stdout(Stdio::piped()).spawn().unwrap();
        let pipe = source.stdout.take().unwrap();
        let mut book = command();
        book.args(["margin", "--book", "/dev/stdin", "--output", "json"]).stdin(pipe);
        let run = finish(&mut book);
        source.wait().unwrap();
        run
    };
    let file = run_in(folder.path(), "margin --book portfolio.csv --output json").json();
    assert_eq!(piped("portfolio.csv").json()["accounts"], file["accounts"]);
    fs::write(folder.path().join("cut"), b"PAR1 and no more").unwrap();
    let cut = piped("cut");
    assert_eq!(cut.code, Some(2));
    assert!(cut.err.contains("/dev/stdin:1: the file does not end as Parquet files do"));
    fs::write(folder.path().join("short"), b"a").unwrap();
    assert!(piped("short").err.contains("/dev/stdin:1: account: "));
}

#[test]
fn the_requirement_is_said_to_be_no_margin() {
    let help = run("margin --help").text();
    let words: Vec<&str> = help.split_whitespace().collect();
    assert!(words.join(" ").contains("is R before add-ons, not its margin"), "{help}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = sample();
    let check = |arguments: &str, message: &str| {
        let run = run_in(folder.path(), arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments}");
        assert!(run.err.contains(message), "{arguments}: {}", run.err);
        assert!(!run.err.contains("panicked"), "{}", run.err);
    };
    check("margin --book none.csv", "none.csv: cannot be opened");
    check("margin --book portfolio.csv --check", "cannot be used with");
    check("margin --book portfolio.csv --portfolio portfolio.csv", "cannot be used with");
    check("margin --out x.csv", "--book");
    check("margin --book portfolio.csv --out x.txt", "end the name in .parquet or .csv");
    check("margin --book portfolio.csv --threads 0", "--threads");
    check("margin --book portfolio.csv --methodology standard", "a book needs kind `scenario`");
    check("margin --book none.csv --methodology standard", "a book needs kind `scenario`");
    check("margin --book none.csv --methodology deribit-pm", "a book needs kind `scenario`");
    fs::write(folder.path().join("cut.parquet"), b"PAR1 and no more").unwrap();
    check("margin --book cut.parquet", "cut.parquet:1: the file does not end as Parquet files do");
    fs::write(folder.path().join("text.parquet"), b"account,instrument\n").unwrap();
    check("margin --book text.parquet", "the file is no Parquet file");
    fs::write(folder.path().join("row.csv"), "account,instrument,quantity\na,BTC,1\nb,BTC,x\n")
        .unwrap();
    check("margin --book row.csv", "row.csv:3: quantity: `x`");
    let unknown = "account,instrument,quantity\na,BTC-1JAN30-1-C,1\n";
    fs::write(folder.path().join("unknown.csv"), unknown).unwrap();
    check("margin --book unknown.csv", "the sample market does not list BTC-1JAN30-1-C");
    check("margin --book unknown.csv", "name the book's own market with --market");
    let given = "margin --book unknown.csv --market market.csv --history history.csv";
    check(given, "instrument: the market does not list BTC-1JAN30-1-C; correct");
}

/// Without a history nothing is shared, so there is no shortfall to report.
#[test]
fn without_a_history_only_worst_losses_are_left() {
    let folder = sample();
    let run = run_in(folder.path(), "margin --market market.csv --book portfolio.csv --output csv");
    assert!(run.err.contains("no --history"));
    let text = run.text();
    let pair = text.lines().find(|line| line.starts_with("pair,")).unwrap();
    let fields: Vec<&str> = pair.split(',').collect();
    assert_eq!((fields[1], fields[2], fields[3]), (fields[4], "", ""));
}

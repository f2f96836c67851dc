//! Historical value at risk and expected shortfall.

use std::fs;

use plimsoll_conformance::{Set, VectorFile, check};

use crate::data::{check_error, check_published, failing, file, published_files};

const PROFITS: &str = "\
#Portfolio,RiskClass,RiskType,PLDate1,PLDate2,PLAmount
book,All,All,2016-12-30,2017-01-17,-30.000000
book,All,All,2017-01-03,2017-01-18,20.500000
book,Equity,Delta,2017-01-03,2017-01-18,7.000000
book,All,All,2017-01-04,2017-01-19,-10.000001
book,All,All,2017-01-05,2017-01-20,-10.000001
";

/// Of -30, -10, -10, 20.5: at 0.3 the second, at 0.9 the last; at 0.75 the third or the last.
const ANSWERS: &str = "\
#Portfolio,RiskClass,RiskType,Quantile_0.300000,Quantile_0.900000,Quantile_0.750000,ExpectedShortfall_0.300000,ExpectedShortfall_0.900000
book,All,All,-10.000001,20.500000,20.500000,-16.666667,-7.375001
book,Equity,Delta,7.000000,7.000000,7.000000,7.000000,7.000000
";

fn pair(profits: &str, answers: &str) -> [VectorFile; 2] {
    [file("a/var-es.csv", answers), file("a/historical-pnl.csv", profits)]
}

#[test]
fn published_vectors_pass() {
    check_published(Set::Ore, 2);
}

#[test]
fn made_vectors_pass_but_for_the_one_that_is_changed() {
    let check = |answers: &str| check(Set::Ore, &pair(PROFITS, answers)).unwrap();
    assert_eq!(failing(&check(ANSWERS)), []);
    // Either of two quantiles counts, and nothing between.
    assert_eq!(failing(&check(&ANSWERS.replacen("20.500000,-16", "-10.000001,-16", 1))), []);
    for (part, by) in [
        ("20.500000,-16", "0.000000,-16"),
        ("-16.666667", "-16.666669"),
        ("All,-10.000001", "All,-30.000000"),
        ("-7.375001", "-10.000001"),
    ] {
        assert!(ANSWERS.contains(part), "{part}");
        let report = check(&ANSWERS.replacen(part, by, 1));
        assert_eq!(failing(&report), [("book, All, All".to_owned(), 1)], "{part}");
    }
}

#[test]
fn large_amounts_are_compared_to_their_last_digits() {
    let header = "Portfolio,RiskClass,RiskType,PLAmount\n";
    let profits = format!("{header}a,b,c,-123456789012345.67\na,b,c,987654321098765.43\n");
    let answers = |shortfall: &str| {
        format!("Portfolio,RiskClass,RiskType,ExpectedShortfall_0.9\na,b,c,{shortfall}\n")
    };
    let check = |text: &str| check(Set::Ore, &pair(&profits, &answers(text))).unwrap().passed();
    assert_eq!(check("432098766043209.88"), 1);
    assert_eq!(check("432098766044209.88"), 0);
}

#[test]
fn each_changed_published_answer_is_found() {
    let files = published_files(Set::Ore);
    let Some(answers) = files.iter().position(|file| file.name.ends_with("var-es.csv")) else {
        return;
    };
    let text = String::from_utf8(files[answers].bytes.clone()).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    for column in 3..rows[1].len() {
        let mut rows = rows.clone();
        let changed = format!("{:.6}", rows[1][column].parse::<f64>().unwrap() + 2e-6);
        rows[1][column] = &changed;
        let text: String = rows.iter().map(|row| row.join(",") + "\n").collect();
        let mut files = files.clone();
        files[answers].bytes = text.into_bytes();
        let report = check(Set::Ore, &files).unwrap();
        assert_eq!(failing(&report), [("All, All, All".to_owned(), 1)]);
        assert_eq!(report.cases[0].mismatches[0].quantity, rows[0][column]);
    }
}

#[test]
fn files_are_matched_by_folder_and_name() {
    let other = PROFITS.replace("-30.0", "-31.0");
    let report = check(
        Set::Ore,
        &[
            file("a/1-var-es.csv", ANSWERS),
            file("a/historical-pnl-2.csv", &other),
            file("a/1-historical-pnl.csv", PROFITS),
            file("a/var-es_2.csv", &ANSWERS.replace("-16.666667", "-17.000001")),
            file("b/var-es.csv", ANSWERS),
            file("b/whatever.csv", PROFITS),
        ],
    )
    .unwrap();
    let names: Vec<_> = report.cases.iter().map(|case| case.file.as_str()).collect();
    assert_eq!(report.cases.len(), 6, "{names:?}");
    // In the second pair a mean over all four profits has changed too.
    assert_eq!(failing(&report), [("book, All, All".to_owned(), 1)]);
    assert_eq!(report.cases[2].mismatches[0].quantity, "ExpectedShortfall_0.900000");
    // Two files alone need no folder in common.
    let apart = [file("a/var-es.csv", ANSWERS), file("b/pnl.csv", PROFITS)];
    assert_eq!(check(Set::Ore, &apart).unwrap().passed(), 2);
}

#[test]
fn what_belongs_to_a_file_is_found_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("var-es-1.csv"), ANSWERS).unwrap();
    fs::write(at("historical-pnl-1.csv"), PROFITS).unwrap();
    fs::write(at("notes.csv"), "what,when\n").unwrap();
    let cases = |names: &[&str]| {
        let paths: Vec<_> = names.iter().map(|name| at(name)).collect();
        check(Set::Ore, &Set::Ore.read(&paths).unwrap()).map(|report| report.passed())
    };
    assert_eq!(cases(&["var-es-1.csv"]), Ok(2));
    assert_eq!(cases(&["historical-pnl-1.csv"]), Ok(2));
    assert_eq!(cases(&["historical-pnl-1.csv", "var-es-1.csv"]), Ok(2));
    fs::write(at("var-es-2.csv"), ANSWERS.replace("7.000000", "8.000000")).unwrap();
    fs::write(at("historical-pnl-2.csv"), PROFITS.replace("7.000000", "8.000000")).unwrap();
    fs::remove_file(at("notes.csv")).unwrap();
    assert_eq!(cases(&["var-es-2.csv"]), Ok(2));
    assert_eq!(cases(&["historical-pnl-1.csv"]), Ok(2));
    assert_eq!(cases(&["var-es-1.csv", "var-es-2.csv"]), Ok(4));
    assert_eq!(cases(&["."]), Ok(4));
    fs::remove_file(at("historical-pnl-2.csv")).unwrap();
    fs::remove_file(at("historical-pnl-1.csv")).unwrap();
    assert!(cases(&["var-es-2.csv"]).unwrap_err().to_string().contains("beside"));
}

#[test]
fn hostile_files_are_refused() {
    let refused = |profits: &str, answers: &str, words: &str| {
        let error = check(Set::Ore, &pair(profits, answers)).unwrap_err();
        check_error(&error);
        assert!(error.to_string().contains(words), "{error}");
    };
    let in_profits = |part: &str, by: &str, words: &str| {
        refused(&PROFITS.replacen(part, by, 1), ANSWERS, words);
    };
    let in_answers = |part: &str, by: &str, words: &str| {
        refused(PROFITS, &ANSWERS.replacen(part, by, 1), words);
    };
    in_profits("-30.000000", "nan", "line 2: PLAmount: `nan`");
    in_profits("-30.000000", "1e999", "line 2: PLAmount:");
    in_profits("#Portfolio", "Book", "Portfolio: the header lacks");
    in_profits("PLAmount", "Amount", "neither `PLAmount`");
    in_profits(",-30.000000", "", "line 2: the row has 5 fields");
    in_answers("book,Equity", "book,Credit", "line 3: #Portfolio: a/historical-pnl.csv has no row");
    in_answers("Quantile_0.300000", "Quantile_1.300000", "Quantile_1.300000: a probability");
    in_answers("Quantile_0.300000", "Quantile_NaN", "a probability");
    in_answers("Quantile_0.300000", "Quantile_0.1234567", "at most six decimals");
    in_answers("-16.666667", "inf", "line 2: ExpectedShortfall_0.300000: `inf`");
    in_answers(&ANSWERS[ANSWERS.find('\n').unwrap() + 1..], "", "no rows");
    let alone = |text: &str| check(Set::Ore, &[file("a.csv", text)]).unwrap_err().to_string();
    assert!(alone(PROFITS).contains("lies beside it"));
    assert!(alone(ANSWERS).contains("lies beside it"));
    assert!(alone("").contains("empty"));
}

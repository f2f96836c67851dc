//! Which answers belong to which profits: by folder, and within a folder by name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use marketdata::Table;

use crate::files::{beside, read, start};
use crate::{VectorError, VectorFile};

/// How the names of files beside end.
const ENDING: &str = ".csv";
/// The column of profits.
pub(super) const AMOUNT: &str = "PLAmount";
const QUANTILE: &str = "Quantile_";
const SHORTFALL: &str = "ExpectedShortfall_";
/// Words of a file's name that say its kind, not whose it is.
const KIND_WORDS: [&str; 4] = ["var", "es", "historical", "pnl"];

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Profits,
    Answers,
}

/// Tells by the header.
pub(super) fn kind(file: &VectorFile) -> Result<Kind, VectorError> {
    let table = Table::open(&file.name, &*file.bytes, 0)?;
    if table.optional(AMOUNT).is_some() {
        return Ok(Kind::Profits);
    }
    if table.header().iter().any(|name| probability(name).is_some()) {
        return Ok(Kind::Answers);
    }
    let message = format!("the header has neither `{AMOUNT}` nor `{QUANTILE}…` nor `{SHORTFALL}…`");
    Err(VectorError::at(&file.name, "line 1", message, "give files as the engine writes them"))
}

/// Whether a column is of shortfalls, and the probability in its name.
pub(super) fn probability(column: &str) -> Option<(bool, &str)> {
    let shortfall = column.strip_prefix(SHORTFALL).map(|probability| (true, probability));
    shortfall.or_else(|| column.strip_prefix(QUANTILE).map(|probability| (false, probability)))
}

/// Every file of answers with the file of its profits, by index.
pub(super) fn match_files(files: &[VectorFile]) -> Result<Vec<(usize, usize)>, VectorError> {
    let sorted = Sorted::of(files.iter().map(|file| Ok((kind(file)?, Owner::of(&file.name)))))?;
    let mut pairs = Vec::new();
    for answers in &sorted.answers {
        let profits = sorted.partner(answers).map_err(|candidates| {
            let message = match candidates {
                0 => format!("no file with a column `{AMOUNT}` lies beside it"),
                _ => format!("{candidates} files with a column `{AMOUNT}` lie beside it"),
            };
            let remedy = "put one `historical-pnl.csv` and its `var-es.csv` into a folder";
            VectorError::of_file(&files[answers.index].name, message, remedy)
        })?;
        pairs.push((answers.index, profits));
    }
    let used: BTreeSet<usize> = pairs.iter().map(|&(_, profits)| profits).collect();
    if let Some(unused) = sorted.profits.iter().find(|profits| !used.contains(&profits.index)) {
        let message = format!("no file with columns `{QUANTILE}…` lies beside it");
        let remedy = "put its `var-es.csv` into the same folder";
        return Err(VectorError::of_file(&files[unused.index].name, message, remedy));
    }
    Ok(pairs)
}

/// Adds what lies beside the given files and belongs to them: the profits of answers that were
/// given without, the answers of profits that were.
pub(crate) fn complete(mut files: Vec<VectorFile>) -> Result<Vec<VectorFile>, VectorError> {
    let given = files.len();
    // What is no file of this set was not asked for.
    let beside: Vec<(PathBuf, Kind)> = beside(&files, ENDING)
        .into_iter()
        .filter_map(|path| Some((kind(&start(&path)?).ok()?, path)))
        .map(|(kind, path)| (path, kind))
        .collect();
    let named = files.iter().map(|file| Ok((kind(file)?, Owner::of(&file.name))));
    let unnamed = beside.iter().map(|(path, kind)| Ok((*kind, Owner::of(&path.to_string_lossy()))));
    let sorted = Sorted::of(named.chain(unnamed))?;
    let pairs = sorted
        .answers
        .iter()
        .filter_map(|answers| sorted.partner(answers).ok().map(|profits| (answers.index, profits)));
    let pairs: Vec<(usize, usize)> = pairs.collect();
    let answered: BTreeSet<usize> =
        pairs.iter().filter(|pair| pair.0 < given).map(|pair| pair.1).collect();
    let mut wanted = BTreeSet::new();
    for (answers, profits) in pairs {
        if answers < given {
            wanted.insert(profits);
        } else if profits < given && !answered.contains(&profits) {
            wanted.insert(answers);
        }
    }
    for index in wanted.into_iter().filter(|&index| index >= given) {
        files.push(read(&beside[index - given].0)?);
    }
    Ok(files)
}

/// A file's place, and its name without the words for its kind.
struct Owner {
    folder: PathBuf,
    rest: String,
}

impl Owner {
    fn of(name: &str) -> Self {
        let path = Path::new(name);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let words = stem.split(|c: char| !c.is_alphanumeric());
        let rest: Vec<&str> = words.filter(|word| !KIND_WORDS.contains(word)).collect();
        Self { folder: path.parent().unwrap_or(path).to_owned(), rest: rest.join("-") }
    }
}

/// A file by its index.
struct Indexed {
    index: usize,
    owner: Owner,
}

/// Files by kind.
#[derive(Default)]
struct Sorted {
    answers: Vec<Indexed>,
    profits: Vec<Indexed>,
}

impl Sorted {
    fn of(
        files: impl Iterator<Item = Result<(Kind, Owner), VectorError>>,
    ) -> Result<Self, VectorError> {
        let mut sorted = Self::default();
        for (index, file) in files.enumerate() {
            let (kind, owner) = file?;
            let of_kind = match kind {
                Kind::Profits => &mut sorted.profits,
                Kind::Answers => &mut sorted.answers,
            };
            of_kind.push(Indexed { index, owner });
        }
        Ok(sorted)
    }

    /// The index of the profits that answers belong to, or how many there were to choose from.
    fn partner(&self, answers: &Indexed) -> Result<usize, usize> {
        let owner = &answers.owner;
        let is_only_pair = self.answers.len() == 1 && self.profits.len() == 1;
        let is_near = |other: &&Indexed| is_only_pair || other.owner.folder == owner.folder;
        let near: Vec<&Indexed> = self.profits.iter().filter(is_near).collect();
        if let [only] = near[..] {
            return Ok(only.index);
        }
        let mut by_name = near.iter().filter(|other| other.owner.rest == owner.rest);
        match (by_name.next(), by_name.next()) {
            (Some(only), None) => Ok(only.index),
            _ => Err(near.len()),
        }
    }
}

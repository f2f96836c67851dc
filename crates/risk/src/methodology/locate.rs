//! The line of a methodology file that a problem stands on.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::MethodologyError;
use super::check::{Problem, Step};

/// Keys at the top of a file that methodologies of one kind alone have.
const OWN_KEYS: [(&str, &[&str]); 3] = [
    (
        "scenario",
        &["subadditive", "universe", "market", "maintenance_share", "horizon", "ranges", "addons"],
    ),
    ("grid", &["valuation", "discount", "margin", "underlying", "charge"]),
    (
        "position",
        &["notional_at", "options", "futures", "expiry_cap", "oracle", "peg", "fees", "collateral"],
    ),
];

/// Gives a problem the line of its key; failing that, of the innermost table on the way to it.
pub(super) fn locate(text: &str, problem: Problem) -> MethodologyError {
    let line = DeTable::parse(text).ok().and_then(|top| start(top.get_ref(), &problem));
    let whose = problem.entry.map_or_else(String::new, |name| format!("`{name}`: "));
    let message = format!("{whose}{}: {}", problem.key, problem.message);
    MethodologyError::of(line.map(|offset| line_at(text, offset)), message)
}

/// The complaint about a file whose keys are mostly those of another kind than it states.
pub(super) fn misfit(text: &str, kind: &str) -> Option<MethodologyError> {
    let top = DeTable::parse(text).ok()?;
    let keys_of = |keys: &[&'static str]| -> Vec<&'static str> {
        keys.iter().copied().filter(|key| top.get_ref().contains_key(*key)).collect()
    };
    let (_, own) = OWN_KEYS.iter().find(|(name, _)| *name == kind)?;
    let others = OWN_KEYS.iter().filter(|(name, _)| *name != kind);
    let (other, found) = others
        .map(|(name, keys)| (*name, keys_of(keys)))
        .max_by_key(|(_, found)| found.len())
        .filter(|(_, found)| found.len() > keys_of(own).len())?;
    let keys: Vec<String> = found.iter().map(|key| format!("`{key}`")).collect();
    let keys = keys.join(", ");
    let message = format!("`{kind}` does not fit the other keys: {keys} are of kind `{other}`");
    let error = locate(text, Problem::new("kind", message));
    Some(error.like(other))
}

/// The line of a byte, from one.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count() + 1
}

/// A value of the file and where it stands.
#[derive(Clone, Copy)]
enum Place<'a> {
    Table(&'a DeTable<'a>),
    Other(&'a DeValue<'a>),
}

impl<'a> Place<'a> {
    fn of(value: &'a DeValue<'a>) -> Self {
        match value {
            DeValue::Table(table) => Self::Table(table),
            other => Self::Other(other),
        }
    }

    /// What stands in it: for tables with the spans of the keys, for arrays with those of the
    /// elements.
    fn children(self) -> Vec<(Option<&'a str>, Range<usize>, &'a DeValue<'a>)> {
        match self {
            Self::Table(table) => {
                let child = |(key, value): (&'a toml::Spanned<_>, &'a toml::Spanned<_>)| {
                    let name: &'a std::borrow::Cow<'a, str> = key.get_ref();
                    (Some(&**name), key.span(), value.get_ref())
                };
                table.iter().map(child).collect()
            }
            Self::Other(DeValue::Array(list)) => {
                list.iter().map(|one| (None, one.span(), one.get_ref())).collect()
            }
            Self::Other(_) => vec![],
        }
    }
}

/// Where a problem's key starts.
fn start(top: &DeTable<'_>, problem: &Problem) -> Option<usize> {
    let mut place = Place::Table(top);
    let mut innermost = None;
    for step in problem.path.iter().rev() {
        let children = place.children();
        let (name, index) = match step {
            Step::Table(name) => (name.as_str(), None),
            Step::Element(list, index) => (*list, Some(*index)),
        };
        let Some((_, span, value)) = children.into_iter().find(|(key, ..)| *key == Some(name))
        else {
            break;
        };
        (place, innermost) = (Place::of(value), Some(span.start));
        if let Some((_, span, value)) =
            index.and_then(|index| place.children().into_iter().nth(index))
        {
            let named =
                Place::of(value).children().into_iter().find(|(key, ..)| *key == Some("name"));
            let start = named.map_or(span.start, |(_, span, _)| span.start);
            (place, innermost) = (Place::of(value), Some(start));
        }
    }
    nearest(place, problem.key).or(innermost)
}

/// The key that is the fewest tables away, and among those the first in the file.
fn nearest(place: Place<'_>, key: &str) -> Option<usize> {
    let mut level = vec![place];
    while !level.is_empty() {
        let children: Vec<_> = level.into_iter().flat_map(Place::children).collect();
        let starts = children.iter().filter(|(name, ..)| *name == Some(key));
        if let Some(start) = starts.map(|(_, span, _)| span.start).min() {
            return Some(start);
        }
        level = children.iter().map(|(_, _, value)| Place::of(value)).collect();
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::methodology::Methodology;

    /// Puts `new` for `old` where it first stands after `entry`; the complaint must be on the line
    /// of `blamed` (after `entry` too) and say `words`.
    #[track_caller]
    fn refused(name: &str, entry: &str, (old, new): (&str, &str), blamed: &str, words: &str) {
        let text = Methodology::built_in_text(name).unwrap();
        let start = text.find(entry).unwrap();
        let at = start + text[start..].find(old).unwrap();
        let text = format!("{}{new}{}", &text[..at], &text[at + old.len()..]);
        let blamed = start + text[start..].find(blamed).unwrap();
        let error = Methodology::parse(&text).unwrap_err();
        assert_eq!(error.line, Some(text[..blamed].matches('\n').count() + 1), "{error}");
        assert!(error.message.contains(words), "{error}");
        assert_eq!(
            error.example,
            Methodology::example(Methodology::built_in(name).unwrap().kind())
        );
    }

    #[test]
    fn entries_are_found_in_their_own_array() {
        let grid = |entry, change, blamed, words| {
            refused("derive-pmrm2", entry, change, blamed, words);
        };
        let term = "[[term]]\nname = \"regular\"";
        grid(term, ("[\"regular\"]", "[\"regulr\"]"), "parts", "`regular`: parts: `regulr` is no");
        let of_two = "[\n\"regular\",\n\"tals\"]";
        grid(term, ("[\"regular\"]", of_two), "\"tals\"", "`regular`: parts: `tals` is no");
        let asset = "[[asset]]\nname = \"BTC\"";
        grid(asset, ("initial = 0.03", "initial = 3.0"), "initial", "`BTC`: initial: 3 is");
        let underlying = "[[underlying]]\nname = \"ETH\"";
        grid(underlying, ("\"ETH\"", "\"BTC\""), "name", "`BTC`: name: the name stands twice");
        let charge = "[[charge]]\nname = \"basis\"";
        grid(charge, ("\"basis\"", "\"tails\""), "name", "`tails`: name: a [[block]] has");
        refused("core", "[[asset]]\nname = \"BTC\"", ("\"BTC\"", "\"USD\""), "name", "twice");
        refused("core", "name = \"recent\"", ("\"recent\"", "\"systematic\""), "name", "twice");
    }

    #[test]
    fn keys_are_found_in_their_own_table() {
        let grid = |entry, change, blamed, words| {
            refused("derive-pmrm2", entry, change, blamed, words);
        };
        let move_up = "move = 0.09, volatility = \"up\"";
        let moved = "move = 0.09, volatility = \"upp\"";
        grid("[[block]]", (move_up, moved), moved, "`regular`: volatility: no move `upp`");
        grid("linear =", ("cap0 = 0.15", "cap0 = 15.0"), "linear", "cap0: 15 is");
        grid("absolute =", ("cap0 = 0.15", "cap0 = 15.0"), "absolute", "cap0: 15 is");
        grid("[margin]", ("initial = 1.0", "initial = 0.0"), "initial", "initial: 0 is");
        refused(
            "core",
            "[block.moves]",
            ("days = 1_000", "days = 0"),
            "days = 0",
            "`recent`: days",
        );
        let eth = ("rate = 0.02", "rate = 2.0");
        refused("standard", "[futures.ETH]", eth, "initial", "initial: 2 is");
        let short = ("short_floor = 0.075", "short_floor = 0.75");
        refused("standard", "maintenance = {", short, "maintenance", "short_floor: 0.75 is");
    }

    #[test]
    fn a_kind_that_the_other_keys_are_not_of_is_blamed_itself() {
        for (name, stated) in [
            ("derive-pmrm2", "scenario"),
            ("derive-pmrm2", "position"),
            ("core", "grid"),
            ("core", "position"),
            ("standard", "grid"),
            ("derive-srm", "scenario"),
        ] {
            let kind = Methodology::built_in(name).unwrap().kind();
            let text = Methodology::built_in_text(name).unwrap();
            let (right, wrong) = (format!("\nkind = \"{kind}\""), format!("\nkind = \"{stated}\""));
            let error = Methodology::parse(&text.replacen(&right, &wrong, 1)).unwrap_err();
            let line = text[..=text.find(&right).unwrap()].matches('\n').count() + 1;
            assert_eq!(error.line, Some(line), "{error}");
            let words = format!("kind: `{stated}` does not fit the other keys: ");
            assert!(error.message.starts_with(&words), "{error}");
            assert!(error.message.ends_with(&format!("are of kind `{kind}`")), "{error}");
            assert_eq!(error.example, Methodology::example(kind));
        }
    }
}

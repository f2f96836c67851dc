//! A page of figures, and the rules that are held against it.

use std::collections::BTreeMap;

use super::text;

/// An alarm.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    pub name: String,
    pub expression: String,
    pub runbook: String,
}

/// The alarms of the file.
pub fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for line in text("ops/prometheus/alarms.yml").lines() {
        let line = line.trim_start();
        if let Some(name) = line.strip_prefix("- alert: ") {
            rules.push(Rule { name: name.to_owned(), ..Rule::default() });
        } else if let (Some(rule), Some((key, value))) = (rules.last_mut(), line.split_once(": ")) {
            match key {
                "expr" => rule.expression = value.to_owned(),
                "runbook" => rule.runbook = value.to_owned(),
                _ => {}
            }
        }
    }
    rules
}

/// The rule of a name.
pub fn rule(name: &str) -> Rule {
    let full = format!("Plimsoll{name}");
    rules().into_iter().find(|rule| rule.name == full).unwrap_or_else(|| panic!("no rule {name}"))
}

impl Rule {
    /// Whether it holds now, where it didn't begin before `earlier`.
    pub fn fires(&self, earlier: Option<&Page>, now: Option<&Page>) -> bool {
        let (what, compared) = self.expression.rsplit_once(' ').unwrap();
        let (what, operator) = what.rsplit_once(' ').unwrap();
        let bound: f64 = compared.parse().unwrap();
        let holds = |value: f64| match operator {
            ">" => value > bound,
            "<" => value < bound,
            "==" => (value - bound).abs() < 1e-12,
            _ => panic!("{operator} is no operator of simple rules"),
        };
        if what.starts_with("up{") {
            // Prometheus says so itself: whether the page could be had.
            return holds(f64::from(u8::from(now.is_some())));
        }
        let Some(now) = now else { return false };
        let increase = what.strip_prefix("increase(").and_then(|what| what.split_once('['));
        let Some((selector, _)) = increase else {
            return now.select(what).into_iter().any(|(_, value)| holds(value));
        };
        let before = earlier.map(|earlier| earlier.select(selector)).unwrap_or_default();
        let before: BTreeMap<String, f64> = before.into_iter().collect();
        now.select(selector)
            .into_iter()
            .any(|(series, value)| holds(value - before.get(&series).copied().unwrap_or(0.0)))
    }
}

/// A page of figures.
#[derive(Clone, Debug)]
pub struct Page(pub String);

/// A family of figures.
#[derive(Debug)]
pub struct Family {
    pub name: String,
    pub kind: String,
}

impl Family {
    /// The names of its figures.
    pub fn samples(&self) -> Vec<String> {
        let suffixes: &[&str] = match self.kind.as_str() {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            _ => &[""],
        };
        suffixes.iter().map(|suffix| format!("{}{suffix}", self.name)).collect()
    }

    /// The name that the docs have for it.
    pub fn documented(&self) -> String {
        let suffix = match self.kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        format!("{}{suffix}", self.name)
    }
}

impl Page {
    /// What is told, whether there is a figure of it now or not.
    pub fn families(&self) -> Vec<Family> {
        let types = self.0.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let families = types.filter_map(|line| line.split_once(' '));
        families.map(|(name, kind)| Family { name: name.into(), kind: kind.into() }).collect()
    }

    /// Whether a figure of a name is so.
    pub fn any(&self, selector: &str, is_so: impl Fn(f64) -> bool) -> bool {
        self.select(selector).into_iter().any(|(_, value)| is_so(value))
    }

    /// The figures of a name, or of those the ones with a label's value: `name{label="value"}`.
    fn select(&self, selector: &str) -> Vec<(String, f64)> {
        let (name, label) = match selector.split_once('{') {
            Some((name, label)) => (name, label.trim_end_matches('}')),
            None => (selector, ""),
        };
        let figures = self.0.lines().filter(|line| !line.starts_with('#'));
        let figures = figures.filter_map(|line| line.rsplit_once(' '));
        let wanted = figures
            .filter(|(series, _)| series.split('{').next() == Some(name) && series.contains(label));
        wanted.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
    }
}

//! Results as Markdown and as JSON lines.

use crate::Timing;

/// One engine's figure.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who was measured.
    pub engine: String,
    /// Time per item.
    pub timing: Timing,
    /// Accuracy, checksum, or what else the reader should know.
    pub note: String,
}

/// One benchmark's figures. The first row is ours: ratios are to its median.
#[derive(Clone, Debug)]
pub struct Table {
    /// The name by which the benchmark is asked for.
    pub name: &'static str,
    /// What is measured.
    pub title: String,
    /// What an item is: `option`, `quote`.
    pub item: &'static str,
    /// Inputs and their checksum, threads, cold or warm.
    pub conditions: Vec<String>,
    /// The figures.
    pub rows: Vec<Row>,
}

impl Table {
    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n", self.title);
        for condition in &self.conditions {
            text += &format!("- {condition}\n");
        }
        text += &format!(
            "\n| engine | ns per {0}, median | least | times ours | notes |\n\
             |---|---:|---:|---:|---|\n",
            self.item
        );
        for row in &self.rows {
            let Timing { median, least } = row.timing;
            let ratio = median / self.rows[0].timing.median;
            text += &format!(
                "| {} | {median:.1} | {least:.1} | {ratio:.2} | {} |\n",
                row.engine, row.note
            );
        }
        text
    }

    /// One JSON object per row.
    pub fn json_lines(&self) -> String {
        let row = |row: &Row| {
            format!(
                "{{\"benchmark\":{:?},\"engine\":{:?},\"unit\":\"ns per {}\",\"median\":{},\
                 \"least\":{},\"note\":{:?}}}\n",
                self.name, row.engine, self.item, row.timing.median, row.timing.least, row.note
            )
        };
        self.rows.iter().map(row).collect()
    }
}

//! Positions of many accounts in compressed sparse rows.

use super::WholeBookError;

/// Signed lots by account and column, 12 bytes a position.
///
/// A column is an instrument's index in whatever list goes with the lots. An account may hold a
/// column more than once; its lots add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseLots {
    /// Where each account's positions start, and where the last one's end.
    offsets: Vec<usize>,
    columns: Vec<u32>,
    lots: Vec<i64>,
}

impl Default for SparseLots {
    fn default() -> Self {
        Self { offsets: vec![0], columns: vec![], lots: vec![] }
    }
}

impl SparseLots {
    /// No accounts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From columns and lots, account after account: account i has those from `offsets[i]` up to
    /// `offsets[i + 1]`.
    ///
    /// # Errors
    /// [`WholeBookError::Shape`] if the parts don't fit together.
    pub fn from_parts(
        offsets: Vec<usize>,
        columns: Vec<u32>,
        lots: Vec<i64>,
    ) -> Result<Self, WholeBookError> {
        let spans = offsets.first() == Some(&0) && offsets.last() == Some(&columns.len());
        if spans && offsets.is_sorted() && columns.len() == lots.len() {
            return Ok(Self { offsets, columns, lots });
        }
        Err(WholeBookError::Shape)
    }

    /// Adds an account with its positions, as columns and lots.
    pub fn push(&mut self, positions: impl IntoIterator<Item = (u32, i64)>) {
        for (column, lots) in positions {
            self.columns.push(column);
            self.lots.push(lots);
        }
        self.offsets.push(self.columns.len());
    }

    /// How many accounts.
    #[must_use]
    pub const fn accounts(&self) -> usize {
        self.offsets.len() - 1
    }

    /// How many positions.
    #[must_use]
    pub const fn positions(&self) -> usize {
        self.columns.len()
    }

    /// One account's columns and their lots.
    ///
    /// Panics if there is no such account.
    #[must_use]
    pub fn account(&self, account: usize) -> (&[u32], &[i64]) {
        let span = self.offsets[account]..self.offsets[account + 1];
        (&self.columns[span.clone()], &self.lots[span])
    }

    /// How many positions all accounts before this one have.
    pub(super) fn positions_before(&self, account: usize) -> usize {
        self.offsets[account]
    }

    /// Bytes that the positions take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.positions() * (size_of::<u32>() + size_of::<i64>())
            + self.offsets.len() * size_of::<usize>()
    }

    /// The same with each column replaced by its rank, columns ascending within each account, and
    /// lots of one column added up.
    pub(super) fn canonical(mut self, ranks: &[u32]) -> Result<Self, WholeBookError> {
        let (mut written, mut from) = (0, 0);
        let mut sorted: Vec<(u32, i64)> = Vec::new();
        for account in 0..self.accounts() {
            let to = self.offsets[account + 1];
            let columns = self.columns[from..to].iter().map(|column| ranks[*column as usize]);
            sorted.clear();
            sorted.extend(columns.zip(self.lots[from..to].iter().copied()));
            sorted.sort_unstable();
            for same in sorted.chunk_by(|a, b| a.0 == b.0) {
                let lots: i128 = same.iter().map(|(_, lots)| i128::from(*lots)).sum();
                // The most negative integer has no opposite: such a position could not be closed.
                let lots = i64::try_from(lots).ok().filter(|lots| *lots != i64::MIN);
                let lots = lots.ok_or(WholeBookError::LotsTooLarge { account })?;
                if lots != 0 {
                    // Never past what was read.
                    (self.columns[written], self.lots[written]) = (same[0].0, lots);
                    written += 1;
                }
            }
            from = to;
            self.offsets[account + 1] = written;
        }
        self.columns.truncate(written);
        self.lots.truncate(written);
        Ok(self)
    }

    /// The account of the first column that does not exist, with the column.
    pub(super) fn column_beyond(&self, columns: usize) -> Option<(usize, u32)> {
        let place = self.columns.iter().position(|column| *column as usize >= columns)?;
        let account = self.offsets.partition_point(|offset| *offset <= place) - 1;
        Some((account, self.columns[place]))
    }
}

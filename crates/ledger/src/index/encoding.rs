//! Indices and what accrues against them, encoded. What is read keeps to the bounds that hold for
//! what is computed.
//!
//! In JSON an index is a string of its steps, because 128 bits are more than most readers' numbers
//! hold.

use std::io::{Error as IoError, ErrorKind, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use instruments::Amount;
use serde::{Deserialize, Serialize};

use super::{Accrual, AccrualError, Index, Residue};

const ACCRUAL: &str = "no accrual: an index within 2^126 steps, whole units within 2^100, and a \
                       fraction below 10^18";
const RESIDUE: &str = "a residue is below one unit: 10^18 steps";

/// An accrual in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccrualParts {
    index: Index,
    whole: Amount,
    fraction: u64,
}

impl From<Accrual> for AccrualParts {
    fn from(Accrual { index, whole, fraction }: Accrual) -> Self {
        Self { index, whole, fraction }
    }
}

impl TryFrom<AccrualParts> for Accrual {
    type Error = &'static str;
    fn try_from(
        AccrualParts { index, whole, fraction }: AccrualParts,
    ) -> Result<Self, &'static str> {
        Self::of(index, whole, fraction).ok_or(ACCRUAL)
    }
}

impl BorshSerialize for Accrual {
    fn serialize<W: Write>(&self, writer: &mut W) -> Result<(), IoError> {
        writer.write_all(&self.to_bytes())
    }
}

impl BorshDeserialize for Accrual {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self, IoError> {
        let record = BorshDeserialize::deserialize_reader(reader)?;
        Self::from_bytes(&record).ok_or_else(|| IoError::new(ErrorKind::InvalidData, ACCRUAL))
    }
}

impl BorshDeserialize for Index {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self, IoError> {
        let index = Self::from_steps(i128::deserialize_reader(reader)?);
        index.map_err(|error| IoError::new(ErrorKind::InvalidData, error.to_string()))
    }
}

impl From<Index> for String {
    fn from(index: Index) -> Self {
        index.steps().to_string()
    }
}

impl TryFrom<String> for Index {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let steps = text.parse();
        let steps =
            steps.map_err(|_| format!("`{text}` is no index (write whole steps, as \"-12\")"))?;
        Self::from_steps(steps).map_err(|error: AccrualError| error.to_string())
    }
}

impl BorshDeserialize for Residue {
    fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self, IoError> {
        let residue = Self::from_steps(u64::deserialize_reader(reader)?);
        residue.ok_or_else(|| IoError::new(ErrorKind::InvalidData, RESIDUE))
    }
}

impl From<Residue> for u64 {
    fn from(residue: Residue) -> Self {
        residue.steps()
    }
}

impl TryFrom<u64> for Residue {
    type Error = &'static str;
    fn try_from(steps: u64) -> Result<Self, &'static str> {
        Self::from_steps(steps).ok_or(RESIDUE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{INDEX_MAX, INDEX_SCALE};

    #[test]
    fn json() {
        let index = Index::from_steps(-5_000_000_000_000_000_000_000).unwrap();
        let accrual = Accrual::of(index, Amount::from_units(3), 7).unwrap();
        let text = r#"{"index":"-5000000000000000000000","whole":"0.00000003","fraction":7}"#;
        assert_eq!(serde_json::to_string(&accrual).unwrap(), text);
        assert_eq!(serde_json::from_str::<Accrual>(text).unwrap(), accrual);
        assert_eq!(serde_json::to_string(&Residue::from_steps(9).unwrap()).unwrap(), "9");
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let check = |accepted: bool, expected: bool| assert_eq!(accepted, expected);
        for (steps, expected) in [(INDEX_MAX, true), (INDEX_MAX + 1, false), (i128::MIN, false)] {
            check(borsh::from_slice::<Index>(&steps.to_le_bytes()).is_ok(), expected);
            check(serde_json::from_str::<Index>(&format!("\"{steps}\"")).is_ok(), expected);
        }
        for (steps, expected) in [(INDEX_SCALE - 1, true), (INDEX_SCALE, false)] {
            check(borsh::from_slice::<Residue>(&steps.to_le_bytes()).is_ok(), expected);
            check(serde_json::from_str::<Residue>(&steps.to_string()).is_ok(), expected);
            let text = format!(r#"{{"index":"0","whole":"0","fraction":{steps}}}"#);
            check(serde_json::from_str::<Accrual>(&text).is_ok(), expected);
        }
        check(borsh::from_slice::<Accrual>(&[0; 40]).is_ok(), true);
        check(borsh::from_slice::<Accrual>(&[0xff; 40]).is_ok(), false);
        check(borsh::from_slice::<Accrual>(&[0; 39]).is_ok(), false);
    }
}

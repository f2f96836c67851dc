//! The reader of Parquet beneath, kept from ending the process: it panics on some damaged files.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::errors::ParquetError;

use crate::error::shown;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in the reader of Parquet beneath. A panic there is caught and becomes an
/// error of the file, so a panic hook has nothing to report of it:
///
/// ```
/// let report = std::panic::take_hook();
/// std::panic::set_hook(Box::new(move |panic| {
///     if !plimsoll_marketdata::is_guarded() {
///         report(panic);
///     }
/// }));
/// ```
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs the reader beneath; a panic in it is a damaged file.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    GUARDED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            Err(format!("the Parquet data can't be read: {}", shown(&error.to_string())))
        }
        Err(_) => Err("the Parquet data can't be read: it contradicts itself".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_beneath_is_an_error_and_is_known_to_be_caught() {
        let beneath = guarded(|| Ok(is_guarded()));
        assert_eq!((beneath, is_guarded()), (Ok(true), false));
        let caught = guarded::<()>(|| panic!("as on a damaged page"));
        assert!(caught.unwrap_err().contains("contradicts itself"));
        assert!(!is_guarded());
        let elsewhere = guarded(|| Ok(std::thread::spawn(is_guarded).join().unwrap()));
        assert_eq!(elsewhere, Ok(false));
    }
}

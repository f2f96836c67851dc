//! Market data files and the built-in sample: the one place that knows file formats.
//!
//! Four kinds of CSV file are read, plain or gzipped: a market, as a chain snapshot or a Tardis
//! `options_chain` file ([`read_market`]); portfolios of one or many accounts
//! ([`read_portfolio`]); their open orders ([`read_orders`]); daily closes ([`read_history`]).
//! Files come from outside, so every field is checked, lines and rows are bounded, and a file that
//! is wrong anywhere gives a [`FileError`] with line and remedy and nothing else.
//!
//! ```
//! use plimsoll_marketdata::{read_market, read_portfolio};
//!
//! let market = "\
//! timestamp,instrument_name,option_type,strike,expiry_datetime,mark_price,futures_price,implied_volatility,index_price
//! 2026-02-02T12:00:00Z,BTC-27MAR26-100000-C,call,100000,2026-03-27T08:00:00Z,0.02,81000,0.55,80500
//! ";
//! let snapshot = read_market("market.csv", market.as_bytes(), None)?;
//!
//! let portfolio = "account,instrument,quantity\nanna,BTC,1.5\nanna,BTC-27MAR26-100000-C,-1\n";
//! let accounts = read_portfolio("portfolio.csv", portfolio.as_bytes(), &snapshot.market)?;
//! assert_eq!(accounts[0].positions.len(), 1);
//!
//! let wrong = "account,instrument,quantity\nanna,BTC,1.5.0\n";
//! let error = read_portfolio("portfolio.csv", wrong.as_bytes(), &snapshot.market).unwrap_err();
//! assert!(error.to_string().starts_with("portfolio.csv:2: quantity: `1.5.0`"));
//! # Ok::<(), plimsoll_marketdata::FileError>(())
//! ```
//!
//! [`sample`] is a market, a portfolio and a history made from a seed, for trying things out
//! without any file. [`write_market`], [`write_portfolio`] and [`write_history`] write what the
//! readers read. [`read_book_parquet`] and [`read_book_csv`] read the positions of up to millions of
//! accounts at once, in memory in proportion to their positions. [`Table`] reads CSV of any other kind, with the same errors.

mod book;
mod chain;
mod error;
mod history;
mod lines;
mod portfolio;
mod record;
pub mod sample;
mod snapshot;
mod table;
mod tardis;
mod worth;
mod write;

pub use book::{
    BOOK_ROWS_MAX, BookThresholds, NamedBook, PARQUET_START_BYTES, ThresholdsError, is_guarded,
    is_parquet, read_book_csv, read_book_parquet, read_book_parquet_bytes, write_book_csv,
    write_book_parquet,
};
pub use error::FileError;
pub use history::read_history;
pub use portfolio::{read_orders, read_portfolio};
pub use snapshot::{OptionQuote, Snapshot, read_market};
pub use table::{Column, Row, Table};
pub use worth::{WORTH_USD_MAX, is_bounded_balance, is_bounded_position, is_plausible_price};
pub use write::{write_history, write_market, write_portfolio};

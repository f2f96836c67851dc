//! The risk laboratory: questions that no venue asks while it runs.
//!
//! [`deleveraging`] takes an event of auto-deleveraging as it was published, puts a made-up population
//! of winners beside it, and tells what each policy of `risk::waterfall::adl` would have taken from
//! whom.
//!
//! ```
//! use plimsoll_lab::deleveraging::{compare, waves};
//!
//! let gaps = "wave,t_start_ms,t_end_ms,coin,gap_usd_x_qty,qty_contracts,gap_per_contract_usd\n\
//!             1,0,0,AVAX,50,1000,0.05\n";
//! let metrics = "wave,budget_prod,max_pct_prod,total_cap\n1,80,0.9,5000\n";
//! let waves = waves(gaps, metrics)?;
//! let outcome = compare(&waves, 1)?;
//! // Whatever the policy, what is taken is what is needed.
//! assert!(outcome[0].policies.iter().all(|policy| policy.taken == waves[0].needed()));
//! # Ok::<(), plimsoll_lab::deleveraging::DeleveragingError>(())
//! ```

#![deny(missing_docs)]

pub mod deleveraging;

//! What clients can call, one room for each purpose.

pub mod account;
pub mod admin;
pub mod auctions;
pub mod cancelling;
pub mod cases;
pub mod charts;
pub mod disconnect;
pub mod extensions;
mod linked;
pub mod log;
pub mod makers;
pub mod market;
pub mod money;
pub mod oracle;
pub mod orders;
pub mod pme;
pub mod portfolio;
pub mod protection;
pub mod risk;
pub mod session;
pub mod settlements;
pub mod trades;
pub mod trading;

use crate::registry::Method;

/// All methods of clients.
#[must_use]
pub fn all() -> Vec<Method> {
    let rooms = [
        session::methods(),
        market::methods(),
        charts::methods(),
        trading::methods(),
        cancelling::methods(),
        orders::methods(),
        trades::methods(),
        account::methods(),
        disconnect::methods(),
        log::methods(),
        money::methods(),
        settlements::methods(),
        makers::methods(),
        protection::methods(),
        portfolio::methods(),
        pme::methods(),
        risk::methods(),
        auctions::methods(),
        extensions::methods(),
        cases::methods(),
        oracle::methods(),
    ];
    rooms.into_iter().flatten().collect()
}

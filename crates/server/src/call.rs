//! One call: who makes it, and what it may use.

use std::sync::Arc;

use book::OrderId;
use engine::{Action, Event};
use ledger::AccountId;
use node::Answer;
use serde_json::Value;

use crate::auth::{self, Area, Login, Need};
use crate::error::RpcError;
use crate::feed::order::Order;
use crate::limits::Payer;
use crate::methods::admin::audited;
use crate::registry::{Access, Reply};
use crate::service::{Service, host_ms};
use crate::socket::{self, Connection};

/// A call.
#[derive(Clone)]
pub struct Call {
    /// The venue.
    pub service: Arc<Service>,
    /// Who calls, if they said.
    pub login: Option<Login>,
    /// Who pays where nobody is logged in.
    pub address: std::net::IpAddr,
    /// The WebSocket connection that it came over.
    pub connection: Option<Arc<Connection>>,
}

impl Call {
    /// Does what a method does.
    pub async fn dispatch(&self, method: &str, params: Value) -> Reply {
        // The original takes a method with a slash in front as well.
        let name = method.trim_start_matches('/');
        let methods = self.service.methods;
        let method = methods.get(name).ok_or_else(|| RpcError::method_not_found(name))?;
        self.authorize(method.access)?;
        let payer = match &self.login {
            Some(login) => Payer::Account(login.account),
            None => Payer::Address(self.address),
        };
        self.service.limits.take(payer, method.cost, host_ms())?;
        match self.service.is_for_operators() {
            true if method.access.writes() => audited(self, method, params).await,
            true => (method.call)(self, params).await,
            false => {
                self.service.control.check(method.access)?;
                (method.call)(self, params).await
            }
        }
    }

    fn authorize(&self, access: Access) -> Result<(), RpcError> {
        let need = |area, access| Some(Need { area, access });
        let (read, write) = (auth::Access::Read, auth::Access::ReadWrite);
        let need = match access {
            Access::Public => None,
            Access::Account => need(Area::Account, read),
            Access::AccountWrite => need(Area::Account, write),
            Access::Trade => need(Area::Trade, read),
            Access::TradeWrite => need(Area::Trade, write),
            Access::Wallet => need(Area::Wallet, read),
            Access::WalletWrite => need(Area::Wallet, write),
        };
        let Some(need) = need else { return Ok(()) };
        let login = self
            .login
            .as_ref()
            .ok_or_else(|| RpcError::unauthorized("call public/auth first, or sign the request"))?;
        if !self.service.authority.is_live(login, host_ms()) {
            return Err(RpcError::unauthorized("the token has expired or was revoked"));
        }
        match login.scopes.allows(need) {
            true => Ok(()),
            false => Err(RpcError::forbidden("the key's scope does not allow this")),
        }
    }

    /// The account that the call is about.
    ///
    /// # Errors
    /// If nobody is logged in.
    pub fn account(&self) -> Result<AccountId, RpcError> {
        let login = self.login.as_ref();
        login.map(|login| login.account).ok_or_else(|| RpcError::unauthorized("log in first"))
    }

    /// The connection knows what was placed over it, for the case that it is lost.
    fn note_placed(&self, answer: &Answer) {
        let (Some(connection), Ok(account)) = (&self.connection, self.account()) else { return };
        // Operators act for others.
        if self.service.is_for_operators() {
            return;
        }
        let placed = answer.events.iter().filter_map(placed);
        let placed: Vec<OrderId> =
            placed.filter(|(owner, _)| *owner == account).map(|(_, order)| order).collect();
        if placed.is_empty() {
            return;
        }
        let lost = connection.note_placed(account, &placed);
        if let Some(mut ended) = connection.many_placed() {
            // Not while the connection is held: others hold the venue, and wait for it.
            let venue = self.service.venue.read();
            let is_live = |order: &OrderId| venue.orders.get(order).is_some_and(Order::is_live);
            ended.retain(|(_, order)| !is_live(order));
            drop(venue);
            connection.forget_placed(&ended);
        }
        if !lost.is_empty() {
            tokio::spawn(socket::cancel(Arc::clone(&self.service), lost));
        }
    }

    /// Hands a command to the engine; a refusal is an error.
    ///
    /// # Errors
    /// Why it was refused, or could not be handed in.
    pub async fn submit(&self, action: Action) -> Result<Answer, RpcError> {
        let answer = self.service.submit(action).await?;
        self.note_placed(&answer);
        match answer.events.iter().find_map(refusal) {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }
}

/// What a client placed.
fn placed(event: &Event) -> Option<(AccountId, OrderId)> {
    match event {
        Event::OrderAccepted { account, order, .. } => Some((*account, *order)),
        _ => None,
    }
}

fn refusal(event: &Event) -> Option<RpcError> {
    match event {
        // One of an order that waited is not about what is asked here.
        Event::Rejected(rejected) if rejected.order.is_none() => {
            Some(RpcError::from(rejected.reason.clone()))
        }
        _ => None,
    }
}

//! Calls over HTTP, in the three shapes that clients use.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{self, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use tokio::time::timeout;

use crate::accept::RemoteAddress;
use crate::auth::{Caller, Login, SignedRequest};
use crate::call::Call;
use crate::documents;
use crate::error::RpcError;
use crate::logs::request_id;
use crate::params;
use crate::registry::{Method, Reply};
use crate::rpc::{self, envelope, microseconds};
use crate::service::{NotedCall, Service, host_ms};
use crate::socket;

const PREFIX: &str = "/api/v2";
/// The header that a request's id comes with, and goes back with.
pub const REQUEST_ID: &str = "x-request-id";

/// All routes of the venue.
pub fn routes(service: Arc<Service>) -> Router {
    Router::new()
        .route("/ws/api/v2", get(socket::upgrade))
        .route("/openapi.json", get(async || json(documents::openapi())))
        .route("/openrpc.json", get(async || json(documents::openrpc())))
        .route("/methods.md", get(async || markdown(documents::page())))
        .fallback(answer)
        .with_state(service)
}

fn json(text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

fn markdown(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text)
}

/// `GET /api/v2/public/ticker?…`, `POST /api/v2` and `POST /api/v2/public/ticker`.
async fn answer(
    State(service): State<Arc<Service>>,
    ConnectInfo(RemoteAddress(address)): ConnectInfo<RemoteAddress>,
    request: Request<Body>,
) -> Response {
    let (us_in, since) = (microseconds(), Instant::now());
    let (parts, body) = request.into_parts();
    let given = parts.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let request = request_id(given);
    let Called { id, method, login, reply } = called(&service, address.ip(), &parts, body).await;
    let (method, login) = (method.as_str(), login.as_ref());
    service.note_call(&NotedCall { request: &request, method, login, reply: &reply, since });
    let mut response = respond(id.as_ref(), &reply, us_in);
    if let Ok(request) = HeaderValue::from_str(&request) {
        response.headers_mut().insert(REQUEST_ID, request);
    }
    response
}

/// A call that was made.
struct Called {
    id: Option<Value>,
    method: String,
    login: Option<Login>,
    reply: Reply,
}

impl Called {
    fn in_vain(error: RpcError) -> Self {
        Self { id: None, method: String::new(), login: None, reply: Err(error) }
    }
}

async fn called(service: &Arc<Service>, address: IpAddr, parts: &Parts, body: Body) -> Called {
    let most = service.request_bytes_max;
    let invalid = |reason| RpcError::new(-32600, "Invalid Request").because(reason);
    let patience = service.limits.rules.patience;
    let body = match timeout(patience, to_bytes(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return Called::in_vain(invalid(format!("a request has at most {most} bytes")));
        }
        Err(_) => {
            let reason = format!("a request is sent within {} s", patience.as_secs_f64());
            return Called::in_vain(invalid(reason));
        }
    };
    let asked = match asked(&parts.method, &parts.uri, &body) {
        Ok(asked) => asked,
        Err(error) => return Called::in_vain(error),
    };
    let (id, method) = (asked.id.clone(), asked.name().to_owned());
    let login = match login(service, &asked, parts, &body, address) {
        Ok(login) => login,
        Err(error) => return Called { id, method, login: None, reply: Err(error) },
    };
    let call = Call { service: Arc::clone(service), login, address, connection: None };
    let reply = call.dispatch(&method, asked.params).await;
    Called { id, method, login: call.login, reply }
}

/// What is asked, whichever shape it has.
fn asked(method: &http::Method, uri: &Uri, body: &[u8]) -> Result<rpc::Request, RpcError> {
    let path = uri.path().strip_prefix(PREFIX).map(|path| path.trim_matches('/'));
    let path = path.ok_or_else(|| RpcError::method_not_found(uri.path()))?;
    match (method, path) {
        (&http::Method::GET, path) => {
            let params = params::from_query(uri.query().unwrap_or_default());
            Ok(rpc::Request { id: None, method: path.to_owned(), params })
        }
        (&http::Method::POST, path) => {
            let asked = rpc::parse(body)?;
            if !path.is_empty() && path != asked.name() {
                let reason = "the path and the body name different methods";
                return Err(RpcError::new(11050, "bad_request").because(reason));
            }
            Ok(asked)
        }
        _ => Err(RpcError::new(11050, "bad_request").because("use GET or POST")),
    }
}

/// Who calls, by the header; nobody without one.
fn login(
    service: &Service,
    asked: &rpc::Request,
    parts: &Parts,
    body: &[u8],
    address: IpAddr,
) -> Result<Option<Login>, RpcError> {
    let Some(header) = parts.headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = header.to_str().map_err(|_| RpcError::unauthorized("the header is no text"))?;
    let uri = parts.uri.path_and_query().map_or("/", |uri| uri.as_str());
    let called = service.methods.get(asked.name());
    let reads = called.is_some_and(Method::only_reads);
    let request = SignedRequest { method: parts.method.as_str(), uri, body, reads };
    let caller = Caller { address: Some(address), connection: None };
    let login = service.authority.login_header(text, request, caller, host_ms());
    login.map(Some).map_err(RpcError::from)
}

fn respond(id: Option<&Value>, reply: &Reply, us_in: u64) -> Response {
    let status = match reply {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::BAD_REQUEST,
    };
    let body = envelope(id, reply, us_in);
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

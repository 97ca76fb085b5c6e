//! Mesh: how a peer is, and how it sees the others.

use std::sync::Arc;

use allot_mesh_rules::{MemberStatus, Phase, Route};
use allot_mesh_service::PeerStatus;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tokio::time::timeout;

use crate::app::App;
use crate::frame::{Frame, notice, page};
use crate::guard::Person;
use crate::limits::STATUS_PATIENCE;
use crate::text;

/// The page.
#[derive(Template)]
#[template(path = "mesh.html")]
struct MeshPage {
    frame: Frame,
    address: String,
    problem: String,
    peer: Option<Peer>,
    members: Vec<Member>,
    has_more: bool,
    /// What it has counted, where that is not zero.
    counters: Vec<(String, String)>,
}

/// The peer that was asked.
struct Peer {
    name: String,
    address: String,
    phase: &'static str,
    state: &'static str,
    remedy: &'static str,
    facts: Vec<(&'static str, String)>,
}

/// Another member, as the peer sees it.
struct Member {
    name: String,
    address: String,
    state: String,
    is_alive: bool,
    heard: String,
    through: String,
    rows: String,
    route: String,
    gaps: String,
    conflated: String,
}

/// Shows the page.
pub(super) async fn show(State(app): State<Arc<App>>, person: Person) -> Response {
    let (Some(peer), Some(address)) = (&app.mesh, &app.places.mesh) else {
        let sentence = "This console was started without a mesh: allot console --mesh says where a \
                        peer is.";
        return notice(&app, Some(&person), StatusCode::NOT_FOUND, sentence);
    };
    if !person.role.sees_all() {
        let sentence = "A trader sees their own accounts.";
        return notice(&app, Some(&person), StatusCode::FORBIDDEN, sentence);
    }
    let status = timeout(STATUS_PATIENCE, peer.status(address)).await;
    let status = status.unwrap_or_else(|_| {
        Err(format!(
            "No reply came from {address}: check that a peer of the mesh listens there, and that \
             --mesh-secret has its keys if it encrypts."
        ))
    });
    let frame = Frame::new(&app, Some(&person), "Mesh").renewed("/mesh");
    page(StatusCode::OK, &MeshPage::of(frame, address, status))
}

impl MeshPage {
    fn of(frame: Frame, address: &str, status: Result<PeerStatus, String>) -> Self {
        let address = address.to_owned();
        let status = match status {
            Ok(status) => status,
            Err(problem) => {
                let (members, counters) = (Vec::new(), Vec::new());
                let (peer, has_more) = (None, false);
                return Self { frame, address, problem, peer, members, has_more, counters };
            }
        };
        let counted = status.counters.iter().filter(|(_, count)| 0 < *count);
        Self {
            frame,
            address,
            problem: String::new(),
            members: status.members.iter().map(|member| Member::of(member, &status)).collect(),
            has_more: status.more,
            counters: counted
                .map(|(name, count)| (name.replace('_', " "), text::count(*count)))
                .collect(),
            peer: Some(Peer::of(&status)),
        }
    }
}

impl Peer {
    fn of(status: &PeerStatus) -> Self {
        let (phase, state, remedy) = match status.phase {
            Phase::Joining => {
                ("joining", "warned", "It waits for the others: check their addresses.")
            }
            Phase::Starting(_) => ("starting", "warned", "It begins a life: this takes a moment."),
            Phase::Running(_) => ("running", "good", ""),
            Phase::Down => (
                "down",
                "bad",
                "Another process has its name, or its journal failed: its own log says which.",
            ),
        };
        let incarnation = match status.phase {
            Phase::Starting(incarnation) | Phase::Running(incarnation) => incarnation.to_string(),
            _ => "none".to_owned(),
        };
        let journal = if status.has_journal { "kept" } else { "none: its rows are in memory only" };
        let facts = vec![
            ("Up for", text::span(status.time - status.started)),
            ("Incarnation", incarnation),
            ("Own rows", text::count(status.own_rows)),
            ("All rows", text::count(status.rows)),
            ("Version", status.through.to_string()),
            ("Digest of all rows", status.digest.to_string()),
            ("Journal", journal.to_owned()),
        ];
        let (name, address) = (status.name.to_string(), status.address.to_string());
        Self { name, address, phase, state, remedy, facts }
    }
}

impl Member {
    fn of(member: &MemberStatus, status: &PeerStatus) -> Self {
        let state = match (member.is_alive, member.away_since) {
            (true, _) => "alive".to_owned(),
            (false, Some(since)) => format!("away for {}", text::span(status.time - since)),
            (false, None) => "away".to_owned(),
        };
        let heard = member.heard.map(|heard| format!("{} ago", text::span(heard)));
        let route = match member.route {
            Route::Direct => "direct".to_owned(),
            Route::Relayed(relay) => format!("by {relay}"),
            Route::Unlinked => "–".to_owned(),
        };
        Self {
            name: member.name.to_string(),
            address: member.address.as_ref().map(ToString::to_string).unwrap_or_default(),
            state,
            is_alive: member.is_alive,
            heard: heard.unwrap_or_else(|| "never".to_owned()),
            through: member.through.to_string(),
            rows: text::thousands(member.rows as u128),
            route,
            gaps: text::count(member.gaps_repaired),
            conflated: text::count(member.conflated),
        }
    }
}

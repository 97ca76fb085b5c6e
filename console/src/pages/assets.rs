//! Assets: the style sheet and the scripts, embedded in the binary.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("../../assets/console.css");
const SCRIPT: &str = include_str!("../../assets/console.js");
const STREAM: &str = include_str!("../../assets/stream.js");
const PATCH: &str = include_str!("../../assets/patch.js");
const HTMX: &str = include_str!("../../../third_party/htmx/htmx.min.js");
const SSE: &str = include_str!("../../../third_party/htmx-ext-sse/sse.min.js");
const MORPH: &str = include_str!("../../../third_party/idiomorph/idiomorph-ext.min.js");
const CHARTS: &str = include_str!("../../assets/charts.js");
const UPLOT: &str = include_str!("../../../third_party/uplot/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("../../../third_party/uplot/uPlot.min.css");
const ICON: &str = include_str!("../../assets/icon.svg");

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Every asset: its name, its type, and itself.
const ASSETS: &[(&str, &str, &str)] = &[
    ("console.css", CSS, STYLE),
    ("console.js", JS, SCRIPT),
    ("stream.js", JS, STREAM),
    ("patch.js", JS, PATCH),
    ("htmx.min.js", JS, HTMX),
    ("sse.min.js", JS, SSE),
    ("idiomorph-ext.min.js", JS, MORPH),
    ("charts.js", JS, CHARTS),
    ("uplot.min.js", JS, UPLOT),
    ("uplot.min.css", CSS, UPLOT_STYLE),
    ("icon.svg", "image/svg+xml", ICON),
];

/// In the address of each asset, so that a browser takes those of a new build.
pub(crate) const ASSET_VERSION: &str = env!("CARGO_PKG_VERSION");

/// One asset.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, body)) => {
            ([(CONTENT_TYPE, *kind), (CACHE_CONTROL, "public, max-age=600")], *body).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

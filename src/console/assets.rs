//! Style, script and icon. Their addresses have a hash of their content in them, so that a browser keeps them for
//! as long as they are the same and not a moment longer.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::IntoResponse;

use super::failure::Failure;
use super::visit::Answer;

struct Asset {
    kind: &'static str,
    content: &'static str,
    name: String,
}

impl Asset {
    fn new(name: &str, ending: &str, kind: &'static str, content: &'static str) -> Self {
        let hash = blake3::hash(content.as_bytes()).to_hex();
        Asset { kind, content, name: format!("{name}-{}.{ending}", &hash[..12]) }
    }

    fn address(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    const CONTENT: &str = concat!(
        include_str!("assets/base.css"),
        include_str!("assets/frame.css"),
        include_str!("assets/parts.css"),
        include_str!("assets/forms.css"),
    );
    Asset::new("console", "css", "text/css; charset=utf-8", CONTENT)
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("console", "js", "text/javascript; charset=utf-8", include_str!("assets/console.js"))
});
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg")));

pub(super) fn style() -> String {
    STYLE.address()
}

pub(super) fn script() -> String {
    SCRIPT.address()
}

pub(super) fn icon() -> String {
    ICON.address()
}

pub(super) async fn show(Path(name): Path<String>) -> Answer {
    let found = [&*STYLE, &*SCRIPT, &*ICON].into_iter().find(|asset| asset.name == name);
    let asset = found.ok_or_else(Failure::nothing_here)?;
    let headers =
        [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.content).into_response())
}

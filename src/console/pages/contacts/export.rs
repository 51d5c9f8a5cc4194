//! What was found, as a file.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::Search;
use crate::console::Console;
use crate::console::visit::Answer;
use crate::contact_file::ContactFileFormat;

/// Lets spreadsheets see that the file is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

pub(in crate::console) async fn csv(State(console): State<Console>, Query(search): Query<Search>) -> Answer {
    export(console, &search, ContactFileFormat::Csv).await
}

pub(in crate::console) async fn vcard(
    State(console): State<Console>,
    Query(search): Query<Search>,
) -> Answer {
    export(console, &search, ContactFileFormat::Vcard).await
}

async fn export(console: Console, search: &Search, format: ContactFileFormat) -> Answer {
    let filter = search.filter(0)?;
    let asked = filter.clone();
    // What cannot be exported is told by a page, before the file begins.
    let mut part = console.read(move |engine| engine.export_contacts(&asked, format, None)).await?;
    if format == ContactFileFormat::Csv {
        part.text.insert_str(0, BYTE_ORDER_MARK);
    }
    let (sender, parts) = mpsc::channel::<Result<String, std::io::Error>>(1);
    tokio::spawn(async move {
        loop {
            if sender.send(Ok(part.text)).await.is_err() {
                return;
            }
            let Some(after) = part.next else { return };
            let filter = filter.clone();
            match console.read(move |engine| engine.export_contacts(&filter, format, Some(after))).await {
                Ok(next) => part = next,
                Err(error) => {
                    // The browser sees that the file is cut off.
                    let _ = sender.send(Err(std::io::Error::other(error.to_string()))).await;
                    return;
                }
            }
        }
    });
    let name = format!("attachment; filename=\"contacts.{}\"", format.extension());
    let headers =
        [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(ReceiverStream::new(parts))).into_response())
}

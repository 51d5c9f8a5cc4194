//! `ContactService`: contacts as files, and where calls from contacts go.

use std::io::Write as _;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::convert::contacts;
use super::phonebook::search;
use super::request::{actor, bad, check_characters, known_id, phonebook_name};
use super::{Door, status};
use crate::api::proto::v1;
use crate::api::proto::v1::contact_service_server::ContactService;
use crate::api::proto::v1::import_contacts_request::Part;
use crate::contact::ContactId;
use crate::contact_file::ContactFileFormat;
use crate::engine::{
    DEFAULT_MAX_REJECTED_PERCENT, Editor, Engine, EngineError, ImportOptions, MAX_IMPORT_BYTES,
};
use crate::phone_number::UnknownRegion;
use crate::source::rows::Field;
use crate::sync::SyncError;

/// Most columns that are told of; a file may not have more.
const MAX_COLUMNS: usize = 200;

/// Longest name of a column and longest DID, in characters.
const MAX_TEXT_CHARACTERS: usize = 256;

/// How many pieces of a file may wait for the disk.
const PIECES_IN_FLIGHT: usize = 4;

/// Bytes of one message of an exported file, about.
const MESSAGE_BYTES: usize = 256 * 1024;

#[tonic::async_trait]
impl ContactService for Door {
    async fn import_contacts(
        &self,
        request: Request<Streaming<v1::ImportContactsRequest>>,
    ) -> Result<Response<v1::ImportContactsResponse>, Status> {
        let actor = actor(&request);
        let mut parts = request.into_inner();
        let (options, file) = self.wait(receive(self, &mut parts)).await??;
        let import = move |engine: &Editor<'_>| engine.import_contacts(file, &options);
        let imported = self.edit(actor, import).await?;
        Ok(Response::new(contacts::imported(imported)))
    }

    type ExportContactsStream = ReceiverStream<Result<v1::ExportContactsResponse, Status>>;

    async fn export_contacts(
        &self,
        request: Request<v1::ExportContactsRequest>,
    ) -> Result<Response<Self::ExportContactsStream>, Status> {
        let v1::ExportContactsRequest { phonebook, query, format } = request.into_inner();
        let format = match v1::ContactFileFormat::try_from(format) {
            Ok(v1::ContactFileFormat::Unspecified | v1::ContactFileFormat::Csv) => ContactFileFormat::Csv,
            Ok(v1::ContactFileFormat::Vcard) => ContactFileFormat::Vcard,
            Err(_) => {
                return Err(status::of(bad("format", format!("{format} is none; 1 is CSV, 2 is vCard"))));
            }
        };
        let wanted = search(&phonebook, query).map_err(status::of)?;
        let (sender, stream) = mpsc::channel(1);
        let door = self.clone();
        // The first part tells whether there is anything to export from.
        let first = {
            let wanted = wanted.clone();
            self.read(move |engine| engine.export_contacts(&wanted, format, None)).await?
        };
        tokio::spawn(async move {
            let mut part = first;
            loop {
                for data in pieces(part.text) {
                    // Nobody reads any more, or the server is to stop.
                    let sent = door.wait(sender.send(Ok(v1::ExportContactsResponse { data }))).await;
                    if !matches!(sent, Ok(Ok(()))) {
                        return;
                    }
                }
                let Some(after) = part.next else { return };
                let wanted = wanted.clone();
                let next =
                    door.read(move |engine| engine.export_contacts(&wanted, format, Some(after))).await;
                part = match next {
                    Ok(part) => part,
                    Err(status) => {
                        let _ = sender.send(Err(status)).await;
                        return;
                    }
                };
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn get_contact_routes(
        &self,
        request: Request<v1::GetContactRoutesRequest>,
    ) -> Result<Response<v1::GetContactRoutesResponse>, Status> {
        let v1::GetContactRoutesRequest { contact_id, did } = request.into_inner();
        let get = move |engine: &Engine| {
            let id = ContactId(known_id("contact", contact_id)?);
            check_characters("did", &did, MAX_TEXT_CHARACTERS)?;
            let generation = engine.generation().0;
            let routes = engine.contact_routes(id, &did, Timestamp::now())?;
            let routes = routes.into_iter().map(contacts::route).collect();
            Ok(v1::GetContactRoutesResponse { routes, generation })
        };
        self.read(get).await.map(Response::new)
    }
}

/// Takes a file in, to the disk.
async fn receive(
    door: &Door,
    parts: &mut Streaming<v1::ImportContactsRequest>,
) -> Result<(ImportOptions, std::fs::File), Status> {
    let refuse = |field: &str, problem: &str| status::of(bad(field, problem));
    let broken = |error: std::io::Error| status::of(EngineError::Sync(SyncError::Staging(error)));
    let first = parts.message().await?.and_then(|message| message.part);
    let Some(Part::Options(options)) = first else {
        return Err(refuse("options", "is missing: the first message says how the file is to be imported"));
    };
    let options = import_options(options).map_err(status::of)?;
    let mut file = door.read(Engine::import_file).await?;
    let (pieces, mut received) = mpsc::channel::<Vec<u8>>(PIECES_IN_FLIGHT);
    let writing = tokio::task::spawn_blocking(move || {
        while let Some(data) = received.blocking_recv() {
            file.write_all(&data)?;
        }
        Ok(file)
    });
    let mut bytes = 0;
    while let Some(message) = parts.message().await? {
        let Some(Part::Data(data)) = message.part else {
            return Err(refuse("data", "is missing: all messages but the first are parts of the file"));
        };
        bytes += data.len() as u64;
        if bytes > MAX_IMPORT_BYTES {
            let problem =
                format!("the file has more than {} MiB; import it in parts", MAX_IMPORT_BYTES >> 20);
            return Err(refuse("data", &problem));
        }
        if pieces.send(data).await.is_err() {
            // The disk refused; why is told below.
            break;
        }
    }
    drop(pieces);
    match writing.await {
        Ok(written) => Ok((options, written.map_err(broken)?)),
        Err(defect) => Err(status::of_defect(&defect)),
    }
}

fn import_options(options: v1::ImportOptions) -> Result<ImportOptions, EngineError> {
    let v1::ImportOptions { phonebook, columns, delimiter, region, max_rejected_percent, dry_run } = options;
    if columns.len() > MAX_COLUMNS {
        return Err(bad(
            "options.columns",
            format!("has {}; at most {MAX_COLUMNS} are allowed", columns.len()),
        ));
    }
    let column = |(place, column): (usize, v1::ImportColumn)| {
        let v1::ImportColumn { name, field } = column;
        check_characters(&format!("options.columns[{place}].name"), &name, MAX_TEXT_CHARACTERS)?;
        let field = match field.as_str() {
            "" => None,
            name => Some(Field::of_contact(name).ok_or_else(|| no_field(place, name))?),
        };
        Ok((name, field))
    };
    let mut signs = delimiter.chars();
    let delimiter = match (signs.next(), signs.next()) {
        (sign, None) => sign,
        _ => return Err(bad("options.delimiter", "has more than one character")),
    };
    let region = match region.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|error: UnknownRegion| bad("options.region", error.to_string()))?),
    };
    let percent = max_rejected_percent.unwrap_or(DEFAULT_MAX_REJECTED_PERCENT.into());
    let max_rejected_percent = u8::try_from(percent).ok().filter(|percent| *percent <= 100);
    Ok(ImportOptions {
        phonebook: phonebook_name("options.phonebook", &phonebook)?,
        columns: columns.into_iter().enumerate().map(column).collect::<Result<_, EngineError>>()?,
        delimiter,
        region,
        max_rejected_percent: max_rejected_percent.ok_or_else(|| {
            bad("options.max_rejected_percent", format!("is {percent}; 0 to 100 are allowed"))
        })?,
        dry_run,
    })
}

fn no_field(place: usize, name: &str) -> EngineError {
    let shown: String = name.chars().take(64).collect();
    let names = Field::OF_CONTACT.map(Field::name).join(", ");
    bad(
        &format!("options.columns[{place}].field"),
        format!("{shown:?} is no field of a contact; there are {names}"),
    )
}

/// A text in pieces that fit into messages.
fn pieces(text: String) -> Vec<Vec<u8>> {
    text.into_bytes().chunks(MESSAGE_BYTES).map(<[u8]>::to_vec).collect()
}

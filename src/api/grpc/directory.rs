//! `DirectoryService`: the company's contacts, as each extension may see them.

use tonic::{Request, Response, Status};

use super::Door;
use super::convert::directory as convert;
use super::phonebook::MAX_QUERY_CHARACTERS;
use super::request::{
    Pages, check_bytes, check_characters, foreign_token, known_id, page_size, phonebook_name, token_number,
};
use crate::api::proto::v1;
use crate::api::proto::v1::directory_service_server::DirectoryService;
use crate::contact::ContactId;
use crate::directory::{DirectoryError, NamePlace};
use crate::engine::{Engine, EngineError};
use crate::phone_number::MAX_CALLER_BYTES;

#[tonic::async_trait]
impl DirectoryService for Door {
    async fn list_directory_phonebooks(
        &self,
        request: Request<v1::ListDirectoryPhonebooksRequest>,
    ) -> Result<Response<v1::ListDirectoryPhonebooksResponse>, Status> {
        let v1::ListDirectoryPhonebooksRequest { extension, client, page_size: size, page_token } =
            request.into_inner();
        let list = move |engine: &Engine| {
            let size = page_size(size)?;
            let all = engine.directory_phonebooks(&extension, convert::client(client).as_ref())?;
            let pages = Pages::DIRECTORY_PHONEBOOKS;
            let (page, next_page_token) =
                pages.by_name(all, |counted| counted.phonebook.name.as_str(), size, &page_token)?;
            let phonebooks = page.into_iter().map(convert::phonebook).collect();
            Ok(v1::ListDirectoryPhonebooksResponse { phonebooks, next_page_token })
        };
        self.look(list).await.map(Response::new)
    }

    async fn list_directory_contacts(
        &self,
        request: Request<v1::ListDirectoryContactsRequest>,
    ) -> Result<Response<v1::ListDirectoryContactsResponse>, Status> {
        let v1::ListDirectoryContactsRequest {
            extension,
            client,
            phonebook,
            query,
            page_size: size,
            page_token,
        } = request.into_inner();
        let list = move |engine: &Engine| {
            check_characters("query", &query, MAX_QUERY_CHARACTERS)?;
            let limit = page_size(size)? as usize;
            let after = name_place(&page_token)?;
            let phonebook = match phonebook.as_str() {
                "" => None,
                name => Some(phonebook_name("phonebook", name)?),
            };
            let client = convert::client(client);
            let found = engine.directory_contacts(
                &extension,
                client.as_ref(),
                phonebook.as_ref(),
                &query,
                after.as_ref(),
                limit,
            )?;
            let token = |NamePlace { name, id }| Pages::DIRECTORY_CONTACTS.token(format_args!("{id}:{name}"));
            Ok(v1::ListDirectoryContactsResponse {
                contacts: found.contacts.into_iter().map(convert::contact).collect(),
                next_page_token: found.more_after.map(token).unwrap_or_default(),
            })
        };
        self.look(list).await.map(Response::new)
    }

    async fn get_directory_contact(
        &self,
        request: Request<v1::GetDirectoryContactRequest>,
    ) -> Result<Response<v1::GetDirectoryContactResponse>, Status> {
        let v1::GetDirectoryContactRequest { extension, client, contact_id } = request.into_inner();
        let get = move |engine: &Engine| {
            let client = convert::client(client);
            let id = known_id("contact", contact_id).unwrap_or(0); // nobody's, once it is known who asks
            let found = engine.directory_contact(&extension, client.as_ref(), ContactId(id));
            found.map_err(|error| match error {
                EngineError::NotFound { what, .. } => {
                    EngineError::NotFound { what, name: contact_id.to_string() }
                }
                other => other,
            })
        };
        let contact = Some(convert::contact(self.look(get).await?));
        Ok(Response::new(v1::GetDirectoryContactResponse { contact }))
    }

    async fn look_up_directory_number(
        &self,
        request: Request<v1::LookUpDirectoryNumberRequest>,
    ) -> Result<Response<v1::LookUpDirectoryNumberResponse>, Status> {
        let v1::LookUpDirectoryNumberRequest { extension, client, number } = request.into_inner();
        check_bytes("number", &number, MAX_CALLER_BYTES)?;
        let look_up =
            move |engine: &Engine| engine.look_up(&extension, convert::client(client).as_ref(), &number);
        Ok(Response::new(convert::looked_up(self.look(look_up).await?)))
    }

    async fn get_client_policy(
        &self,
        _: Request<v1::GetClientPolicyRequest>,
    ) -> Result<Response<v1::GetClientPolicyResponse>, Status> {
        let policy = |snapshot: &crate::snapshot::Snapshot| convert::policy(snapshot.client_policy());
        let policy = self.engine.snapshot().as_deref().map(policy);
        let client_policy = Some(policy.ok_or_else(super::status::no_snapshot)?);
        Ok(Response::new(v1::GetClientPolicyResponse { client_policy }))
    }
}

impl Door {
    /// Like [`Self::read`], with turns of its own: who waits for contacts to be made ready does not hold up others.
    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, Status> {
        self.on_blocking_thread(&self.lookers, work).await
    }
}

/// Where a page of contacts begins.
fn name_place(token: &str) -> Result<Option<NamePlace>, EngineError> {
    let Some(place) = Pages::DIRECTORY_CONTACTS.place(token)? else { return Ok(None) };
    let (id, name) = place.split_once(':').ok_or_else(foreign_token)?;
    Ok(Some(NamePlace { name: name.to_owned(), id: ContactId(token_number(id)?) }))
}

/// What is told of a refusal.
pub(super) fn status_of(error: &DirectoryError) -> Status {
    use crate::directory::ClientRefusal;
    use prost::{Message as _, Name as _};
    let message = error.to_string();
    match error {
        DirectoryError::NoSuchExtension { .. } => Status::not_found(message),
        DirectoryError::ExtensionIsOff { .. } => Status::permission_denied(message),
        DirectoryError::NothingYet => super::status::no_snapshot(),
        DirectoryError::Client(ClientRefusal::UpgradeNeeded { platform, found, minimum }) => {
            let detail = v1::UpgradeNeeded {
                platform: platform.clone(),
                version: found.to_string(),
                minimum_version: minimum.to_string(),
            };
            let detail =
                prost_types::Any { type_url: v1::UpgradeNeeded::type_url(), value: detail.encode_to_vec() };
            let code = tonic::Code::FailedPrecondition;
            let details = RpcStatus { code: code as i32, message: message.clone(), details: vec![detail] };
            Status::with_details(code, message, details.encode_to_vec().into())
        }
        DirectoryError::Client(_) => Status::invalid_argument(message),
    }
}

/// `google.rpc.Status`, which carries the details of an error.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

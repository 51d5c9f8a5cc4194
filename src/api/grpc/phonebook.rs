//! `PhonebookService`: phonebooks and the contacts in them.

use tonic::{Request, Response, Status};

use super::Door;
use super::convert::contacts;
use super::request::{
    actor, check_characters, cut, known_id, number_token, page_by_name, page_size, phonebook_name,
};
use crate::api::proto::v1;
use crate::api::proto::v1::phonebook_service_server::PhonebookService;
use crate::contact::ContactId;
use crate::engine::{Editor, Engine, EngineError};
use crate::phonebook::PhonebookName;
use crate::store::{ContactFilter, StoredPhonebook};

/// Longest text that contacts are searched for, in characters.
const MAX_QUERY_CHARACTERS: usize = 128;

#[tonic::async_trait]
impl PhonebookService for Door {
    async fn list_phonebooks(
        &self,
        request: Request<v1::ListPhonebooksRequest>,
    ) -> Result<Response<v1::ListPhonebooksResponse>, Status> {
        let v1::ListPhonebooksRequest { page_size: size, page_token } = request.into_inner();
        let list = move |engine: &Engine| {
            let size = page_size(size)?;
            let all = engine.read(|reading| Ok::<_, EngineError>(reading.phonebooks()?))?;
            let (page, next_page_token) =
                page_by_name(all, |phonebook| phonebook.name.as_str(), size, &page_token)?;
            let phonebooks = page.into_iter().map(contacts::phonebook).collect();
            Ok(v1::ListPhonebooksResponse { phonebooks, next_page_token })
        };
        self.read(list).await.map(Response::new)
    }

    async fn get_phonebook(
        &self,
        request: Request<v1::GetPhonebookRequest>,
    ) -> Result<Response<v1::GetPhonebookResponse>, Status> {
        let v1::GetPhonebookRequest { name } = request.into_inner();
        let phonebook = self.read(move |engine| find(engine, &phonebook_name("name", &name)?)).await?;
        Ok(Response::new(v1::GetPhonebookResponse { phonebook: Some(contacts::phonebook(phonebook)) }))
    }

    async fn create_phonebook(
        &self,
        request: Request<v1::CreatePhonebookRequest>,
    ) -> Result<Response<v1::CreatePhonebookResponse>, Status> {
        let actor = actor(&request);
        let v1::CreatePhonebookRequest { name } = request.into_inner();
        let create = move |engine: &Editor<'_>| {
            let name = phonebook_name("name", &name)?;
            engine.create_phonebook(name.clone())?;
            find(engine, &name)
        };
        let phonebook = self.edit(actor, create).await?;
        Ok(Response::new(v1::CreatePhonebookResponse { phonebook: Some(contacts::phonebook(phonebook)) }))
    }

    async fn delete_phonebook(
        &self,
        request: Request<v1::DeletePhonebookRequest>,
    ) -> Result<Response<v1::DeletePhonebookResponse>, Status> {
        let actor = actor(&request);
        let v1::DeletePhonebookRequest { name } = request.into_inner();
        self.edit(actor, move |engine| engine.delete_phonebook(&phonebook_name("name", &name)?)).await?;
        Ok(Response::new(v1::DeletePhonebookResponse {}))
    }

    async fn list_contacts(
        &self,
        request: Request<v1::ListContactsRequest>,
    ) -> Result<Response<v1::ListContactsResponse>, Status> {
        let request = request.into_inner();
        self.read(move |engine| list_contacts(engine, request)).await.map(Response::new)
    }

    async fn get_contact(
        &self,
        request: Request<v1::GetContactRequest>,
    ) -> Result<Response<v1::GetContactResponse>, Status> {
        let v1::GetContactRequest { contact_id } = request.into_inner();
        let get = move |engine: &Engine| {
            let id = ContactId(known_id("contact", contact_id)?);
            engine.read(|reading| {
                let found = reading.contact(id)?;
                let found =
                    found.ok_or_else(|| EngineError::NotFound { what: "contact", name: id.to_string() })?;
                Ok(contacts::contact(found, &reading.phonebook_names()?))
            })
        };
        let contact = self.read(get).await?;
        Ok(Response::new(v1::GetContactResponse { contact: Some(contact) }))
    }
}

fn find(engine: &Engine, name: &PhonebookName) -> Result<StoredPhonebook, EngineError> {
    let found = engine.read(|reading| Ok::<_, EngineError>(reading.phonebook(name)?))?;
    found.ok_or_else(|| not_found(name))
}

fn not_found(name: &PhonebookName) -> EngineError {
    EngineError::NotFound { what: "phonebook", name: name.as_str().to_owned() }
}

fn list_contacts(
    engine: &Engine,
    request: v1::ListContactsRequest,
) -> Result<v1::ListContactsResponse, EngineError> {
    let v1::ListContactsRequest { phonebook, query, page_size: size, page_token } = request;
    check_characters("query", &query, MAX_QUERY_CHARACTERS)?;
    let size = page_size(size)?;
    let filter = ContactFilter {
        phonebook: match phonebook.as_str() {
            "" => None,
            name => Some(phonebook_name("phonebook", name)?),
        },
        text: query,
        after: number_token(&page_token)?.map(ContactId),
        limit: size + 1,
    };
    engine.read(|reading| {
        if let Some(name) = &filter.phonebook {
            reading.phonebook(name)?.ok_or_else(|| not_found(name))?;
        }
        let found = reading.contacts(&filter)?;
        let (page, next_page_token) = cut(found, size, |contact| contact.id.to_string());
        let names = reading.phonebook_names()?;
        let contacts = page.into_iter().map(|contact| contacts::contact(contact, &names)).collect();
        Ok(v1::ListContactsResponse { contacts, next_page_token })
    })
}

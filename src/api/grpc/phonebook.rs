//! `PhonebookService`: phonebooks and the contacts in them.

use tonic::{Request, Response, Status};

use super::Door;
use super::convert::contacts;
use super::request::{Pages, actor, check_characters, known_id, page_size, phonebook_name};
use crate::api::proto::v1;
use crate::api::proto::v1::phonebook_service_server::PhonebookService;
use crate::contact::ContactId;
use crate::engine::{ContactPage, ContactSearch, Edited, Editor, Engine, EngineError};
use crate::phonebook::PhonebookName;
use crate::store::CountedPhonebook;

/// Longest text that contacts are searched for, in characters.
pub(super) const MAX_QUERY_CHARACTERS: usize = 128;

#[tonic::async_trait]
impl PhonebookService for Door {
    async fn list_phonebooks(
        &self,
        request: Request<v1::ListPhonebooksRequest>,
    ) -> Result<Response<v1::ListPhonebooksResponse>, Status> {
        let v1::ListPhonebooksRequest { page_size: size, page_token } = request.into_inner();
        let list = move |engine: &Engine| {
            let size = page_size(size)?;
            let all = engine.read(|reading| Ok::<_, EngineError>(reading.counted_phonebooks()?))?;
            let pages = Pages::PHONEBOOKS;
            let (page, next_page_token) =
                pages.by_name(all, |counted| counted.phonebook.name.as_str(), size, &page_token)?;
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
        let v1::DeletePhonebookRequest { name, delete_contacts } = request.into_inner();
        let delete = move |engine: &Editor<'_>| {
            let name = phonebook_name("name", &name)?;
            if delete_contacts {
                return Ok(engine.delete_phonebook_and_contacts(&name)?.value);
            }
            engine.delete_phonebook(&name)?;
            Ok(0)
        };
        let contact_count = self.edit(actor, delete).await?;
        Ok(Response::new(v1::DeletePhonebookResponse { contact_count }))
    }

    async fn update_phonebook(
        &self,
        request: Request<v1::UpdatePhonebookRequest>,
    ) -> Result<Response<v1::UpdatePhonebookResponse>, Status> {
        let actor = actor(&request);
        let v1::UpdatePhonebookRequest { name, new_name } = request.into_inner();
        let rename = move |engine: &Editor<'_>| {
            let (name, new_name) = (phonebook_name("name", &name)?, phonebook_name("new_name", &new_name)?);
            engine.rename_phonebook(&name, &new_name)?;
            find(engine, &new_name)
        };
        let phonebook = self.edit(actor, rename).await?;
        Ok(Response::new(v1::UpdatePhonebookResponse { phonebook: Some(contacts::phonebook(phonebook)) }))
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
        let get = move |engine: &Engine| stored(engine, ContactId(known_id("contact", contact_id)?));
        let contact = self.read(get).await?;
        Ok(Response::new(v1::GetContactResponse { contact: Some(contact) }))
    }

    async fn create_contact(
        &self,
        request: Request<v1::CreateContactRequest>,
    ) -> Result<Response<v1::CreateContactResponse>, Status> {
        let actor = actor(&request);
        let contact = request.into_inner().contact.unwrap_or_default();
        let create = move |engine: &Editor<'_>| {
            let Edited { value: id, generation } = engine.create_contact(&contacts::entry(contact)?)?;
            let contact = Some(stored(engine, id)?);
            Ok(v1::CreateContactResponse { contact, generation: generation.0 })
        };
        self.edit(actor, create).await.map(Response::new)
    }

    async fn update_contact(
        &self,
        request: Request<v1::UpdateContactRequest>,
    ) -> Result<Response<v1::UpdateContactResponse>, Status> {
        let actor = actor(&request);
        let contact = request.into_inner().contact.unwrap_or_default();
        let update = move |engine: &Editor<'_>| {
            let id = ContactId(known_id("contact", contact.contact_id)?);
            let etag = contact.etag.clone();
            let Edited { value: (), generation } =
                engine.update_contact(id, &contacts::entry(contact)?, &etag)?;
            let contact = Some(stored(engine, id)?);
            Ok(v1::UpdateContactResponse { contact, generation: generation.0 })
        };
        self.edit(actor, update).await.map(Response::new)
    }

    async fn delete_contact(
        &self,
        request: Request<v1::DeleteContactRequest>,
    ) -> Result<Response<v1::DeleteContactResponse>, Status> {
        let actor = actor(&request);
        let v1::DeleteContactRequest { contact_id, etag } = request.into_inner();
        let delete = move |engine: &Editor<'_>| {
            let id = ContactId(known_id("contact", contact_id)?);
            Ok(v1::DeleteContactResponse { generation: engine.delete_contact(id, &etag)?.generation.0 })
        };
        self.edit(actor, delete).await.map(Response::new)
    }
}

fn stored(engine: &Engine, id: ContactId) -> Result<v1::Contact, EngineError> {
    engine.read(|reading| {
        let found = reading.contact(id)?;
        let found = found.ok_or_else(|| EngineError::NotFound { what: "contact", name: id.to_string() })?;
        Ok(contacts::contact(found, &reading.phonebook_names()?))
    })
}

fn find(engine: &Engine, name: &PhonebookName) -> Result<CountedPhonebook, EngineError> {
    engine.read(|reading| {
        let found = reading.phonebook(name)?.ok_or_else(|| not_found(name))?;
        Ok(reading.counted(found)?)
    })
}

fn not_found(name: &PhonebookName) -> EngineError {
    EngineError::NotFound { what: "phonebook", name: name.as_str().to_owned() }
}

fn list_contacts(
    engine: &Engine,
    request: v1::ListContactsRequest,
) -> Result<v1::ListContactsResponse, EngineError> {
    let v1::ListContactsRequest { phonebook, query, page_size: size, page_token } = request;
    let search = search(&phonebook, query)?;
    let size = page_size(size)?;
    let after = Pages::CONTACTS.number(&page_token)?.map(ContactId);
    let search = ContactSearch { after, limit: size, ..search };
    let ContactPage { contacts: page, more_after } = engine.search_contacts(&search)?;
    let names = engine.read(|reading| Ok::<_, EngineError>(reading.phonebook_names()?))?;
    Ok(v1::ListContactsResponse {
        contacts: page.into_iter().map(|contact| contacts::contact(contact, &names)).collect(),
        next_page_token: more_after.map(|id| Pages::CONTACTS.token(id)).unwrap_or_default(),
    })
}

/// The contacts that a request asks for, without where to begin and how many.
pub(super) fn search(phonebook: &str, query: String) -> Result<ContactSearch, EngineError> {
    check_characters("query", &query, MAX_QUERY_CHARACTERS)?;
    let phonebook = match phonebook {
        "" => None,
        name => Some(phonebook_name("phonebook", name)?),
    };
    Ok(ContactSearch { phonebook, text: query, ..ContactSearch::default() })
}

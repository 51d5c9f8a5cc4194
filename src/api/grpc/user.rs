//! `UserService`: people who sign in to the console.

use tonic::{Request, Response, Status};

use super::Door;
use super::convert::tokens::role_from_proto;
use super::convert::users::to_proto;
use super::request::{Pages, actor, check_name_of, page_size};
use crate::account::MAX_USER_NAME;
use crate::api::proto::v1;
use crate::api::proto::v1::user_service_server::UserService;
use crate::engine::{Editor, Engine, EngineError, generated_password};

/// The password that was sent, or one that is made up; the second is what is told of it.
fn given_or_made_up(password: String) -> (String, String) {
    if !password.is_empty() {
        return (password, String::new());
    }
    let made_up = generated_password();
    (made_up.clone(), made_up)
}

#[tonic::async_trait]
impl UserService for Door {
    async fn create_user(
        &self,
        request: Request<v1::CreateUserRequest>,
    ) -> Result<Response<v1::CreateUserResponse>, Status> {
        let actor = actor(&request);
        let v1::CreateUserRequest { name, role, password } = request.into_inner();
        let create = move |engine: &Editor<'_>| {
            let role = role_from_proto(role)?;
            let (password, generated_password) = given_or_made_up(password);
            let user = Some(to_proto(engine.create_user(&name, role, &password)?));
            Ok(v1::CreateUserResponse { user, generated_password })
        };
        self.edit(actor, create).await.map(Response::new)
    }

    async fn list_users(
        &self,
        request: Request<v1::ListUsersRequest>,
    ) -> Result<Response<v1::ListUsersResponse>, Status> {
        let v1::ListUsersRequest { page_size: size, page_token } = request.into_inner();
        let list = move |engine: &Engine| {
            let size = page_size(size)?;
            let users = engine.users().into_iter().map(to_proto).collect();
            let (users, next_page_token) =
                Pages::USERS.by_name(users, |user: &v1::User| &user.name, size, &page_token)?;
            Ok::<_, EngineError>(v1::ListUsersResponse { users, next_page_token })
        };
        self.read(list).await.map(Response::new)
    }

    async fn set_user_role(
        &self,
        request: Request<v1::SetUserRoleRequest>,
    ) -> Result<Response<v1::SetUserRoleResponse>, Status> {
        let actor = actor(&request);
        let v1::SetUserRoleRequest { name, role } = request.into_inner();
        let set = move |engine: &Editor<'_>| {
            check_name_of("name", &name, MAX_USER_NAME)?;
            let user = Some(to_proto(engine.set_role(&name, role_from_proto(role)?)?));
            Ok(v1::SetUserRoleResponse { user })
        };
        self.edit(actor, set).await.map(Response::new)
    }

    async fn set_user_password(
        &self,
        request: Request<v1::SetUserPasswordRequest>,
    ) -> Result<Response<v1::SetUserPasswordResponse>, Status> {
        let actor = actor(&request);
        let v1::SetUserPasswordRequest { name, password } = request.into_inner();
        let set = move |engine: &Editor<'_>| {
            check_name_of("name", &name, MAX_USER_NAME)?;
            let (password, generated_password) = given_or_made_up(password);
            engine.set_password(&name, &password, None)?;
            Ok(v1::SetUserPasswordResponse { generated_password })
        };
        self.edit(actor, set).await.map(Response::new)
    }

    async fn sign_out_user(
        &self,
        request: Request<v1::SignOutUserRequest>,
    ) -> Result<Response<v1::SignOutUserResponse>, Status> {
        let actor = actor(&request);
        let v1::SignOutUserRequest { name } = request.into_inner();
        let sign_out = move |engine: &Editor<'_>| {
            check_name_of("name", &name, MAX_USER_NAME)?;
            engine.sign_out_everywhere(&name)?;
            Ok(v1::SignOutUserResponse {})
        };
        self.edit(actor, sign_out).await.map(Response::new)
    }

    async fn delete_user(
        &self,
        request: Request<v1::DeleteUserRequest>,
    ) -> Result<Response<v1::DeleteUserResponse>, Status> {
        let actor = actor(&request);
        let v1::DeleteUserRequest { name } = request.into_inner();
        let delete = move |engine: &Editor<'_>| {
            check_name_of("name", &name, MAX_USER_NAME)?;
            engine.delete_user(&name)?;
            Ok(v1::DeleteUserResponse {})
        };
        self.edit(actor, delete).await.map(Response::new)
    }
}

//! `UserService`: people who sign in to the console.

use tonic::{Request, Response, Status};

use super::Door;
use super::convert::tokens::{role_from_proto, role_to_proto};
use super::request::actor;
use crate::api::proto::v1;
use crate::api::proto::v1::user_service_server::UserService;
use crate::engine::{Editor, EngineError, generated_password};

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
            let generated_password = if password.is_empty() { generated_password() } else { String::new() };
            let password = if password.is_empty() { &generated_password } else { &password };
            engine.create_user(&name, role, password)?;
            let user = v1::User { name, role: role_to_proto(role).into() };
            Ok::<_, EngineError>(v1::CreateUserResponse { user: Some(user), generated_password })
        };
        self.edit(actor, create).await.map(Response::new)
    }
}

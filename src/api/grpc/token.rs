//! `TokenService`: who may ask for what.

use tonic::{Request, Response, Status};

use super::Door;
use super::convert::tokens::{new_token, to_proto};
use super::request::{Pages, actor, check_name, page_size};
use crate::api::proto::v1;
use crate::api::proto::v1::token_service_server::TokenService;
use crate::engine::{Editor, Engine, EngineError};

#[tonic::async_trait]
impl TokenService for Door {
    async fn create_token(
        &self,
        request: Request<v1::CreateTokenRequest>,
    ) -> Result<Response<v1::CreateTokenResponse>, Status> {
        let actor = actor(&request);
        let created_by = actor.to_string();
        let request = request.into_inner();
        let tokens_required = self.tokens_required;
        let create = move |engine: &Editor<'_>| {
            let (token, secret) = engine.create_token(&new_token(request, created_by)?)?;
            Ok(v1::CreateTokenResponse { token: Some(to_proto(token)), secret, tokens_required })
        };
        self.edit(actor, create).await.map(Response::new)
    }

    async fn list_tokens(
        &self,
        request: Request<v1::ListTokensRequest>,
    ) -> Result<Response<v1::ListTokensResponse>, Status> {
        let v1::ListTokensRequest { page_size: size, page_token } = request.into_inner();
        let tokens_required = self.tokens_required;
        let list = move |engine: &Engine| {
            let size = page_size(size)?;
            let tokens = engine.tokens_listed()?.into_iter().map(to_proto).collect();
            let (tokens, next_page_token) =
                Pages::TOKENS.by_name(tokens, |token: &v1::Token| &token.name, size, &page_token)?;
            Ok::<_, EngineError>(v1::ListTokensResponse { tokens, next_page_token, tokens_required })
        };
        self.read(list).await.map(Response::new)
    }

    async fn revoke_token(
        &self,
        request: Request<v1::RevokeTokenRequest>,
    ) -> Result<Response<v1::RevokeTokenResponse>, Status> {
        let actor = actor(&request);
        let v1::RevokeTokenRequest { name } = request.into_inner();
        let revoke = move |engine: &Editor<'_>| {
            check_name("name", &name)?;
            engine.revoke_token(&name)?;
            Ok(v1::RevokeTokenResponse {})
        };
        self.edit(actor, revoke).await.map(Response::new)
    }
}

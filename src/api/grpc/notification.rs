//! `NotificationService`: whether people and programs can be told.

use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::request::{bad, check_name};
use super::{Door, status};
use crate::api::proto::v1;
use crate::api::proto::v1::notification_service_server::NotificationService;
use crate::engine::{Engine, EngineError};
use crate::notifier::{FailureKind, Trial, TrialFailure};
use crate::settings::EmailAddresses;

#[tonic::async_trait]
impl NotificationService for Door {
    async fn send_test_mail(
        &self,
        request: Request<v1::SendTestMailRequest>,
    ) -> Result<Response<v1::SendTestMailResponse>, Status> {
        let address = one_address(&request.get_ref().address).map_err(status::of)?;
        let _turn = self.testers.acquire().await.map_err(|_| status::shutting_down())?;
        let ways = self.ways.borrow().clone();
        let trial = self.wait(ways.test_mail(&address, Timestamp::now())).await?;
        Ok(Response::new(v1::SendTestMailResponse { test: Some(test(trial)) }))
    }

    async fn send_test_webhook(
        &self,
        request: Request<v1::SendTestWebhookRequest>,
    ) -> Result<Response<v1::SendTestWebhookResponse>, Status> {
        let v1::SendTestWebhookRequest { source } = request.into_inner();
        check_name("source", &source).map_err(status::of)?;
        let find = move |engine: &Engine| {
            let gone = || EngineError::NotFound { what: "source", name: source.clone() };
            Ok(engine.read(|reading| reading.source(&source))?.ok_or_else(gone)?.settings)
        };
        let settings = self.read(find).await?;
        let name = settings.name;
        let webhook = settings.notify.webhook.ok_or_else(|| {
            Status::failed_precondition(format!(
                "source {name:?} has no webhook: give it one (notify.webhook), then try it out"
            ))
        })?;
        let _turn = self.testers.acquire().await.map_err(|_| status::shutting_down())?;
        let ways = self.ways.borrow().clone();
        let trial = self.wait(ways.test_webhook(&name, &webhook, Timestamp::now())).await?;
        Ok(Response::new(v1::SendTestWebhookResponse { test: Some(test(trial)) }))
    }
}

fn one_address(text: &str) -> Result<String, EngineError> {
    let address = EmailAddresses::one(text).map_err(|problem| bad("address", problem))?;
    Ok(address.to_string())
}

fn test(trial: Trial) -> v1::NotificationTest {
    let Trial { server, result } = trial;
    match result {
        Ok(answer) => v1::NotificationTest { succeeded: true, server, answer, ..Default::default() },
        Err(TrialFailure { what, kind, remedy }) => v1::NotificationTest {
            server,
            failure: what,
            failure_kind: failure_kind(kind).into(),
            remedy: remedy.to_owned(),
            ..Default::default()
        },
    }
}

fn failure_kind(kind: FailureKind) -> v1::NotificationFailure {
    match kind {
        FailureKind::NotConfigured => v1::NotificationFailure::NotConfigured,
        FailureKind::Secret => v1::NotificationFailure::Secret,
        FailureKind::Unreachable => v1::NotificationFailure::Unreachable,
        FailureKind::NoAnswer => v1::NotificationFailure::NoAnswer,
        FailureKind::Encryption => v1::NotificationFailure::Encryption,
        FailureKind::Login => v1::NotificationFailure::Login,
        FailureKind::Refused => v1::NotificationFailure::Refused,
        FailureKind::PutOff => v1::NotificationFailure::PutOff,
    }
}

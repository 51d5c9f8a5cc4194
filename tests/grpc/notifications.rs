//! `NotificationService`: what cannot be tried out is said, with the remedy.

use ringroute::api::proto::v1;
use tonic::Code;

use crate::support::Server;

#[tokio::test]
async fn a_test_mail_without_a_mail_server_says_where_to_name_one() {
    let server = Server::start().await;
    let request = v1::SendTestMailRequest { address: "ops@example.com".into() };
    let test = server.notifications().await.send_test_mail(request).await.unwrap().into_inner().test.unwrap();
    assert!(!test.succeeded);
    assert_eq!(test.failure_kind(), v1::NotificationFailure::NotConfigured);
    assert!(test.remedy.contains("[mail] in ringroute.toml"), "{test:?}");
}

#[tokio::test]
async fn an_address_must_be_one_and_a_webhook_must_be_there() {
    let server = Server::start_with_company().await;
    let mut client = server.notifications().await;
    for (address, expected) in [
        ("", "address: is empty"),
        ("ops", "is no email address"),
        ("a@example.com; b@example.com", "several"),
    ] {
        let request = v1::SendTestMailRequest { address: address.into() };
        let status = client.send_test_mail(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{address:?}");
        assert!(status.message().contains(expected), "{status:?}");
    }
    for (source, code) in
        [("", Code::InvalidArgument), ("nobody", Code::NotFound), ("crm", Code::FailedPrecondition)]
    {
        let request = v1::SendTestWebhookRequest { source: source.into() };
        assert_eq!(client.send_test_webhook(request).await.unwrap_err().code(), code, "{source:?}");
    }
}

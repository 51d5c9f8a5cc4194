//! `ringroute notify`: whether people and programs can be told.

use clap::{Args, Subcommand};

use super::connection::ServerArguments;
use super::exit::{Exit, Failure, Result};
use super::screen::Screen;
use super::words;
use crate::api::proto::v1;

/// Try out whether mails and webhooks arrive
#[derive(Debug, Subcommand)]
pub(super) enum NotifyCommand {
    TestMail(TestMailArguments),
    TestWebhook(TestWebhookArguments),
}

/// Send one mail through the configured mail server
///
/// The server's answer is told; when it does not take the mail, so is what to do. The mail server is named in the table `mail`
/// in ringroute.toml.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute notify test-mail ops@example.com

Exit codes: 0 the mail server took it, 1 it did not")]
pub(super) struct TestMailArguments {
    /// Address to send to
    address: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// Send one signed message to the webhook of a source
///
/// Its body is {\"event\":\"test\", …}; a receiver checks the signature as ever.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute notify test-webhook crm

Exit codes: 0 the web server took it, 1 it did not, 4 no such source, 5 the source has no webhook")]
pub(super) struct TestWebhookArguments {
    /// Name of the source
    source: String,
    #[command(flatten)]
    server: ServerArguments,
}

impl NotifyCommand {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        match self {
            NotifyCommand::TestMail(TestMailArguments { address, server }) => {
                let request = v1::SendTestMailRequest { address: address.clone() };
                let answer = server.connect().await?.notifications().send_test_mail(request).await?;
                let answer = answer.into_inner();
                let shown = if server.json { screen.json(&answer) } else { Ok(()) };
                tell(answer.test, &format!("the mail to {address}"), server.json, screen).and(shown)
            }
            NotifyCommand::TestWebhook(TestWebhookArguments { source, server }) => {
                let request = v1::SendTestWebhookRequest { source };
                let answer = server.connect().await?.notifications().send_test_webhook(request).await?;
                let answer = answer.into_inner();
                let shown = if server.json { screen.json(&answer) } else { Ok(()) };
                tell(answer.test, "the message", server.json, screen).and(shown)
            }
        }
    }
}

fn tell(test: Option<v1::NotificationTest>, what: &str, as_json: bool, screen: &mut Screen) -> Result<()> {
    let test = test.unwrap_or_default();
    if !test.succeeded {
        let v1::NotificationTest { failure, remedy, .. } = test;
        return Err(Failure::new(Exit::Failed, format!("{failure}\n{remedy}")));
    }
    if as_json {
        return Ok(());
    }
    let (server, answer) = (words::on_one_line(&test.server), words::on_one_line(&test.answer));
    screen.line(screen.good(format!("{server} took {what}: {answer}")))
}

//! Taking over a changed configuration while calls go on being answered.

use super::{Server, logging};
use crate::config::Config;
use crate::notifier::Ways;

/// How mails and webhooks leave the process, as a configuration says.
pub(super) fn ways(config: &Config) -> Ways {
    Ways { mail: config.mail.clone(), webhook: config.webhook.clone() }
}

impl Server {
    /// Takes over what can be without a restart: how much is logged, the mail server, how webhooks are reached,
    /// the certificate's files, which are read again. Says what of the rest has changed, and so needs a restart.
    pub async fn take_over(&mut self, config: Config) -> Vec<&'static str> {
        logging::set_log_level(config.log.level);
        self.ways.send_replace(ways(&config));
        let before = &self.config;
        let needs_restart = [
            ("listen", before.listen != config.listen),
            ("metrics", before.metrics != config.metrics),
            ("console", before.console != config.console),
            ("data_folder", before.data_folder != config.data_folder),
            ("insecure", before.insecure != config.insecure),
            ("require_tokens", before.require_tokens != config.require_tokens),
            // Other files are read; whether connections are encrypted at all stays.
            ("tls", before.tls.is_some() != config.tls.is_some()),
            ("bounds", before.bounds != config.bounds),
            ("log.format", before.log.format != config.log.format),
            ("traces", before.traces != config.traces),
        ];
        let needs_restart: Vec<_> =
            needs_restart.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect();
        // What waits for a restart is compared with what is in force, the next time too.
        let Config { log, mail, webhook, tls, .. } = config;
        self.config.log.level = log.level;
        (self.config.mail, self.config.webhook) = (mail, webhook);
        if let (Some(served), Some(files)) = (&self.tls, tls) {
            self.config.tls = Some(files.clone());
            served.look_at(files).await;
        }
        needs_restart
    }

    /// What came of being told to reload.
    pub(super) async fn reload<E: std::fmt::Display>(&mut self, read: Result<Config, E>) {
        match read {
            Ok(config) => {
                for warning in &config.warnings {
                    tracing::warn!("{warning}");
                }
                let needs_restart = self.take_over(config).await;
                tracing::info!("the configuration was read again");
                if !needs_restart.is_empty() {
                    tracing::warn!(
                        keys = needs_restart.join(", "),
                        "changed, but only a restart takes that over"
                    );
                }
            }
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the configuration was not taken over; all stays as it was"
                );
            }
        }
    }
}

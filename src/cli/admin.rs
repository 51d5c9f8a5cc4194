//! `ringroute admin`: people who may do everything in the console.

use clap::{Args, Subcommand};

use super::connection::secret;
use super::exit::{Exit, Failure, Result};
use super::screen::Screen;
use super::token::{PlaceArguments, offline};
use super::words;
use crate::access::Role;
use crate::api::proto::v1;
use crate::engine::{OfflineUsers, generated_password};
use crate::secret::Secret;

/// Who may sign in to the console as an administrator
#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    Create(CreateArguments),
}

/// Make an administrator, who can sign in to the console at once
///
/// Without --password one is made up and printed this once, alone on standard output; the server keeps only what it
/// recognises it by. Users with other roles are made through the contract (UserService/CreateUser).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute admin create ada
  ringroute admin create ada --password file:/run/secrets/ada

When every administrator's password is lost, while no server is running:
  ringroute admin create ada --data-folder /var/lib/ringroute

Exit codes: 0 made, 2 cannot be, 5 there is a user with that name already")]
pub(super) struct CreateArguments {
    /// The name to sign in with
    name: String,
    /// Where the password is: env:NAME or file:PATH; 12 characters or more
    #[arg(long, value_name = "SECRET", value_parser = secret)]
    password: Option<Secret>,
    #[command(flatten)]
    place: PlaceArguments,
}

impl AdminCommand {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        match self {
            AdminCommand::Create(arguments) => arguments.run(screen).await,
        }
    }
}

impl CreateArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let CreateArguments { name, password, place: PlaceArguments { data_folder, server } } = self;
        let mut given = String::new();
        if let Some(password) = password {
            let resolved = password.resolve().await;
            let resolved =
                resolved.map_err(|error| Failure::new(Exit::Usage, format!("--password: {error}")))?;
            resolved.as_str().clone_into(&mut given);
        }
        let answer = match data_folder {
            Some(folder) => {
                let generated_password = if given.is_empty() { generated_password() } else { String::new() };
                let password = if given.is_empty() { &generated_password } else { &given };
                OfflineUsers::open(&folder)
                    .and_then(|users| users.create(&name, Role::Admin, password))
                    .map_err(offline)?;
                let user = v1::User { name, role: v1::Role::Admin.into() };
                v1::CreateUserResponse { user: Some(user), generated_password }
            }
            None => {
                let role = v1::Role::Admin.into();
                let request = v1::CreateUserRequest { name, role, password: given };
                server.connect().await?.users().create_user(request).await?.into_inner()
            }
        };
        if server.json {
            return screen.json(&answer);
        }
        let name = answer.user.map(|user| user.name).unwrap_or_default();
        if answer.generated_password.is_empty() {
            return screen.line(format!("{} is an administrator of the console.", words::argument(&name)));
        }
        screen.line(&answer.generated_password)?;
        eprintln!(
            "This is the password of {}, who is an administrator of the console. Keep it now: it is not shown again.",
            words::argument(&name)
        );
        Ok(())
    }
}

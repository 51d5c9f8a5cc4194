//! `ringroute admin`: people who sign in to the console.

use clap::{Args, Subcommand, ValueEnum};

use super::connection::{Connection, secret};
use super::exit::{Exit, Failure, Result};
use super::screen::{Screen, Table};
use super::token::{PlaceArguments, offline};
use super::words;
use crate::access::Role;
use crate::api::grpc;
use crate::api::proto::v1;
use crate::engine::{OfflineUsers, generated_password};
use crate::secret::Secret;

/// Most items that are asked for at once.
const PAGE: u32 = 1000;

/// Who may sign in to the console
///
/// Each of these works on a running server, or, with --data-folder, on the data folder of one that is stopped: that is
/// the way in when every administrator's password is lost. There is always an administrator: the only one is neither
/// deleted nor given another role.
#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    Create(CreateArguments),
    List(ListArguments),
    Role(RoleArguments),
    Password(PasswordArguments),
    SignOut(SignOutArguments),
    Delete(DeleteArguments),
}

/// Make somebody who can sign in to the console at once: an administrator, unless --role says otherwise
///
/// Without --password one is made up and printed this once, alone on standard output; the server keeps only what it
/// recognises it by.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute admin create ada
  ringroute admin create grace --role operator
  ringroute admin create ada --password file:/run/secrets/ada

When every administrator's password is lost, while no server is running:
  ringroute admin create ada --data-folder /var/lib/ringroute

Roles:
  viewer     sees everything, changes nothing
  operator   like a viewer, and synchronises
  admin      everything, users and tokens included

Exit codes: 0 made, 2 cannot be, 5 there is a user with that name already")]
pub(super) struct CreateArguments {
    /// The name to sign in with
    name: String,
    /// What they may do
    #[arg(long, default_value = "admin")]
    role: RoleArgument,
    #[command(flatten)]
    password: PasswordArgument,
    #[command(flatten)]
    place: PlaceArguments,
}

/// List who may sign in to the console, and when they last did
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute admin list
  ringroute admin list --json | jq -r '.users[] | select(.role == \"ROLE_ADMIN\").name'")]
pub(super) struct ListArguments {
    #[command(flatten)]
    place: PlaceArguments,
}

/// Give somebody another role, which holds from their next page on
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute admin role grace operator

Exit codes: 0 done, 4 no such user, 5 nobody else is an administrator")]
pub(super) struct RoleArguments {
    /// Their name
    name: String,
    /// What they may do
    role: RoleArgument,
    #[command(flatten)]
    place: PlaceArguments,
}

/// Give somebody another password, and sign them out everywhere
///
/// Without --password one is made up and printed this once, alone on standard output.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute admin password grace
  ringroute admin password ada --password file:/run/secrets/ada

While no server is running:
  ringroute admin password ada --data-folder /var/lib/ringroute

Exit codes: 0 done, 2 the password cannot be, 4 no such user")]
pub(super) struct PasswordArguments {
    /// Their name
    name: String,
    #[command(flatten)]
    password: PasswordArgument,
    #[command(flatten)]
    place: PlaceArguments,
}

/// Sign somebody out wherever they are signed in
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute admin sign-out grace

Exit codes: 0 done, 4 no such user")]
pub(super) struct SignOutArguments {
    /// Their name
    name: String,
    #[command(flatten)]
    place: PlaceArguments,
}

/// Delete somebody, who is signed out everywhere at once
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute admin delete grace

Exit codes: 0 deleted, 4 no such user, 5 nobody else is an administrator")]
pub(super) struct DeleteArguments {
    /// Their name
    name: String,
    #[command(flatten)]
    place: PlaceArguments,
}

#[derive(Debug, Args)]
struct PasswordArgument {
    /// Where the password is: env:NAME or file:PATH; 12 characters or more
    #[arg(long, value_name = "SECRET", value_parser = secret)]
    password: Option<Secret>,
}

impl PasswordArgument {
    /// Empty when one is to be made up.
    async fn given(self) -> Result<String> {
        let Some(password) = self.password else { return Ok(String::new()) };
        let resolved = password.resolve().await;
        let resolved = resolved
            .map_err(|error| Failure::new(Exit::Usage, format!("--password: {}", error.of_this_process())))?;
        Ok(resolved.as_str().to_owned())
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArgument {
    Viewer,
    Operator,
    Admin,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Role {
        match role {
            RoleArgument::Viewer => Role::Viewer,
            RoleArgument::Operator => Role::Operator,
            RoleArgument::Admin => Role::Admin,
        }
    }
}

fn proto(role: RoleArgument) -> i32 {
    grpc::role_to_proto(role.into()).into()
}

/// What a role is called in a sentence.
fn a_role(role: v1::Role) -> String {
    match role {
        v1::Role::Admin => "an administrator".to_owned(),
        v1::Role::Operator => "an operator".to_owned(),
        role => format!("a {}", words::of_enum(role.as_str_name(), "ROLE_")),
    }
}

impl AdminCommand {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        match self {
            AdminCommand::Create(arguments) => arguments.run(screen).await,
            AdminCommand::List(arguments) => arguments.run(screen).await,
            AdminCommand::Role(arguments) => arguments.run(screen).await,
            AdminCommand::Password(arguments) => arguments.run(screen).await,
            AdminCommand::SignOut(arguments) => arguments.run(screen).await,
            AdminCommand::Delete(arguments) => arguments.run(screen).await,
        }
    }
}

impl CreateArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let CreateArguments { name, role, password, place: PlaceArguments { data_folder, server } } = self;
        let given = password.given().await?;
        let answer = match data_folder {
            Some(folder) => {
                let generated_password = if given.is_empty() { generated_password() } else { String::new() };
                let password = if given.is_empty() { &generated_password } else { &given };
                let users = OfflineUsers::open_or_make(&folder).map_err(offline)?;
                users.create(&name, role.into(), password).map_err(offline)?;
                if users.are_of_a_new_store() {
                    // Whoever mistyped the folder of a server would think that they are back in.
                    eprintln!("There was no store in {}, so a new one was made there.", folder.display());
                }
                let user = v1::User { name, role: proto(role), ..Default::default() };
                v1::CreateUserResponse { user: Some(user), generated_password }
            }
            None => {
                let request = v1::CreateUserRequest { name, role: proto(role), password: given };
                server.connect().await?.users().create_user(request).await?.into_inner()
            }
        };
        if server.json {
            return screen.json(&answer);
        }
        let v1::CreateUserResponse { user, generated_password } = answer;
        let user = user.unwrap_or_default();
        let who = format!("{}, who is {} of the console", words::argument(&user.name), a_role(user.role()));
        if generated_password.is_empty() {
            return screen.line(format!("{}.", who.replacen(", who is", " is", 1)));
        }
        tell_password(screen, &generated_password, &who)
    }
}

/// A password that was made up: alone on standard output, so that it can go into a file.
fn tell_password(screen: &mut Screen, password: &str, whose: &str) -> Result<()> {
    screen.line(password)?;
    eprintln!("This is the password of {whose}. Keep it now: it is not shown again.");
    Ok(())
}

impl ListArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let PlaceArguments { data_folder, server } = self.place;
        let answer = match data_folder {
            Some(folder) => {
                let users = OfflineUsers::open(&folder).and_then(|users| users.list()).map_err(offline)?;
                let users = users.into_iter().map(grpc::user_to_proto).collect();
                v1::ListUsersResponse { users, next_page_token: String::new() }
            }
            None => all(&server.connect().await?).await?,
        };
        if server.json {
            return screen.json(&answer);
        }
        let mut table = Table::new(["user", "role", "made", "last signed in", "signed in"]);
        for user in &answer.users {
            let last = user.last_signed_in_at.as_ref();
            let places = match user.session_count {
                0 => "no".to_owned(),
                places => words::counted(places.into(), "place"),
            };
            table.row([
                &user.name,
                &words::of_enum(user.role().as_str_name(), "ROLE_"),
                &words::time(user.created_at.as_ref()),
                &last.map_or_else(|| "never".to_owned(), |time| words::time(Some(time))),
                &places,
            ]);
        }
        screen.table(&table)
    }
}

impl RoleArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let RoleArguments { name, role, place: PlaceArguments { data_folder, server } } = self;
        let answer = match data_folder {
            Some(folder) => {
                OfflineUsers::open(&folder)
                    .and_then(|users| users.set_role(&name, role.into()))
                    .map_err(offline)?;
                let user = v1::User { name, role: proto(role), ..Default::default() };
                v1::SetUserRoleResponse { user: Some(user) }
            }
            None => {
                let request = v1::SetUserRoleRequest { name, role: proto(role) };
                server.connect().await?.users().set_user_role(request).await?.into_inner()
            }
        };
        if server.json {
            return screen.json(&answer);
        }
        let user = answer.user.unwrap_or_default();
        screen.line(format!("{} is {} of the console.", words::argument(&user.name), a_role(user.role())))
    }
}

impl PasswordArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let PasswordArguments { name, password, place: PlaceArguments { data_folder, server } } = self;
        let given = password.given().await?;
        let answer = match data_folder {
            Some(folder) => {
                let generated_password = if given.is_empty() { generated_password() } else { String::new() };
                let password = if given.is_empty() { &generated_password } else { &given };
                OfflineUsers::open(&folder)
                    .and_then(|users| users.set_password(&name, password))
                    .map_err(offline)?;
                v1::SetUserPasswordResponse { generated_password }
            }
            None => {
                let request = v1::SetUserPasswordRequest { name: name.clone(), password: given };
                server.connect().await?.users().set_user_password(request).await?.into_inner()
            }
        };
        if server.json {
            return screen.json(&answer);
        }
        let who = format!("{}, who is signed out everywhere", words::argument(&name));
        if answer.generated_password.is_empty() {
            return screen.line(format!("Another password holds for {who}."));
        }
        tell_password(screen, &answer.generated_password, &who)
    }
}

impl SignOutArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let SignOutArguments { name, place: PlaceArguments { data_folder, server } } = self;
        let answer = match data_folder {
            Some(folder) => {
                OfflineUsers::open(&folder)
                    .and_then(|users| users.sign_out_everywhere(&name))
                    .map_err(offline)?;
                v1::SignOutUserResponse {}
            }
            None => {
                let request = v1::SignOutUserRequest { name: name.clone() };
                server.connect().await?.users().sign_out_user(request).await?.into_inner()
            }
        };
        if server.json {
            return screen.json(&answer);
        }
        screen.line(format!("{} is signed out everywhere.", words::argument(&name)))
    }
}

impl DeleteArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let DeleteArguments { name, place: PlaceArguments { data_folder, server } } = self;
        let answer = match data_folder {
            Some(folder) => {
                OfflineUsers::open(&folder).and_then(|users| users.delete(&name)).map_err(offline)?;
                v1::DeleteUserResponse {}
            }
            None => {
                let request = v1::DeleteUserRequest { name: name.clone() };
                server.connect().await?.users().delete_user(request).await?.into_inner()
            }
        };
        if server.json {
            return screen.json(&answer);
        }
        screen.line(format!("{} is deleted.", words::argument(&name)))
    }
}

/// Every user.
async fn all(connection: &Connection) -> Result<v1::ListUsersResponse> {
    let mut all = v1::ListUsersResponse::default();
    loop {
        let page_token = std::mem::take(&mut all.next_page_token);
        let request = v1::ListUsersRequest { page_size: PAGE, page_token };
        let page = connection.users().list_users(request).await?.into_inner();
        all.users.extend(page.users);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        all.next_page_token = page.next_page_token;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::ROLES;

    #[test]
    fn every_role_of_a_person_can_be_asked_for() {
        let roles = RoleArgument::value_variants().iter().map(|role| Role::from(*role));
        assert!(roles.eq(ROLES));
        for (role, argument) in ROLES.iter().zip(RoleArgument::value_variants()) {
            assert_eq!(argument.to_possible_value().unwrap().get_name(), role.name());
        }
    }
}

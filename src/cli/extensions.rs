//! `ringroute extensions`: extensions, and the phonebooks that are granted to them.

use clap::{Args, Subcommand};

use super::connection::{Connection, ServerArguments};
use super::exit::{Exit, Failure, Result};
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1;

/// List the extensions, name them and put them into groups, and grant them phonebooks
///
/// An extension sees the contacts of the phonebooks that are granted to it, to a group it is in, or to all.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  ringroute extensions                                 the same as `extensions list`
  ringroute extensions set 1001 --name 'Ada Lovelace' --group Berlin
  ringroute extensions grant 'Sales for Berlin' --phonebook Sales --group Berlin
  ringroute extensions grants
  ringroute directory contacts 1001                    what does it see?"
)]
pub(super) struct ExtensionsArguments {
    #[command(subcommand)]
    command: Option<ExtensionsCommand>,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Subcommand)]
enum ExtensionsCommand {
    List(ListArguments),
    Set(SetArguments),
    Remove(RemoveArguments),
    Grants(GrantsArguments),
    Grant(GrantArguments),
    Revoke(RevokeArguments),
}

/// List the extensions that have a name or groups
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute extensions list
  ringroute extensions list --json | jq -r '.directorySettings.extensions[].number'")]
struct ListArguments {
    #[command(flatten)]
    server: ServerArguments,
}

/// Add an extension, or change one
///
/// What is not given stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute extensions set 1001 --name 'Ada Lovelace' --group Berlin --group Sales
  ringroute extensions set 1001 --no-groups
  ringroute extensions set 1001 --enabled false        it sees nothing, and can still be called")]
struct SetArguments {
    /// Number of the extension
    number: String,
    /// Whose it is
    #[arg(long)]
    name: Option<String>,
    /// A group that it is in, in place of those before; can be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Take it out of all groups
    #[arg(long, conflicts_with = "groups")]
    no_groups: bool,
    /// Whether it may use the directory
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    #[command(flatten)]
    server: ServerArguments,
}

/// Remove an extension
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute extensions remove 1001

Exit codes: 0 removed, 2 refused: a grant or a route names it, 4 no such extension")]
struct RemoveArguments {
    /// Number of the extension
    number: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// List the grants: who sees which phonebooks
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute extensions grants
  ringroute extensions grants --json | jq '.directorySettings.visibilityGrants'")]
struct GrantsArguments {
    #[command(flatten)]
    server: ServerArguments,
}

/// Let extensions see phonebooks: make a grant, or replace the one of this name
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute extensions grant 'Sales for Berlin' --phonebook Sales --group Berlin
  ringroute extensions grant Board --all-phonebooks --extension 1001 --extension 1100-1109
  ringroute extensions grant Everybody --phonebook Support --all-extensions")]
struct GrantArguments {
    /// Name of the grant
    name: String,
    /// A phonebook that they see; can be repeated
    #[arg(long = "phonebook", value_name = "PHONEBOOK", required_unless_present = "all_phonebooks")]
    phonebooks: Vec<String>,
    /// They see every phonebook, also those to come
    #[arg(long, conflicts_with = "phonebooks")]
    all_phonebooks: bool,
    /// An extension that sees them, or a range: 1000-1099; can be repeated
    #[arg(long = "extension", value_name = "EXTENSION", required_unless_present_any = ["groups", "all_extensions"])]
    extensions: Vec<String>,
    /// A group of extensions that sees them; can be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Every extension sees them
    #[arg(long, conflicts_with_all = ["extensions", "groups"])]
    all_extensions: bool,
    #[command(flatten)]
    server: ServerArguments,
}

/// Take a grant back: what no other grant shows is hidden at once
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute extensions revoke 'Sales for Berlin'

Exit codes: 0 taken back, 4 no such grant")]
struct RevokeArguments {
    /// Name of the grant
    name: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// What the directory is decided by, to be changed and sent back.
pub(super) async fn directory_settings(connection: &Connection) -> Result<v1::DirectorySettings> {
    let request = v1::GetDirectorySettingsRequest {};
    let answer = connection.directory_settings().get_directory_settings(request).await?;
    Ok(answer.into_inner().directory_settings.unwrap_or_default())
}

/// Sends it back. Somebody else's change in between is not written over: its etag is sent along.
pub(super) async fn update(
    connection: &Connection,
    settings: v1::DirectorySettings,
) -> Result<v1::UpdateDirectorySettingsResponse> {
    let request = v1::UpdateDirectorySettingsRequest { directory_settings: Some(settings) };
    Ok(connection.directory_settings().update_directory_settings(request).await?.into_inner())
}

impl ExtensionsArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        match self.command {
            None => list(self.server, screen).await,
            Some(ExtensionsCommand::List(arguments)) => list(arguments.server, screen).await,
            Some(ExtensionsCommand::Set(arguments)) => set(arguments, screen).await,
            Some(ExtensionsCommand::Remove(arguments)) => remove(arguments, screen).await,
            Some(ExtensionsCommand::Grants(arguments)) => grants(arguments.server, screen).await,
            Some(ExtensionsCommand::Grant(arguments)) => grant(arguments, screen).await,
            Some(ExtensionsCommand::Revoke(arguments)) => revoke(arguments, screen).await,
        }
    }
}

async fn list(server: ServerArguments, screen: &mut Screen) -> Result<()> {
    let settings = directory_settings(&server.connect().await?).await?;
    if server.json {
        return screen.json(&v1::GetDirectorySettingsResponse { directory_settings: Some(settings) });
    }
    let mut table = Table::new(["extension", "name", "groups", "directory"]);
    for extension in &settings.extensions {
        let state = if extension.enabled.unwrap_or(true) { "on" } else { "off" };
        table.row([&extension.number, &extension.name, &extension.groups.join(", "), state]);
    }
    screen.table(&table)
}

async fn grants(server: ServerArguments, screen: &mut Screen) -> Result<()> {
    let settings = directory_settings(&server.connect().await?).await?;
    if server.json {
        return screen.json(&v1::GetDirectorySettingsResponse { directory_settings: Some(settings) });
    }
    let mut table = Table::new(["grant", "phonebooks", "seen by"]);
    for grant in &settings.visibility_grants {
        let phonebooks = if grant.all_phonebooks { "(all)".to_owned() } else { grant.phonebooks.join(", ") };
        let groups = grant.extension_groups.iter().map(|group| format!("group {group}"));
        let seen_by = grant.extensions.iter().cloned().chain(groups).collect::<Vec<_>>().join(", ");
        let seen_by = if grant.all_extensions { "(every extension)" } else { &seen_by };
        table.row([&grant.name, &phonebooks, seen_by]);
    }
    screen.table(&table)
}

async fn set(arguments: SetArguments, screen: &mut Screen) -> Result<()> {
    let SetArguments { number, name, groups, no_groups, enabled, server } = arguments;
    let connection = server.connect().await?;
    let mut settings = directory_settings(&connection).await?;
    let place = settings.extensions.iter().position(|extension| extension.number == number);
    let place = place.unwrap_or_else(|| {
        settings.extensions.push(v1::Extension { number: number.clone(), ..Default::default() });
        settings.extensions.len() - 1
    });
    let extension = &mut settings.extensions[place];
    if let Some(name) = name {
        extension.name = name;
    }
    if no_groups || !groups.is_empty() {
        extension.groups = groups;
    }
    extension.enabled = enabled.or(extension.enabled);
    finish(&connection, &server, settings, screen, &format!("extension {number} is saved")).await
}

async fn remove(RemoveArguments { number, server }: RemoveArguments, screen: &mut Screen) -> Result<()> {
    let connection = server.connect().await?;
    let mut settings = directory_settings(&connection).await?;
    let before = settings.extensions.len();
    settings.extensions.retain(|extension| extension.number != number);
    if settings.extensions.len() == before {
        return Err(not_found("extension", &number, "`ringroute extensions` lists them"));
    }
    finish(&connection, &server, settings, screen, &format!("extension {number} is removed")).await
}

async fn grant(arguments: GrantArguments, screen: &mut Screen) -> Result<()> {
    let GrantArguments { name, phonebooks, all_phonebooks, extensions, groups, all_extensions, server } =
        arguments;
    let connection = server.connect().await?;
    let mut settings = directory_settings(&connection).await?;
    let granted = v1::VisibilityGrant {
        name: name.clone(),
        phonebooks,
        all_phonebooks,
        extensions,
        extension_groups: groups,
        all_extensions,
    };
    let grants = &mut settings.visibility_grants;
    match grants.iter_mut().find(|grant| is_same(&grant.name, &name)) {
        Some(grant) => *grant = granted,
        None => grants.push(granted),
    }
    finish(&connection, &server, settings, screen, &format!("grant {name:?} is saved")).await
}

async fn revoke(RevokeArguments { name, server }: RevokeArguments, screen: &mut Screen) -> Result<()> {
    let connection = server.connect().await?;
    let mut settings = directory_settings(&connection).await?;
    let before = settings.visibility_grants.len();
    settings.visibility_grants.retain(|grant| !is_same(&grant.name, &name));
    if settings.visibility_grants.len() == before {
        return Err(not_found("grant", &name, "`ringroute extensions grants` lists them"));
    }
    finish(&connection, &server, settings, screen, &format!("grant {name:?} is taken back")).await
}

/// As the server compares names.
fn is_same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

fn not_found(what: &str, name: &str, remedy: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("there is no {what} {name:?}: {remedy}"))
}

async fn finish(
    connection: &Connection,
    server: &ServerArguments,
    settings: v1::DirectorySettings,
    screen: &mut Screen,
    done: &str,
) -> Result<()> {
    let answer = update(connection, settings).await?;
    if server.json {
        return screen.json(&answer);
    }
    screen.line(words::on_one_line(done))?;
    for name in &answer.missing_phonebooks {
        eprintln!(
            "note: there is no phonebook {:?} (yet), so nobody sees anything by it",
            words::on_one_line(name)
        );
    }
    Ok(())
}

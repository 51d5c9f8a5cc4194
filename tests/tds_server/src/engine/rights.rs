//! Logins, users and rights, as statements change them.

use super::catalogue::{Securable, User, folded};
use super::core::KnownLogin;
use super::errors::invalid_object;
use super::output::Stop;
use super::session::Session;
use crate::token::ServerMessage;
use crate::tsql::{Action, On, Security};

fn no_such(what: &str, name: &str) -> ServerMessage {
    ServerMessage::error(
        15_151,
        format!("Cannot find the {what} '{name}', because it does not exist or you do not have permission."),
    )
}

impl Session {
    pub(super) fn security(&self, security: &Security) -> Result<(), Stop> {
        match security {
            Security::CreateLogin { name, password, database } => {
                self.must_be_administrator()?;
                if self.core.logins().contains_key(&folded(name)) {
                    return Err(ServerMessage::error(
                        15_025,
                        format!("The server principal '{name}' already exists."),
                    )
                    .into());
                }
                self.core.add_login(KnownLogin {
                    name: name.clone(),
                    password: password.clone(),
                    database: database.clone().unwrap_or_else(|| "master".to_owned()),
                    administrator: false,
                    enabled: true,
                });
            }
            Security::ChangePassword { name, password } => {
                self.change_login(name, |login| password.clone_into(&mut login.password))?;
            }
            Security::EnableLogin { name, enabled } => {
                self.change_login(name, |login| login.enabled = *enabled)?;
            }
            Security::AddToServerRole { role, login } => {
                let administrator = role.eq_ignore_ascii_case("sysadmin");
                self.change_login(login, |login| login.administrator |= administrator)?;
            }
            Security::CreateUser { name, login, default_schema } => {
                self.must_be_owner("CREATE USER")?;
                if let Some(login) = login
                    && !self.core.logins().contains_key(&folded(login))
                {
                    return Err(ServerMessage::error(
                        15_007,
                        format!("'{login}' is not a valid login or you do not have permission."),
                    )
                    .into());
                }
                if self.database.catalogue().user(name).is_some() {
                    return Err(ServerMessage::error(
                        15_023,
                        format!("User, group, or role '{name}' already exists in the current database."),
                    )
                    .into());
                }
                self.add_user(User {
                    name: name.clone(),
                    login: login.clone(),
                    default_schema: default_schema.clone(),
                    ..User::default()
                });
            }
            Security::AddToRole { role, user, add } => {
                self.must_be_owner("ALTER ROLE")?;
                let mut catalogue = self.database.catalogue_mut();
                let user = catalogue.user_mut(user).ok_or_else(|| no_such("user", user))?;
                if *add {
                    user.roles.insert(folded(role));
                } else {
                    user.roles.remove(&folded(role));
                }
            }
            Security::Rights { action, rights, on, users } => {
                self.must_be_owner("GRANT")?;
                let securable = self.securable(on)?;
                let mut catalogue = self.database.catalogue_mut();
                for name in users {
                    if folded(name) == "public" {
                        continue;
                    }
                    let user = catalogue.user_mut(name).ok_or_else(|| no_such("user", name))?;
                    for right in rights {
                        let entry = (*right, securable.clone());
                        match action {
                            Action::Grant => {
                                user.denied.remove(&entry);
                                user.granted.insert(entry);
                            }
                            Action::Deny => {
                                user.granted.remove(&entry);
                                user.denied.insert(entry);
                            }
                            Action::Revoke => {
                                user.granted.remove(&entry);
                                user.denied.remove(&entry);
                            }
                        }
                    }
                }
            }
            Security::Nothing => {}
        }
        Ok(())
    }

    fn change_login(&self, name: &str, change: impl FnOnce(&mut KnownLogin)) -> Result<(), ServerMessage> {
        self.must_be_administrator()?;
        let mut logins = self.core.logins();
        change(logins.get_mut(&folded(name)).ok_or_else(|| no_such("login", name))?);
        Ok(())
    }

    fn securable(&self, on: &On) -> Result<Securable, ServerMessage> {
        let parts = match on {
            On::Securable(securable) => return Ok(securable.clone()),
            On::Object(parts) => parts,
        };
        let (schema, name) = match &parts[..] {
            [name] => (self.facts().default_schema, name),
            [.., schema, name] => (schema.clone(), name),
            [] => return Err(invalid_object("")),
        };
        match self.database.catalogue().object(&schema, name) {
            Some(object) => Ok(Securable::Object(folded(&object.schema), folded(&object.name))),
            None => Err(no_such("object", name)),
        }
    }
}

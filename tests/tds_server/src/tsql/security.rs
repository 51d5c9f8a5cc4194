//! Logins, users, and who may do what.

use sqlparser::tokenizer::Token;

use super::batch::Batch;
use super::parts;
use crate::engine::catalogue::{Right, Securable, folded};
use crate::engine::errors::not_understood;
use crate::token::ServerMessage;

/// A statement about logins, users or rights.
#[derive(Debug, Clone)]
pub(crate) enum Security {
    CreateLogin { name: String, password: String, database: Option<String> },
    ChangePassword { name: String, password: String },
    EnableLogin { name: String, enabled: bool },
    CreateUser { name: String, login: Option<String>, default_schema: Option<String> },
    AddToRole { role: String, user: String, add: bool },
    AddToServerRole { role: String, login: String },
    Rights { action: Action, rights: Vec<Right>, on: On, users: Vec<String> },
    Nothing,
}

/// The three things that are done with rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Grant,
    Deny,
    Revoke,
}

/// What rights are on, before names were looked up.
#[derive(Debug, Clone)]
pub(crate) enum On {
    Securable(Securable),
    /// An object; without a schema it is in the user's own.
    Object(Vec<String>),
}

impl Batch<'_> {
    pub(super) fn create_principal(&mut self) -> Result<Security, ServerMessage> {
        if self.takes(&["LOGIN"]) {
            let name = self.name()?;
            if self.takes(&["FROM"]) {
                self.skip_rest();
                return Ok(Security::Nothing);
            }
            self.must_take(&["WITH"])?;
            let (password, database) = self.login_options()?;
            let password = password.ok_or_else(|| self.unexpected())?;
            return Ok(Security::CreateLogin { name, password, database });
        }
        if self.takes(&["ROLE"]) {
            self.skip_rest();
            return Ok(Security::Nothing);
        }
        self.must_take(&["USER"])?;
        let name = self.name()?;
        let login = if self.takes(&["FOR", "LOGIN"]) || self.takes(&["FROM", "LOGIN"]) {
            Some(self.name()?)
        } else if self.takes(&["WITHOUT", "LOGIN"]) {
            None
        } else {
            Some(name.clone())
        };
        let mut default_schema = None;
        if self.takes(&["WITH"]) {
            self.must_take(&["DEFAULT_SCHEMA"])?;
            self.must_be(&Token::Eq)?;
            default_schema = Some(self.name()?);
        }
        Ok(Security::CreateUser { name, login, default_schema })
    }

    /// `PASSWORD = N'…', DEFAULT_DATABASE = …, CHECK_POLICY = OFF`.
    fn login_options(&mut self) -> Result<(Option<String>, Option<String>), ServerMessage> {
        let (mut password, mut database) = (None, None);
        loop {
            let option = self.word();
            self.parser.advance_token();
            self.must_be(&Token::Eq)?;
            match option.as_str() {
                "PASSWORD" => match self.parser.next_token().token {
                    Token::SingleQuotedString(text) | Token::NationalStringLiteral(text) => {
                        password = Some(text)
                    }
                    _ => return Err(self.unexpected()),
                },
                "DEFAULT_DATABASE" => database = Some(self.name()?),
                _ => self.parser.advance_token(),
            }
            let _must_change = self.takes(&["MUST_CHANGE"]);
            if !self.parser.consume_token(&Token::Comma) {
                return Ok((password, database));
            }
        }
    }

    pub(super) fn alter_principal(&mut self) -> Result<Security, ServerMessage> {
        if self.takes(&["LOGIN"]) {
            let name = self.name()?;
            if self.takes(&["DISABLE"]) {
                return Ok(Security::EnableLogin { name, enabled: false });
            }
            if self.takes(&["ENABLE"]) {
                return Ok(Security::EnableLogin { name, enabled: true });
            }
            self.must_take(&["WITH"])?;
            let (password, _) = self.login_options()?;
            return Ok(match password {
                Some(password) => Security::ChangePassword { name, password },
                None => Security::Nothing,
            });
        }
        if self.takes(&["SERVER", "ROLE"]) {
            let role = self.name()?;
            self.must_take(&["ADD", "MEMBER"])?;
            return Ok(Security::AddToServerRole { role, login: self.name()? });
        }
        if self.takes(&["ROLE"]) {
            let role = self.name()?;
            let add = self.takes(&["ADD"]);
            if !add {
                self.must_take(&["DROP"])?;
            }
            self.must_take(&["MEMBER"])?;
            return Ok(Security::AddToRole { role, user: self.name()?, add });
        }
        if self.takes(&["USER"]) || self.takes(&["AUTHORIZATION"]) {
            self.skip_rest();
            return Ok(Security::Nothing);
        }
        Err(self.unexpected())
    }

    /// GRANT, DENY and REVOKE.
    pub(super) fn rights(&mut self) -> Result<Security, ServerMessage> {
        let action = match self.word().as_str() {
            "GRANT" => Action::Grant,
            "DENY" => Action::Deny,
            _ => Action::Revoke,
        };
        self.parser.advance_token();
        let mut rights = Vec::new();
        loop {
            let mut words = Vec::new();
            while !matches!(self.word().as_str(), "" | "ON" | "TO" | "FROM") {
                words.push(self.word());
                self.parser.advance_token();
            }
            match words.join(" ").as_str() {
                "SELECT" => rights.push(Right::Select),
                "INSERT" => rights.push(Right::Insert),
                "UPDATE" => rights.push(Right::Update),
                "DELETE" => rights.push(Right::Delete),
                "ALL" | "ALL PRIVILEGES" | "CONTROL" => rights.extend(Right::ALL),
                // What lets somebody in, or look around, is not refused here.
                _ => {}
            }
            if !self.parser.consume_token(&Token::Comma) {
                break;
            }
        }
        let on = if self.takes(&["ON"]) { self.securable()? } else { On::Securable(Securable::Database) };
        if self.parser.peek_token_ref().token == Token::LParen {
            return Err(not_understood("rights on single columns"));
        }
        if !self.takes(&["TO"]) {
            self.must_take(&["FROM"])?;
        }
        let mut users = vec![self.name()?];
        while self.parser.consume_token(&Token::Comma) {
            users.push(self.name()?);
        }
        self.skip_rest();
        Ok(Security::Rights { action, rights, on, users })
    }

    fn securable(&mut self) -> Result<On, ServerMessage> {
        let class = self.word();
        if matches!(self.parser.peek_nth_token_ref(1).token, Token::DoubleColon) {
            self.parser.advance_token();
            self.parser.advance_token();
            match class.as_str() {
                "SCHEMA" => return Ok(On::Securable(Securable::Schema(folded(&self.name()?)))),
                "DATABASE" => {
                    self.name()?;
                    return Ok(On::Securable(Securable::Database));
                }
                "OBJECT" => {}
                _ => return Err(not_understood(&format!("rights on {class}"))),
            }
        }
        Ok(On::Object(parts(&self.object_name()?)))
    }
}

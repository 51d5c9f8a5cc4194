//! What CREATE TABLE and ALTER TABLE say about columns.

use sqlparser::ast::{Expr, ObjectName};
use sqlparser::tokenizer::Token;

use super::batch::{Batch, What};
use crate::collation::Collation;
use crate::engine::errors::not_understood;
use crate::sql_type::SqlType;
use crate::token::ServerMessage;

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnDeclaration {
    pub(crate) name: String,
    /// None: the column is computed, and its expression knows the type.
    pub(crate) sql: Option<SqlType>,
    pub(crate) collation: Collation,
    pub(crate) nullable: bool,
    pub(crate) identity: bool,
    pub(crate) computed: Option<Expr>,
    pub(crate) default: Option<Expr>,
    pub(crate) primary_key: bool,
    pub(crate) unique: bool,
    pub(crate) check: Option<Expr>,
    pub(crate) references: Option<(ObjectName, Vec<String>)>,
}

/// A constraint of a table.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a table has a handful of them")]
pub(crate) enum Constraint {
    PrimaryKey(Vec<String>),
    Unique(Vec<String>),
    Check(Expr),
    ForeignKey(Vec<String>, ObjectName, Vec<String>),
}

/// A whole table, or what is added to one.
#[derive(Debug, Clone)]
pub(crate) struct TableDeclaration {
    pub(crate) name: ObjectName,
    pub(crate) columns: Vec<ColumnDeclaration>,
    pub(crate) constraints: Vec<Constraint>,
}

impl Batch<'_> {
    /// Columns and constraints in parentheses.
    pub(super) fn table_declaration(&mut self, name: ObjectName) -> Result<TableDeclaration, ServerMessage> {
        self.must_be(&Token::LParen)?;
        let mut table = TableDeclaration { name, columns: Vec::new(), constraints: Vec::new() };
        loop {
            self.element(&mut table)?;
            if !self.parser.consume_token(&Token::Comma)
                || self.parser.peek_token_ref().token == Token::RParen
            {
                break;
            }
        }
        self.must_be(&Token::RParen)?;
        self.skip_rest();
        Ok(table)
    }

    fn element(&mut self, table: &mut TableDeclaration) -> Result<(), ServerMessage> {
        if self.takes(&["CONSTRAINT"]) {
            let _name = self.name()?;
        }
        if let Some(constraint) = self.constraint()? {
            table.constraints.extend(constraint);
        } else {
            table.columns.push(self.column_declaration()?);
        }
        Ok(())
    }

    /// A constraint that stands for itself; an index is one that does nothing.
    fn constraint(&mut self) -> Result<Option<Option<Constraint>>, ServerMessage> {
        if self.takes(&["PRIMARY", "KEY"]) {
            self.key_options();
            let columns = self.names_in_parentheses()?;
            self.with_options()?;
            return Ok(Some(Some(Constraint::PrimaryKey(columns))));
        }
        if self.takes(&["UNIQUE"]) {
            self.key_options();
            let columns = self.names_in_parentheses()?;
            self.with_options()?;
            return Ok(Some(Some(Constraint::Unique(columns))));
        }
        if self.takes(&["CHECK"]) {
            self.must_be(&Token::LParen)?;
            let condition = self.expression()?;
            self.must_be(&Token::RParen)?;
            return Ok(Some(Some(Constraint::Check(condition))));
        }
        if self.takes(&["FOREIGN", "KEY"]) {
            let columns = self.names_in_parentheses()?;
            self.must_take(&["REFERENCES"])?;
            let (table, theirs) = self.referenced()?;
            return Ok(Some(Some(Constraint::ForeignKey(columns, table, theirs))));
        }
        if self.word() == "INDEX" {
            self.parser.advance_token();
            let _name = self.name()?;
            while matches!(self.word().as_str(), "UNIQUE" | "CLUSTERED" | "NONCLUSTERED") {
                self.parser.advance_token();
            }
            self.names_in_parentheses()?;
            return Ok(Some(None));
        }
        Ok(None)
    }

    fn key_options(&mut self) {
        let _kind = self.takes(&["CLUSTERED"]) || self.takes(&["NONCLUSTERED"]);
    }

    /// `WITH (…) ON [PRIMARY]`, which says where and how rows are kept.
    fn with_options(&mut self) -> Result<(), ServerMessage> {
        if self.takes(&["WITH"]) {
            self.must_be(&Token::LParen)?;
            while self.parser.peek_token_ref().token != Token::RParen {
                if self.parser.next_token().token == Token::EOF {
                    return Err(self.unexpected());
                }
            }
            self.must_be(&Token::RParen)?;
        }
        if self.takes(&["ON"]) {
            self.name()?;
        }
        Ok(())
    }

    fn referenced(&mut self) -> Result<(ObjectName, Vec<String>), ServerMessage> {
        let table = self.object_name()?;
        let columns = if self.parser.peek_token_ref().token == Token::LParen {
            self.names_in_parentheses()?
        } else {
            Vec::new()
        };
        while self.takes(&["ON", "DELETE"]) || self.takes(&["ON", "UPDATE"]) {
            let _action = self.takes(&["NO", "ACTION"])
                || self.takes(&["CASCADE"])
                || self.takes(&["SET", "NULL"])
                || self.takes(&["SET", "DEFAULT"]);
        }
        Ok((table, columns))
    }

    fn column_declaration(&mut self) -> Result<ColumnDeclaration, ServerMessage> {
        let mut column = ColumnDeclaration {
            name: self.name()?,
            sql: None,
            collation: Collation::default(),
            nullable: true,
            identity: false,
            computed: None,
            default: None,
            primary_key: false,
            unique: false,
            check: None,
            references: None,
        };
        if self.takes(&["AS"]) {
            column.computed = Some(self.expression()?);
        } else {
            column.sql = Some(self.sql_type()?);
        }
        loop {
            if self.takes(&["NOT", "NULL"]) {
                column.nullable = false;
            } else if self.takes(&["NULL"]) {
                column.nullable = true;
            } else if self.takes(&["PRIMARY", "KEY"]) {
                self.key_options();
                self.with_options()?;
                column.primary_key = true;
                column.nullable = false;
            } else if self.takes(&["UNIQUE"]) {
                self.key_options();
                self.with_options()?;
                column.unique = true;
            } else if self.takes(&["IDENTITY"]) {
                column.identity = true;
                column.nullable = false;
                if self.parser.consume_token(&Token::LParen) {
                    self.expression()?;
                    self.must_be(&Token::Comma)?;
                    self.expression()?;
                    self.must_be(&Token::RParen)?;
                }
            } else if self.takes(&["COLLATE"]) {
                let name = self.name()?;
                if !name.eq_ignore_ascii_case("database_default") {
                    column.collation = Collation::named(&name)
                        .ok_or_else(|| ServerMessage::error(448, format!("Invalid collation '{name}'.")))?;
                }
            } else if self.takes(&["DEFAULT"]) {
                column.default = Some(self.expression()?);
            } else if self.takes(&["CONSTRAINT"]) {
                let _name = self.name()?;
            } else if self.takes(&["CHECK"]) {
                self.must_be(&Token::LParen)?;
                column.check = Some(self.expression()?);
                self.must_be(&Token::RParen)?;
            } else if self.takes(&["FOREIGN", "KEY"]) {
            } else if self.takes(&["REFERENCES"]) {
                column.references = Some(self.referenced()?);
            } else if !(self.takes(&["PERSISTED"])
                || self.takes(&["ROWGUIDCOL"])
                || self.takes(&["SPARSE"])
                || self.takes(&["NOT", "FOR", "REPLICATION"]))
            {
                return Ok(column);
            }
        }
    }

    pub(super) fn alter_table(&mut self) -> Result<What, ServerMessage> {
        let name = self.object_name()?;
        let _check = self.takes(&["WITH", "CHECK"]) || self.takes(&["WITH", "NOCHECK"]);
        if self.takes(&["ADD"]) {
            let mut added =
                TableDeclaration { name: name.clone(), columns: Vec::new(), constraints: Vec::new() };
            loop {
                self.element(&mut added)?;
                if !self.parser.consume_token(&Token::Comma) {
                    return Ok(What::AddColumns(name, Box::new(added)));
                }
            }
        }
        if self.takes(&["ALTER", "COLUMN"]) {
            let column = self.column_declaration()?;
            let table =
                TableDeclaration { name: name.clone(), columns: vec![column], constraints: Vec::new() };
            return Ok(What::AlterColumn(name, Box::new(table)));
        }
        if self.takes(&["DROP", "COLUMN"]) {
            let if_exists = self.takes(&["IF", "EXISTS"]);
            let mut names = vec![self.name()?];
            while self.parser.consume_token(&Token::Comma) {
                names.push(self.name()?);
            }
            return Ok(What::DropColumns(name, names, if_exists));
        }
        if self.takes(&["DROP", "CONSTRAINT"]) || self.takes(&["CHECK", "CONSTRAINT"]) {
            self.skip_rest();
            return Ok(What::Nothing);
        }
        Err(not_understood("this ALTER TABLE"))
    }
}

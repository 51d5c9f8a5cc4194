//! A session: one connection's database, login and variables, and the execution of its batches.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::Value;
use sqlparser::ast::Expr;

use super::attention::Attention;
use super::catalogue::Principal;
use super::core::{Core, KnownLogin};
use super::database::Database;
use super::errors::not_understood;
use super::output::{Output, Stop};
use crate::login::Login;
use crate::sql_type::Typed;
use crate::token::{Change, ServerMessage, command, done, put_change};
use crate::tsql::Variables;
use crate::tsql::batch::{Step, What, parse};

/// What a client asks for.
#[derive(Debug)]
pub(crate) enum Request {
    /// A text.
    Batch(String),
    /// `sp_executesql`: a text with parameters.
    Procedure {
        text: String,
        parameters: Variables,
    },
    /// Something that is understood, and refused.
    Refused(ServerMessage),
    /// A transaction, by a request of its own.
    Begin,
    Commit,
    Rollback,
}

/// How long somebody waits for what another session has, unless it said otherwise.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// One connection's state.
pub(crate) struct Session {
    pub(super) core: Arc<Core>,
    pub(super) database: Arc<Database>,
    pub(super) connection: rusqlite::Connection,
    pub(super) login: KnownLogin,
    pub(super) principal: Principal,
    pub(super) attention: Arc<Attention>,
    pub(super) variables: Variables,
    pub(super) row_count: i64,
    pub(super) identity: Option<i64>,
    pub(super) transactions: i64,
    pub(super) lock_timeout: Duration,
    pub(super) spid: u16,
    pub(super) application: String,
    pub(super) host: String,
    no_count: bool,
    depth: usize,
    acknowledged: bool,
}

/// How a statement wants the loop or batch around it to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
    Return,
}

impl Session {
    pub(crate) fn open(
        core: Arc<Core>,
        login: &Login,
        admitted: (KnownLogin, Arc<Database>, Principal),
        attention: Arc<Attention>,
    ) -> rusqlite::Result<Self> {
        let (known, database, principal) = admitted;
        let connection = database.connect()?;
        attention.watch(Some(connection.get_interrupt_handle()));
        let spid = core.next_spid();
        Ok(Self {
            core,
            database,
            connection,
            login: known,
            principal,
            attention,
            variables: Variables::new(),
            row_count: 0,
            identity: None,
            transactions: 0,
            lock_timeout: LOCK_TIMEOUT,
            spid,
            application: login.application.clone(),
            host: login.host.clone(),
            no_count: false,
            depth: 0,
            acknowledged: false,
        })
    }

    pub(crate) fn database_name(&self) -> &str {
        &self.database.name
    }

    /// Whether the last reply says that it ended because of an attention.
    pub(crate) fn has_acknowledged(&mut self) -> bool {
        std::mem::take(&mut self.acknowledged)
    }

    /// Answers one request, to its end or to where it breaks off. The first error that was sent is the result.
    pub(crate) fn answer(&mut self, request: Request, output: &mut Output) -> Option<ServerMessage> {
        self.variables.clear();
        output.no_count = self.no_count;
        let procedure = matches!(request, Request::Procedure { .. });
        output.in_procedure = procedure;
        let result = match request {
            Request::Batch(text) => self.batch(&text, output),
            Request::Procedure { text, parameters } => {
                self.variables = parameters;
                self.batch(&text, output)
            }
            Request::Refused(message) => Err(Stop::Error(message)),
            Request::Begin => self.begin(output).and_then(|()| output.done(0, command::NONE, 0)),
            Request::Commit => self.commit(output).and_then(|()| output.done(0, command::NONE, 0)),
            Request::Rollback => self.roll_back(output).and_then(|()| output.done(0, command::NONE, 0)),
        };
        let mut failed = false;
        let result = match result {
            Err(Stop::Error(message)) => {
                failed = true;
                output.message(&message).and_then(|()| output.done(done::ERROR, command::NONE, 0))
            }
            other => other,
        };
        let result = match result {
            Ok(()) if procedure => output.procedure_done(failed),
            other => other,
        };
        match result {
            Ok(()) | Err(Stop::Error(_)) => drop(output.finish(false)),
            Err(Stop::Attention) => {
                self.roll_back_quietly();
                self.acknowledged = true;
                drop(output.finish(true));
            }
            Err(Stop::Ended) => {
                if let Some(reply) = output.taken() {
                    drop(reply.finish());
                }
            }
            Err(Stop::Gone) => self.roll_back_quietly(),
        }
        output.first_error.take()
    }

    /// All statements of a text.
    pub(super) fn batch(&mut self, text: &str, output: &mut Output) -> Result<(), Stop> {
        if self.depth > 16 {
            return Err(ServerMessage::error(
                217,
                "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 16).",
            )
            .into());
        }
        self.core.statistics.statement(text);
        let steps = parse(text)?;
        alone_in_batch(&steps)?;
        self.depth += 1;
        let result = self.steps(&steps, output);
        self.depth -= 1;
        result.map(|_| ())
    }

    fn steps(&mut self, steps: &[Step], output: &mut Output) -> Result<Flow, Stop> {
        for step in steps {
            if self.attention.is_pending() {
                return Err(Stop::Attention);
            }
            match self.step(step, output) {
                Ok(Flow::On) => {}
                Ok(flow) => return Ok(flow),
                Err(Stop::Error(message)) => {
                    let message = if message.line == 1 { message.line(step.line) } else { message };
                    if !goes_on_after(message.number) {
                        self.roll_back_quietly();
                        return Err(Stop::Error(message));
                    }
                    self.row_count = 0;
                    output.message(&message)?;
                    output.done(done::ERROR, command::NONE, 0)?;
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(Flow::On)
    }

    fn step(&mut self, step: &Step, output: &mut Output) -> Result<Flow, Stop> {
        match &step.what {
            What::Query(query) => self.select(query, &step.text, output)?,
            What::Insert(insert) => self.insert(insert, output)?,
            What::Update(update) => self.update(update, output)?,
            What::Delete(delete) => self.delete(delete, output)?,
            What::Declare(declared) => {
                for (name, sql_type, value) in declared {
                    let typed = Typed::from(*sql_type);
                    let value = match value {
                        Some(value) => self.evaluate(value, &typed)?,
                        None => Value::Null,
                    };
                    self.variables.insert(name.to_lowercase(), (typed, value));
                }
            }
            What::Set(name, value) => self.assign(name, value)?,
            What::Assign(assigned, query) => self.assign_from(assigned, query)?,
            What::If(condition, then, otherwise) => {
                if self.holds(condition)? {
                    return self.steps(std::slice::from_ref(then), output);
                }
                if let Some(otherwise) = otherwise {
                    return self.steps(std::slice::from_ref(otherwise), output);
                }
            }
            What::While(condition, body) => {
                while self.holds(condition)? {
                    match self.steps(std::slice::from_ref(body), output)? {
                        Flow::On | Flow::Continue => {}
                        Flow::Break => break,
                        Flow::Return => return Ok(Flow::Return),
                    }
                }
            }
            What::Block(steps) => return self.steps(steps, output),
            What::Execute { name, arguments } => self.execute(name, arguments, output)?,
            What::ExecuteText(text) => {
                let text = self.text_of(text)?;
                let variables = std::mem::take(&mut self.variables);
                let result = self.batch(&text, output);
                self.variables = variables;
                result?;
            }
            What::Use(name) => self.use_database(name, output)?,
            What::Print(text) => {
                let text = self.text_of(text)?;
                output.message(&ServerMessage::error(0, text).class(0))?;
            }
            What::Raise { message, class, number } => {
                let text = self.text_of(message)?;
                let number = match number {
                    Some(number) => self.text_of(number)?.parse().unwrap_or(50_000),
                    None => 50_000,
                };
                let class = self.text_of(class)?.parse().unwrap_or(16);
                let message = ServerMessage::error(number, text).class(class);
                if class > 10 {
                    return Err(message.into());
                }
                output.message(&message)?;
            }
            What::Wait(duration) => self.wait(*duration)?,
            What::Begin => self.begin(output)?,
            What::Commit => self.commit(output)?,
            What::Rollback => self.roll_back(output)?,
            What::LockTimeout(milliseconds) => {
                self.lock_timeout = u64::try_from(*milliseconds).map_or(LOCK_TIMEOUT, Duration::from_millis);
            }
            What::NoCount(on) => {
                self.no_count = *on;
                output.no_count = *on;
            }
            What::Security(security) => self.security(security)?,
            What::Return => return Ok(Flow::Return),
            What::Break => return Ok(Flow::Break),
            What::Continue => return Ok(Flow::Continue),
            What::Nothing => {}
            definition => self.define(definition)?,
        }
        Ok(Flow::On)
    }

    fn assign(&mut self, name: &str, value: &Expr) -> Result<(), Stop> {
        let key = name.to_lowercase();
        let Some((typed, _)) = self.variables.get(&key) else {
            return Err(ServerMessage::error(137, format!("Must declare the scalar variable \"{name}\"."))
                .class(15)
                .into());
        };
        let typed = typed.clone();
        let value = self.evaluate(value, &typed)?;
        self.variables.insert(key, (typed, value));
        Ok(())
    }

    fn use_database(&mut self, name: &str, output: &mut Output) -> Result<(), Stop> {
        let database = self.core.database(name).ok_or_else(|| {
            ServerMessage::error(
                911,
                format!("Database '{name}' does not exist. Make sure that the name is entered correctly."),
            )
        })?;
        let principal = self.core.principal(&self.login, &database).ok_or_else(|| {
            ServerMessage::error(
                916,
                format!(
                    "The server principal \"{}\" is not able to access the database \"{name}\" under the current \
                     security context.",
                    self.login.name
                ),
            )
            .class(14)
        })?;
        self.connection = database.connect().map_err(|error| self.stop(&error))?;
        self.attention.watch(Some(self.connection.get_interrupt_handle()));
        let old = std::mem::replace(&mut self.database, database);
        self.principal = principal;
        let new = self.database.name.clone();
        output.put_with(|out| put_change(out, &Change::Database { new: &new, old: &old.name }))?;
        output.message(&changed_database(&new))
    }
}

/// What is said after USE, and at login.
pub(crate) fn changed_database(name: &str) -> ServerMessage {
    ServerMessage::error(5701, format!("Changed database context to '{name}'.")).class(0).state(2)
}

/// Errors that end their statement only; all others end the batch.
fn goes_on_after(number: u32) -> bool {
    matches!(number, 515 | 547 | 2601 | 2627 | 2628 | 8134 | 8152 | 50_000)
}

/// Some statements have to be the first of their batch, and some alone in it.
fn alone_in_batch(steps: &[Step]) -> Result<(), ServerMessage> {
    for (at, step) in steps.iter().enumerate() {
        let what = match &step.what {
            What::CreateSchema(_) => "CREATE SCHEMA",
            What::CreateView { .. } => "CREATE VIEW",
            _ => continue,
        };
        if at > 0 {
            return Err(ServerMessage::error(
                111,
                format!("'{what}' must be the first statement in a query batch."),
            )
            .class(15)
            .line(step.line));
        }
        if steps.len() > 1 {
            return Err(not_understood(&format!("{what} with more statements in its batch")));
        }
    }
    Ok(())
}

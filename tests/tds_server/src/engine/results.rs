//! SELECT: rows from SQLite's cursor straight into packets, and what a test wants to go wrong with them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use rusqlite::types::{Value, ValueRef};
use sqlparser::ast::{Expr, Query, SelectItem, SetExpr};

use super::output::{Output, Stop};
use super::session::Session;
use crate::convert::{TooLong, cast};
use crate::faults::Fault;
use crate::sql_type::{Length, SqlType, Typed};
use crate::token::{ServerMessage, command, done};
use crate::tsql::{SystemView, Translated, Translator, fill};
use crate::wire::{ROW, ROW_WITH_NULLS, ResultColumn, put_columns, put_raw_text, put_value};

/// So many rows are sent in some tenths of a millisecond.
const ROWS_BETWEEN_PAUSES: u64 = 64;

/// What goes wrong while rows are sent.
#[derive(Debug, Default)]
struct Trouble {
    faults: Vec<Fault>,
    types: Vec<(usize, Typed)>,
    texts: Vec<(u64, usize, Vec<u8>)>,
    /// The next row at which something happens.
    next: Option<u64>,
}

impl Trouble {
    fn new(faults: Vec<Fault>) -> Self {
        let mut trouble = Self::default();
        for fault in faults {
            match fault {
                Fault::ColumnType(at, name) => {
                    let sql = SqlType::parse(&name, 30).unwrap_or(SqlType::Int);
                    trouble.types.push((at, sql.into()));
                }
                Fault::RawText { row, column, bytes } => trouble.texts.push((row, column, bytes)),
                other => trouble.faults.push(other),
            }
        }
        trouble.next = trouble.faults.iter().filter_map(at_row).min();
        trouble
    }

    /// What happens after so many rows, once.
    fn due(&mut self, rows: u64, at_end: bool) -> Option<Fault> {
        if !at_end && self.next.is_none_or(|next| rows < next) {
            return None;
        }
        let due =
            self.faults.iter().position(|fault| at_row(fault).is_some_and(|at| at_end || at <= rows))?;
        let fault = self.faults.remove(due);
        self.next = self.faults.iter().filter_map(at_row).min();
        Some(fault)
    }
}

fn at_row(fault: &Fault) -> Option<u64> {
    match fault {
        Fault::ErrorAtRow(row, _)
        | Fault::CloseAtRow(row)
        | Fault::CloseInPacket(row)
        | Fault::EndWithoutDone(row)
        | Fault::EndInRow(row)
        | Fault::StallAtRow(row)
        | Fault::GarbageAtRow(row) => Some(*row),
        Fault::CloseBeforeDone => Some(u64::MAX),
        _ => None,
    }
}

/// No token begins with this byte.
const GARBAGE: [u8; 16] = [0x5A; 16];

impl Session {
    pub(super) fn select(&mut self, query: &Query, text: &str, output: &mut Output) -> Result<(), Stop> {
        let mut trouble = Trouble::new(self.core.faults.of_statement(text));
        if let Some(at) = trouble.faults.iter().position(|fault| matches!(fault, Fault::Error(_)))
            && let Fault::Error(message) = trouble.faults.remove(at)
        {
            return Err(Stop::Error(message));
        }
        if let Some(Fault::Trickle(pause)) =
            trouble.faults.iter().find(|fault| matches!(fault, Fault::Trickle(_)))
        {
            output.reply()?.trickle(*pause);
        }
        let translated = self.translate(|translator, _| translator.query(query))?;
        self.fill(&translated.system_views)?;
        let rows = self.send_rows(&translated, &mut trouble, output)?;
        self.row_count = i64::try_from(rows).unwrap_or(i64::MAX);
        output.done(done::COUNT, command::SELECT, rows)?;
        if trouble.faults.contains(&Fault::ExtraResult) {
            let column = ResultColumn { name: "uninvited".to_owned(), typed: SqlType::Int.into() };
            output.put_with(|out| put_columns(out, std::slice::from_ref(&column)))?;
            output.put(&[ROW, 4, 42, 0, 0, 0])?;
            output.done(done::COUNT, command::SELECT, 1)?;
        }
        Ok(())
    }

    /// The views of the catalogue that a statement reads.
    pub(super) fn fill(&self, views: &BTreeSet<SystemView>) -> Result<(), Stop> {
        for view in views {
            let databases = self.core.database_names();
            self.patiently(|| {
                let catalogue = self.database.catalogue();
                fill(&self.connection, *view, &catalogue, &self.principal, &self.database.name, &databases)
            })?;
        }
        Ok(())
    }

    fn send_rows(
        &self,
        translated: &Translated,
        trouble: &mut Trouble,
        output: &mut Output,
    ) -> Result<u64, Stop> {
        let mut columns = translated.columns.clone();
        for (at, typed) in &trouble.types {
            if let Some(column) = columns.get_mut(*at) {
                column.typed = typed.clone();
            }
        }
        let forced: Vec<usize> = trouble.types.iter().map(|(at, _)| *at).collect();
        let mut statement = self.patiently(|| self.connection.prepare(&translated.sql))?;
        let nulls_worth_a_map = columns.len().div_ceil(8);
        let mut row_bytes = Vec::with_capacity(4096);
        let mut sent = 0_u64;
        let mut described = false;
        // The first step may find a table locked; nothing was sent by then, so it may be tried again.
        let until = std::time::Instant::now() + self.lock_timeout;
        let mut rows = statement.query([]).map_err(|error| self.stop(&error))?;
        loop {
            if self.attention.is_pending() {
                return Err(Stop::Attention);
            }
            // It stands for a machine of its own: whoever else is on this one should not have to wait for it.
            if sent.is_multiple_of(ROWS_BETWEEN_PAUSES) {
                std::thread::yield_now();
            }
            if let Some(fault) = trouble.due(sent, false) {
                if !described {
                    output.put_with(|out| put_columns(out, &columns))?;
                    described = true;
                }
                self.happen(fault, output)?;
            }
            let row = match rows.next() {
                Ok(row) => row,
                Err(error)
                    if !described
                        && super::errors::is_locked(&error)
                        && std::time::Instant::now() < until =>
                {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                    drop(rows);
                    rows = statement.query([]).map_err(|error| self.stop(&error))?;
                    continue;
                }
                Err(error) => {
                    let stop = self.stop(&error);
                    if !described && matches!(stop, Stop::Error(_)) {
                        output.put_with(|out| put_columns(out, &columns))?;
                    }
                    return Err(stop);
                }
            };
            if !described {
                output.put_with(|out| put_columns(out, &columns))?;
                described = true;
            }
            let Some(row) = row else { break };
            row_bytes.clear();
            let mut nulls = 0;
            for at in 0..columns.len() {
                nulls += usize::from(matches!(row.get_ref(at), Ok(ValueRef::Null)));
            }
            let with_map = nulls > nulls_worth_a_map && forced.is_empty() && trouble.texts.is_empty();
            row_bytes.push(if with_map { ROW_WITH_NULLS } else { ROW });
            let map = row_bytes.len();
            if with_map {
                row_bytes.resize(map + nulls_worth_a_map, 0);
            }
            for (at, column) in columns.iter().enumerate() {
                let value = row.get_ref(at).map_err(|error| self.stop(&error))?;
                if with_map && value == ValueRef::Null {
                    row_bytes[map + at / 8] |= 1 << (at % 8);
                    continue;
                }
                if let Some((_, _, bytes)) =
                    trouble.texts.iter().find(|(row, column, _)| (*row, *column) == (sent, at))
                {
                    put_raw_text(&mut row_bytes, column.typed.sql, bytes);
                } else if forced.contains(&at) {
                    put_forced(&mut row_bytes, column, value)?;
                } else {
                    put_value(&mut row_bytes, &column.typed, value)?;
                }
            }
            output.put(&row_bytes)?;
            sent += 1;
            self.core.statistics.rows.fetch_add(1, Ordering::Relaxed);
        }
        while let Some(fault) = trouble.due(sent, true) {
            self.happen(fault, output)?;
        }
        Ok(sent)
    }

    /// Between two rows something goes wrong.
    fn happen(&self, fault: Fault, output: &mut Output) -> Result<(), Stop> {
        match fault {
            Fault::ErrorAtRow(_, message) => Err(Stop::Error(message)),
            Fault::CloseAtRow(_) | Fault::CloseBeforeDone => {
                if let Some(reply) = output.taken() {
                    drop(reply.break_off());
                }
                Err(Stop::Gone)
            }
            Fault::CloseInPacket(_) => {
                if let Some(reply) = output.taken() {
                    drop(reply.break_in_packet());
                }
                Err(Stop::Gone)
            }
            Fault::EndWithoutDone(_) => Err(Stop::Ended),
            Fault::EndInRow(_) => {
                output.put(&[ROW])?;
                Err(Stop::Ended)
            }
            Fault::StallAtRow(_) => {
                output.reply()?.stall()?;
                while !self.attention.should_stop() {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                Err(if self.attention.is_pending() { Stop::Attention } else { Stop::Gone })
            }
            Fault::GarbageAtRow(_) => {
                output.put(&GARBAGE)?;
                Err(Stop::Ended)
            }
            _ => Ok(()),
        }
    }

    /// `SELECT @a = …`: the last row decides.
    pub(super) fn assign_from(&mut self, assigned: &[(String, Expr)], query: &Query) -> Result<(), Stop> {
        let mut plain = query.clone();
        if let SetExpr::Select(select) = &mut *plain.body {
            select.projection =
                assigned.iter().map(|(_, value)| SelectItem::UnnamedExpr(value.clone())).collect();
        }
        let translated = self.translate(|translator: &mut Translator<'_>, _| translator.query(&plain))?;
        self.fill(&translated.system_views)?;
        let mut last: Option<Vec<Value>> = None;
        let mut count = 0;
        {
            let mut statement = self.patiently(|| self.connection.prepare(&translated.sql))?;
            let mut rows = statement.query([]).map_err(|error| self.stop(&error))?;
            while let Some(row) = rows.next().map_err(|error| self.stop(&error))? {
                let values = (0..assigned.len()).map(|at| row.get(at)).collect::<rusqlite::Result<_>>();
                last = Some(values.map_err(|error| self.stop(&error))?);
                count += 1;
            }
        }
        self.row_count = count;
        let Some(values) = last else { return Ok(()) };
        for (((name, _), value), column) in assigned.iter().zip(values).zip(&translated.columns) {
            let Some((typed, known)) = self.variables.get_mut(&name.to_lowercase()) else {
                return Err(ServerMessage::error(
                    137,
                    format!("Must declare the scalar variable \"{name}\"."),
                )
                .class(15)
                .into());
            };
            *known = cast(value, column.typed.sql, typed, None, TooLong::Cut)?;
        }
        Ok(())
    }
}

/// A value as one of a type that it is not.
fn put_forced(out: &mut Vec<u8>, column: &ResultColumn, value: ValueRef<'_>) -> Result<(), ServerMessage> {
    let owned = Value::try_from(value).unwrap_or(Value::Null);
    let from = match owned {
        Value::Integer(_) => SqlType::BigInt,
        Value::Real(_) => SqlType::Float,
        Value::Blob(_) => SqlType::VarBinary(Length::Max),
        _ => SqlType::NVARCHAR_MAX,
    };
    let made = cast(owned, from, &column.typed, None, TooLong::Cut).unwrap_or(Value::Null);
    put_value(out, &column.typed, ValueRef::from(&made))
}

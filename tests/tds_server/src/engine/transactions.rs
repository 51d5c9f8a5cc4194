//! Transactions: SQLite has one at a time, and so has a session.

use super::output::{Output, Stop};
use super::session::Session;
use crate::token::{Change, ServerMessage, put_change};

/// Sessions have one transaction at a time, so one number does.
const TRANSACTION: u64 = 1;

impl Session {
    pub(super) fn begin(&mut self, output: &mut Output) -> Result<(), Stop> {
        if self.transactions == 0 {
            self.execute_sql("BEGIN")?;
        }
        self.transactions += 1;
        output.put_with(|out| put_change(out, &Change::BeginTransaction(TRANSACTION)))
    }

    pub(super) fn commit(&mut self, output: &mut Output) -> Result<(), Stop> {
        match self.transactions {
            0 => Err(ServerMessage::error(
                3902,
                "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.",
            )
            .into()),
            1 => {
                self.execute_sql("COMMIT")?;
                self.transactions = 0;
                output.put_with(|out| put_change(out, &Change::CommitTransaction(TRANSACTION)))
            }
            _ => {
                self.transactions -= 1;
                Ok(())
            }
        }
    }

    pub(super) fn roll_back(&mut self, output: &mut Output) -> Result<(), Stop> {
        if self.transactions == 0 {
            return Err(ServerMessage::error(
                3903,
                "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.",
            )
            .into());
        }
        self.execute_sql("ROLLBACK")?;
        self.transactions = 0;
        output.put_with(|out| put_change(out, &Change::RollbackTransaction(TRANSACTION)))
    }

    /// After an error that ends the batch nothing of a transaction is left.
    pub(super) fn roll_back_quietly(&mut self) {
        if self.transactions > 0 {
            drop(self.connection.execute("ROLLBACK", []));
            self.transactions = 0;
        }
    }
}

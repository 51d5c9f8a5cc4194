//! Rows on their way from a source: text of the mapped columns, packed.

use crate::contact::NumberLabel;
use crate::settings::{FieldMap, PhonebookTarget};

/// A field that a column can be mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum Field {
    Key,
    /// The column whose value names the phonebook.
    PhonebookProperty,
    FirstName,
    LastName,
    Company,
    Email,
    Remark,
    Number(NumberLabel),
    ZipCode,
    Street,
    City,
    State,
    Country,
    OwnExtension,
}

/// Which columns are read, and what each is for: the same for every kind of source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    columns: Vec<(Field, String)>,
}

impl Projection {
    /// The columns that `map` and `target` ask for, in the order of the reference system's fields.
    #[must_use]
    pub fn new(_map: &FieldMap, _target: &PhonebookTarget) -> Self {
        todo!()
    }

    /// Field and column name, in the order in which a row has them.
    #[must_use]
    pub fn columns(&self) -> &[(Field, String)] {
        &self.columns
    }
}

/// Rows in the order of the source, each with one value per column of the [`Projection`].
///
/// All text lies in one buffer, so that a row costs no allocation of its own.
#[derive(Debug, Clone, Default)]
pub struct RowBatch {
    // private: text buffer, ends of values, number of columns
}

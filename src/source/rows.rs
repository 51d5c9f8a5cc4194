//! Rows on their way from a source: text of the mapped columns, packed.
//!
//! A row that could not be read as text is still a row: it carries its [`RowProblem`], so that the sync
//! pass rejects and reports it instead of failing or, worse, never knowing of it.

use memchr::memmem;

use crate::contact::NumberLabel;
use crate::settings::{FieldMap, PhonebookTarget};

/// A batch is sent on when it has this many rows…
pub const ROWS_PER_BATCH: usize = 4096;

/// …or this much text, in bytes, whichever comes first.
pub const TEXT_PER_BATCH: usize = 256 * 1024;

/// The longest value that is read, in bytes; a row with a longer one is rejected. Far beyond any field of
/// a contact, and small enough that a batch stays small whatever a database holds.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

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

impl Field {
    /// What is known of a contact, whoever tells it: the fields in the reference system's order, and the
    /// extension of the contact's own person.
    pub const OF_CONTACT: [Field; 20] = [
        Field::FirstName,
        Field::LastName,
        Field::Company,
        Field::Email,
        Field::Remark,
        Field::Number(NumberLabel::BusinessNumber),
        Field::Number(NumberLabel::BusinessNumber2),
        Field::Number(NumberLabel::BusinessFax),
        Field::Number(NumberLabel::MobileNumber),
        Field::Number(NumberLabel::MobileNumber2),
        Field::Number(NumberLabel::HomeNumber),
        Field::Number(NumberLabel::HomeNumber2),
        Field::Number(NumberLabel::HomeFax),
        Field::Number(NumberLabel::OtherNumber),
        Field::ZipCode,
        Field::Street,
        Field::City,
        Field::State,
        Field::Country,
        Field::OwnExtension,
    ];

    /// Where the settings of a source name the field's column, such as `field_map.first_name`.
    #[must_use]
    pub fn setting(self) -> String {
        match self {
            Field::PhonebookProperty => "phonebook.by_property.column".to_owned(),
            field => format!("field_map.{}", field.name()),
        }
    }

    /// The field of a contact that has this name.
    #[must_use]
    pub fn of_contact(name: &str) -> Option<Field> {
        Field::OF_CONTACT.into_iter().find(|field| field.name() == name)
    }

    /// The name used in settings, in the API and on screen, such as `first_name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::PhonebookProperty => "phonebook",
            Field::Key => "key",
            Field::FirstName => "first_name",
            Field::LastName => "last_name",
            Field::Company => "company",
            Field::Email => "email",
            Field::Remark => "remark",
            Field::Number(label) => label.name(),
            Field::ZipCode => "zip_code",
            Field::Street => "street",
            Field::City => "city",
            Field::State => "state",
            Field::Country => "country",
            Field::OwnExtension => "own_extension",
        }
    }
}

/// Which columns are read, and what each is for: the same for every kind of source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    columns: Vec<(Field, String)>,
}

impl Projection {
    /// The columns that `map` and `target` ask for: the key, the phonebook property, then the fields in
    /// the reference system's order. A column that serves two fields is there twice.
    #[must_use]
    pub fn new(map: &FieldMap, target: &PhonebookTarget) -> Self {
        // Taken apart in full, so that a field added to the settings cannot be forgotten here.
        let FieldMap {
            key,
            first_name,
            last_name,
            company,
            email,
            remark,
            business_number,
            business_number_2,
            business_fax,
            mobile_number,
            mobile_number_2,
            home_number,
            home_number_2,
            home_fax,
            other_number,
            zip_code,
            street,
            city,
            state,
            country,
            own_extension,
        } = map;
        let property = match target {
            PhonebookTarget::ByProperty { column, .. } => Some(column.clone()),
            PhonebookTarget::New { .. } | PhonebookTarget::Existing { .. } => None,
        };
        let columns = [
            (Field::Key, key),
            (Field::PhonebookProperty, &property),
            (Field::FirstName, first_name),
            (Field::LastName, last_name),
            (Field::Company, company),
            (Field::Email, email),
            (Field::Remark, remark),
            (Field::Number(NumberLabel::BusinessNumber), business_number),
            (Field::Number(NumberLabel::BusinessNumber2), business_number_2),
            (Field::Number(NumberLabel::BusinessFax), business_fax),
            (Field::Number(NumberLabel::MobileNumber), mobile_number),
            (Field::Number(NumberLabel::MobileNumber2), mobile_number_2),
            (Field::Number(NumberLabel::HomeNumber), home_number),
            (Field::Number(NumberLabel::HomeNumber2), home_number_2),
            (Field::Number(NumberLabel::HomeFax), home_fax),
            (Field::Number(NumberLabel::OtherNumber), other_number),
            (Field::ZipCode, zip_code),
            (Field::Street, street),
            (Field::City, city),
            (Field::State, state),
            (Field::Country, country),
            (Field::OwnExtension, own_extension),
        ];
        Projection {
            columns: columns
                .into_iter()
                .filter_map(|(field, column)| Some((field, column.as_ref()?.clone())))
                .collect(),
        }
    }

    /// The columns as they are, in their order.
    #[must_use]
    pub fn of(columns: Vec<(Field, String)>) -> Self {
        Projection { columns }
    }

    /// Field and column name, in the order in which a row has them.
    #[must_use]
    pub fn columns(&self) -> &[(Field, String)] {
        &self.columns
    }
}

/// Why a row could not be read as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// The column, when it is one column's fault.
    pub column: Option<String>,
    /// What was found and what was expected.
    pub reason: String,
}

/// Marks an entry of [`RowBatch::ends`] as "no value" (SQL's NULL), which is not the empty text.
const NULL: u32 = 1 << 31;

/// Rows in the order of the source, each with one value per column of the [`Projection`].
///
/// All text lies in one buffer, so that a row costs no allocation of its own.
#[derive(Debug, Clone, Default)]
pub struct RowBatch {
    columns: usize,
    text: String,
    /// For each value in turn, where it ends in `text`; a row has `columns` of them.
    ends: Vec<u32>,
    /// For each row, where it is in the source.
    positions: Vec<u64>,
    /// By row index, ascending.
    problems: Vec<(usize, RowProblem)>,
}

impl RowBatch {
    /// An empty batch of rows with `columns` values each.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        RowBatch { columns, ..RowBatch::default() }
    }

    /// The same, which takes a whole batch without growing.
    #[must_use]
    pub fn with_room(columns: usize) -> Self {
        // The row that makes it full may be longer than most.
        let text = String::with_capacity(TEXT_PER_BATCH + TEXT_PER_BATCH / 16);
        RowBatch { text, ..RowBatch::new(columns) }
    }

    /// Starts a row. `position` says where it is in the source, for people: the line of a CSV file, the
    /// running number of a database's row; from 1. Values that the row before still lacks are NULL.
    pub fn begin_row(&mut self, position: u64) {
        self.pad();
        self.positions.push(position);
    }

    /// Adds the value of the row's next column; `None` is NULL. Values beyond the last column are left
    /// out. A value that would not fit into the batch ([`MAX_VALUE_BYTES`]) marks the row bad.
    pub fn push_value(&mut self, value: Option<&str>) {
        if self.ends.len() >= self.positions.len() * self.columns {
            return;
        }
        match value {
            Some(text) if text.len() <= MAX_VALUE_BYTES => {
                self.text.push_str(text);
                self.ends.push(self.end());
            }
            Some(text) => {
                self.mark_bad(RowProblem { column: None, reason: too_long(text.len()) });
                self.ends.push(self.end() | NULL);
            }
            None => self.ends.push(self.end() | NULL),
        }
    }

    /// Adds the value of the row's next column, whose text was not checked yet: what is not UTF-8, holds a
    /// NUL or is too long marks the row bad, and `column` is named.
    pub fn push_bytes(&mut self, column: &str, value: &[u8]) {
        let checked = if value.len() > MAX_VALUE_BYTES {
            Err(too_long(value.len()))
        } else if value.contains(&0) {
            Err("the value holds a NUL character; expected text".to_owned())
        } else {
            std::str::from_utf8(value).map_err(|error| {
                let byte = value.get(error.valid_up_to()).copied().unwrap_or_default();
                let at = error.valid_up_to() + 1;
                format!(
                    "the value is not UTF-8 at byte {at} (0x{byte:02X}); save the file as UTF-8, or let the database \
                     give UTF-8 text"
                )
            })
        };
        match checked {
            Ok(text) => self.push_value(Some(text)),
            Err(reason) => {
                self.mark_bad(RowProblem { column: Some(column.to_owned()), reason });
                self.push_value(None);
            }
        }
    }

    /// Says that the row begun last could not be read as text. The first problem of a row is kept.
    pub fn mark_bad(&mut self, problem: RowProblem) {
        let Some(row) = self.positions.len().checked_sub(1) else { return };
        if self.problems.last().is_none_or(|(last, _)| *last != row) {
            self.problems.push((row, problem));
        }
    }

    /// Takes away values that hold this character, for this reason, and marks their rows bad. The text of all rows is
    /// searched as one, since there is hardly ever such a value.
    pub fn reject_values(&mut self, character: char, projection: &Projection, reason: &str) {
        if memmem::find(self.text.as_bytes(), character.encode_utf8(&mut [0; 4]).as_bytes()).is_none() {
            return;
        }
        for index in 0..self.len() {
            for (place, (_, column)) in projection.columns().iter().enumerate() {
                let value = self.row(index).and_then(|row| row.value(place));
                if value.is_none_or(|value| !value.contains(character)) {
                    continue;
                }
                self.ends[index * self.columns + place] |= NULL;
                self.problems
                    .push((index, RowProblem { column: Some(column.clone()), reason: reason.to_owned() }));
            }
        }
        // Of each row, the first that was found stays.
        self.problems.sort_by_key(|(row, _)| *row);
        self.problems.dedup_by_key(|(row, _)| *row);
    }

    /// Whether it is time to send the batch on.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= ROWS_PER_BATCH || self.text.len() >= TEXT_PER_BATCH
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The row at `index`, from 0.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        (index < self.len()).then_some(Row { batch: self, index })
    }

    /// Every row in turn.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> + DoubleEndedIterator + Clone {
        (0..self.len()).map(move |index| Row { batch: self, index })
    }

    fn pad(&mut self) {
        let null = self.end() | NULL;
        self.ends.resize(self.positions.len() * self.columns, null);
    }

    /// Where the next value begins. The text of a batch that is sent on when full stays far below 2^31.
    fn end(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(NULL) & !NULL
    }
}

fn too_long(bytes: usize) -> String {
    format!("the value has {bytes} bytes; at most {MAX_VALUE_BYTES} are read")
}

/// One row of a [`RowBatch`].
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    batch: &'a RowBatch,
    index: usize,
}

impl<'a> Row<'a> {
    /// The text in the column of this index in the [`Projection`]; `None` is NULL.
    #[must_use]
    pub fn value(&self, column: usize) -> Option<&'a str> {
        if column >= self.batch.columns {
            return None;
        }
        let value = self.index * self.batch.columns + column;
        let end = *self.batch.ends.get(value)?;
        if end & NULL != 0 {
            return None;
        }
        let start =
            value.checked_sub(1).and_then(|before| self.batch.ends.get(before)).map_or(0, |end| end & !NULL);
        self.batch.text.get(start as usize..end as usize)
    }

    /// Every value as a report shows it: in place of one that could not be read, why.
    #[must_use]
    pub fn reported(&self, projection: &Projection) -> Vec<Option<String>> {
        let reported = |(place, (_, column)): (usize, &(Field, String))| match self.value(place) {
            Some(value) => Some(value.to_owned()),
            None => {
                let problem = self.problem().filter(|problem| problem.column.as_ref() == Some(column))?;
                Some(format!("({})", problem.reason))
            }
        };
        projection.columns().iter().enumerate().map(reported).collect()
    }

    /// Where the row is in the source: the line of a CSV file, the running number of a database's row.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.batch.positions[self.index]
    }

    /// Why the row could not be read; it is to be rejected. Values that could be read are there.
    #[must_use]
    pub fn problem(&self) -> Option<&'a RowProblem> {
        let found = self.batch.problems.binary_search_by_key(&self.index, |(row, _)| *row).ok()?;
        self.batch.problems.get(found).map(|(_, problem)| problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phonebook::PhonebookName;

    #[test]
    fn the_projection_is_key_then_property_then_the_reference_order() {
        let map = FieldMap {
            own_extension: Some("ext".into()),
            home_fax: Some("fax".into()),
            company: Some("firm".into()),
            last_name: Some("name".into()),
            key: Some("id".into()),
            ..FieldMap::default()
        };
        let by_property = PhonebookTarget::ByProperty { column: "belongto".into(), blank: None };
        let columns = |target| {
            Projection::new(&map, &target).columns.into_iter().map(|(_, column)| column).collect::<Vec<_>>()
        };
        assert_eq!(columns(by_property), ["id", "belongto", "name", "firm", "fax", "ext"]);
        let new = PhonebookTarget::New { name: PhonebookName::parse("All").unwrap() };
        assert_eq!(columns(new), ["id", "name", "firm", "fax", "ext"]);
    }

    #[test]
    fn values_nulls_and_empty_texts_are_told_apart() {
        let mut batch = RowBatch::new(3);
        batch.begin_row(7);
        batch.push_value(Some("a"));
        batch.push_value(None);
        batch.push_value(Some(""));
        batch.push_value(Some("one too many"));
        batch.begin_row(8);
        batch.push_value(None);
        batch.begin_row(9);
        batch.push_value(Some("ü"));
        let rows: Vec<_> =
            batch.rows().map(|row| (row.position(), [0, 1, 2, 3].map(|i| row.value(i)))).collect();
        assert_eq!(
            rows,
            [(7, [Some("a"), None, Some(""), None]), (8, [None; 4]), (9, [Some("ü"), None, None, None]),]
        );
        assert!(batch.row(3).is_none());
    }

    #[test]
    fn a_bad_value_marks_only_its_row_and_keeps_the_others_values() {
        let mut batch = RowBatch::new(2);
        for (position, second) in [(1, b"ok".as_slice()), (2, b"a\xff"), (3, b"a\0b"), (4, &[b'x'; 65_537])] {
            batch.begin_row(position);
            batch.push_value(Some("key"));
            batch.push_bytes("city", second);
        }
        let problem = |index: usize| batch.row(index).unwrap().problem().cloned();
        assert_eq!(problem(0), None);
        for (index, expected) in [
            (1, "not UTF-8 at byte 2 (0xFF); save the file as UTF-8"),
            (2, "NUL"),
            (3, "65537 bytes; at most 65536"),
        ] {
            let found = problem(index).unwrap();
            assert_eq!(found.column.as_deref(), Some("city"));
            assert!(found.reason.contains(expected), "{}", found.reason);
            assert_eq!(batch.row(index).unwrap().value(0), Some("key"));
            assert_eq!(batch.row(index).unwrap().value(1), None);
        }
    }

    #[test]
    fn a_value_with_a_character_that_cannot_be_is_taken_away_and_marks_its_row() {
        let map = FieldMap { key: Some("id".into()), city: Some("town".into()), ..FieldMap::default() };
        let new = PhonebookTarget::New { name: PhonebookName::parse("All").unwrap() };
        let projection = Projection::new(&map, &new);
        let mut batch = RowBatch::with_room(2);
        for (position, key, town) in
            [(1, "1", "Bonn"), (2, "\u{fffd}", "K\u{f6}ln"), (3, "3", "a\u{fffd}"), (4, "4", "")]
        {
            batch.begin_row(position);
            batch.push_value(Some(key));
            batch.push_value(Some(town));
            if position == 3 {
                batch.mark_bad(RowProblem { column: None, reason: "before".into() });
            }
        }
        batch.reject_values('\0', &projection, "nul");
        batch.reject_values(char::REPLACEMENT_CHARACTER, &projection, "no text");
        let rows: Vec<_> = batch.rows().map(|row| [row.value(0), row.value(1)]).collect();
        let expected =
            [[Some("1"), Some("Bonn")], [None, Some("K\u{f6}ln")], [Some("3"), None], [Some("4"), Some("")]];
        assert_eq!(rows, expected);
        let problems: Vec<_> = batch
            .rows()
            .map(|row| row.problem().map(|problem| (problem.column.as_deref(), &*problem.reason)))
            .collect();
        assert_eq!(problems, [None, Some((Some("id"), "no text")), Some((None, "before")), None]);
    }

    #[test]
    fn a_batch_is_full_at_its_rows_or_its_text() {
        let mut rows = RowBatch::new(1);
        for position in 1..=4096 {
            assert!(!rows.is_full());
            rows.begin_row(position);
        }
        assert!(rows.is_full());
        let mut text = RowBatch::new(1);
        for position in 1..=4 {
            assert!(!text.is_full());
            text.begin_row(position);
            text.push_value(Some(&"x".repeat(MAX_VALUE_BYTES)));
        }
        assert!(text.is_full());
    }
}

//! New and changed contacts on their way into the store, in a file without a name.
//!
//! A first sync of half a million contacts is more than should be held in memory, and a plan must be whole
//! before any of it is written. The file vanishes with the process, even when it is killed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use super::prepare::{DetailsDigest, RowDigest};
use crate::contact::ContactId;

/// One contact to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// `None` adds it, otherwise it replaces that contact.
    pub id: Option<ContactId>,
    /// Place of its phonebook in the plan's list.
    pub phonebook: u32,
    /// Of the details.
    pub digest: DetailsDigest,
    /// Of the row that it was made of, when there was nothing to report of it.
    pub row: Option<RowDigest>,
    /// What the source calls it.
    pub source_key: String,
    /// [`crate::contact::ContactDetails`] as JSON.
    pub details: String,
}

/// Contacts being staged.
#[derive(Debug)]
pub struct StagedContacts {
    file: BufWriter<File>,
}

/// Staged contacts being read back, in their order.
#[derive(Debug)]
pub struct StagedReader<'a> {
    file: BufReader<&'a File>,
}

const BUFFER: usize = 256 * 1024;

impl StagedContacts {
    /// Stages on the disk of `folder`.
    pub fn new(folder: &Path) -> io::Result<Self> {
        Ok(StagedContacts { file: BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(folder)?) })
    }

    /// Stages one contact.
    pub fn push(&mut self, contact: &Staged) -> io::Result<()> {
        let Staged { id, phonebook, digest, row, source_key, details } = contact;
        // Store ids begin at 1.
        self.file.write_all(&id.map_or(0, |id| id.0).to_le_bytes())?;
        self.file.write_all(&phonebook.to_le_bytes())?;
        self.file.write_all(&digest.0)?;
        self.file.write_all(&[u8::from(row.is_some())])?;
        self.file.write_all(&row.map_or([0; 16], |row| row.0))?;
        for text in [source_key, details] {
            let length = u32::try_from(text.len()).map_err(io::Error::other)?;
            self.file.write_all(&length.to_le_bytes())?;
            self.file.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// Reads back what was staged, from the beginning.
    pub fn read_back(&mut self) -> io::Result<StagedReader<'_>> {
        self.file.flush()?;
        let mut file: &File = self.file.get_ref();
        file.rewind()?;
        Ok(StagedReader { file: BufReader::with_capacity(BUFFER, file) })
    }
}

impl StagedReader<'_> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn text(&mut self) -> io::Result<String> {
        let length = u32::from_le_bytes(self.array()?);
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes)?;
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    fn staged(&mut self) -> io::Result<Staged> {
        let id = u64::from_le_bytes(self.array()?);
        Ok(Staged {
            id: (id > 0).then_some(ContactId(id)),
            phonebook: u32::from_le_bytes(self.array()?),
            digest: DetailsDigest(self.array()?),
            row: {
                let [has_row] = self.array()?;
                let row = RowDigest(self.array()?);
                (has_row != 0).then_some(row)
            },
            source_key: self.text()?,
            details: self.text()?,
        })
    }
}

impl Iterator for StagedReader<'_> {
    type Item = io::Result<Staged>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.file.fill_buf() {
            Ok([]) => None,
            Ok(_) => Some(self.staged()),
            Err(error) => Some(Err(error)),
        }
    }
}

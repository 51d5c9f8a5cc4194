//! Files that are believed only when every byte of them is as it was written: sections with their lengths, and
//! a BLAKE3 checksum over everything at the end.
//!
//! Layout: eight bytes that say what it is, the version of its layout (u32), then sections, each its length (u64) and
//! its bytes, then the checksum (32 bytes). All integers are little-endian.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

const CHECKSUM_BYTES: u64 = 32;
const HEADER_BYTES: u64 = 12;
const BUFFER: usize = 1024 * 1024;

/// What identifies the content of a sealed file.
pub type Checksum = blake3::Hash;

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It begins with something else.
    #[error("it is no {expected}")]
    Foreign {
        /// What it should be.
        expected: &'static str,
    },
    /// Its layout is one that this program does not know.
    #[error("it was written by another version of ringroute (layout {found}; this one knows {known})")]
    Version {
        /// The layout found.
        found: u32,
        /// The layout known.
        known: u32,
    },
    /// It is shorter or longer than it says, or was changed since it was written.
    #[error("it is damaged ({0})")]
    Damaged(String),
}

impl SealError {
    /// Whether there is no such file at all.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self, SealError::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// What a sealed file holds.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its first bytes.
    pub magic: [u8; 8],
    /// The version of its layout.
    pub version: u32,
    /// What people call it.
    pub name: &'static str,
}

fn damaged<T>(problem: impl Into<String>) -> Result<T, SealError> {
    Err(SealError::Damaged(problem.into()))
}

/// Writes a sealed file, from its beginning to its end.
pub struct SealWriter<W> {
    to: W,
    hasher: blake3::Hasher,
}

impl<W: Write> SealWriter<W> {
    /// Begins a file.
    pub fn begin(to: W, kind: Kind) -> io::Result<Self> {
        let mut writer = SealWriter { to, hasher: blake3::Hasher::new() };
        writer.put(&kind.magic)?;
        writer.put(&kind.version.to_le_bytes())?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.to.write_all(bytes)
    }

    /// Writes a section.
    pub fn section(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(&(bytes.len() as u64).to_le_bytes())?;
        self.put(bytes)
    }

    /// Writes a section of integers.
    pub fn integers(&mut self, integers: &[u64]) -> io::Result<()> {
        self.put(&(size_of_val(integers) as u64).to_le_bytes())?;
        let mut bytes = Vec::with_capacity(BUFFER);
        for chunk in integers.chunks(BUFFER / size_of::<u64>()) {
            bytes.clear();
            chunk.iter().for_each(|integer| bytes.extend_from_slice(&integer.to_le_bytes()));
            self.put(&bytes)?;
        }
        Ok(())
    }

    /// Writes a section of the next `length` bytes of `from`, which must have them.
    pub fn copy(&mut self, from: &mut impl Read, length: u64) -> io::Result<()> {
        self.put(&length.to_le_bytes())?;
        let mut buffer = vec![0; BUFFER];
        let mut left = length;
        while left > 0 {
            let part = &mut buffer[..left.min(BUFFER as u64) as usize];
            from.read_exact(part)?;
            self.put(part)?;
            left -= part.len() as u64;
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> io::Result<(W, Checksum)> {
        let checksum = self.hasher.finalize();
        self.to.write_all(checksum.as_bytes())?;
        self.to.flush()?;
        Ok((self.to, checksum))
    }
}

/// Reads a sealed file. What it hands out is to be believed only after [`SealReader::finish`].
pub struct SealReader<R> {
    from: R,
    hasher: blake3::Hasher,
    /// Bytes before the checksum.
    left: u64,
}

impl<R: Read> SealReader<R> {
    /// Begins a file of `length` bytes.
    pub fn begin(from: R, length: u64, kind: Kind) -> Result<Self, SealError> {
        let Some(left) = length.checked_sub(CHECKSUM_BYTES).filter(|left| *left >= HEADER_BYTES) else {
            return damaged(format!("it has only {length} bytes"));
        };
        let mut reader = SealReader { from, hasher: blake3::Hasher::new(), left };
        if reader.take::<8>()? != kind.magic {
            return Err(SealError::Foreign { expected: kind.name });
        }
        match u32::from_le_bytes(reader.take()?) {
            found if found == kind.version => Ok(reader),
            found => Err(SealError::Version { found, known: kind.version }),
        }
    }

    fn take<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], SealError> {
        let mut bytes = [0; LENGTH];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), SealError> {
        match self.left.checked_sub(bytes.len() as u64) {
            Some(left) => self.left = left,
            None => return damaged("it ends within a section"),
        }
        self.from.read_exact(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// The length of the next section; never more than there is.
    fn length(&mut self) -> Result<u64, SealError> {
        match u64::from_le_bytes(self.take()?) {
            length if length <= self.left => Ok(length),
            length => damaged(format!("a section of {length} bytes does not fit into it")),
        }
    }

    /// The next section.
    pub fn section(&mut self) -> Result<Vec<u8>, SealError> {
        let length = usize::try_from(self.length()?).map_err(|_| SealError::Damaged("too large".into()))?;
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// The next section, of integers.
    pub fn integers(&mut self) -> Result<Vec<u64>, SealError> {
        let length = self.length()?;
        if !length.is_multiple_of(size_of::<u64>() as u64) {
            return damaged("integers are cut off");
        }
        let mut integers = Vec::with_capacity(length as usize / size_of::<u64>());
        let mut buffer = vec![0; BUFFER.min(length as usize)];
        let mut left = length as usize;
        while left > 0 {
            let part = &mut buffer[..left.min(BUFFER)];
            self.fill(part)?;
            left -= part.len();
            let (whole, _) = part.as_chunks();
            integers.extend(whole.iter().map(|bytes| u64::from_le_bytes(*bytes)));
        }
        Ok(integers)
    }

    /// Copies the next section, and says how many bytes it has.
    pub fn copy(&mut self, to: &mut impl Write) -> Result<u64, SealError> {
        let length = self.length()?;
        let mut buffer = vec![0; BUFFER];
        let mut left = length;
        while left > 0 {
            let part = &mut buffer[..left.min(BUFFER as u64) as usize];
            self.fill(part)?;
            to.write_all(part)?;
            left -= part.len() as u64;
        }
        Ok(length)
    }

    /// Checks that this was all, and every byte of it as it was written.
    pub fn finish(mut self) -> Result<Checksum, SealError> {
        if self.left > 0 {
            return damaged(format!("{} bytes are left over", self.left));
        }
        let mut written = [0; CHECKSUM_BYTES as usize];
        self.from.read_exact(&mut written)?;
        let checksum = self.hasher.finalize();
        if checksum != Checksum::from_bytes(written) {
            return damaged("its checksum is another");
        }
        Ok(checksum)
    }
}

/// Writes a file that is there whole, or not at all, whatever happens; in the place of one that is there. For nobody
/// but the process's own user.
pub fn write_whole<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<T, E>,
) -> Result<T, E> {
    let mut file = WholeFile::begin(path)?;
    let written = write(file.as_file())?;
    file.put(true)?;
    Ok(written)
}

/// A file that is being written: beside its place first, and on the disk before it is moved there. It vanishes unless
/// it is. For nobody but the process's own user.
#[derive(Debug)]
pub struct WholeFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl WholeFile {
    /// Begins a file for this path, and removes what killed processes have left of theirs beside it.
    pub fn begin(path: &Path) -> io::Result<Self> {
        remove_abandoned(folder_of(path));
        let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder_of(path))?;
        Ok(WholeFile { file, path: path.to_owned() })
    }

    /// What is being written.
    pub fn as_file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Where it is until it is moved.
    #[must_use]
    pub fn unfinished(&self) -> &Path {
        self.file.path()
    }

    /// Moves it to its place. Fails when there is a file already, unless that is to be `replaced`.
    pub fn put(self, replaced: bool) -> io::Result<()> {
        let WholeFile { file, path } = self;
        file.as_file().sync_all()?;
        let put = if replaced { file.persist(&path) } else { file.persist_noclobber(&path) };
        put.map_err(|error| error.error)?;
        sync_folder(folder_of(&path))
    }
}

/// The folder that a file is in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// How files begin that are not moved to their place yet, or are of use only to write such a one. They may be in any
/// folder; what a killed process leaves of them is removed once nobody can be writing it any more.
pub const TEMPORARY: &str = ".ringroute-temporary-";

/// Whoever has written nothing for so long does not write any more. Less than a day, so that a backup of each night
/// removes what is left of the last one.
const ABANDONED_AFTER: Duration = Duration::from_secs(12 * 60 * 60);

/// Files that cannot be removed, or not be looked at, stay: nothing depends on it.
fn remove_abandoned(folder: &Path) {
    let is_abandoned = |metadata: &Metadata| {
        let age = metadata.modified().ok().and_then(|written_at| written_at.elapsed().ok());
        metadata.is_file() && age.is_some_and(|age| age > ABANDONED_AFTER)
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_temporary = entry.file_name().to_str().is_some_and(|name| name.starts_with(TEMPORARY));
        if is_temporary && entry.metadata().is_ok_and(|metadata| is_abandoned(&metadata)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes what was renamed in a folder last.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened, and needs not be.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { magic: *b"RINGTEST", version: 3, name: "test file" };

    fn written() -> Vec<u8> {
        let mut writer = SealWriter::begin(Vec::new(), KIND).unwrap();
        writer.section(b"text").unwrap();
        writer.integers(&[1, u64::MAX]).unwrap();
        writer.copy(&mut b"copied and more".as_slice(), 6).unwrap();
        writer.section(b"").unwrap();
        writer.finish().unwrap().0
    }

    type Content = (Vec<u8>, Vec<u64>, Vec<u8>, Vec<u8>);

    fn read(bytes: &[u8]) -> Result<Content, SealError> {
        let mut reader = SealReader::begin(bytes, bytes.len() as u64, KIND)?;
        let (text, integers) = (reader.section()?, reader.integers()?);
        let mut copied = Vec::new();
        reader.copy(&mut copied)?;
        let empty = reader.section()?;
        reader.finish()?;
        Ok((text, integers, copied, empty))
    }

    #[test]
    fn what_was_written_is_read() {
        let expected = (b"text".to_vec(), vec![1, u64::MAX], b"copied".to_vec(), Vec::new());
        assert_eq!(read(&written()).unwrap(), expected);
    }

    #[test]
    fn a_changed_byte_anywhere_is_seen() {
        let whole = written();
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[place] ^= 1 << bit;
                assert!(read(&changed).is_err(), "bit {bit} of byte {place}");
            }
        }
    }

    #[test]
    fn a_file_that_is_cut_or_longer_is_seen() {
        let whole = written();
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length} bytes");
        }
        assert!(read(&[whole.as_slice(), b"x"].concat()).is_err());
    }

    #[test]
    fn other_files_and_layouts_are_named() {
        let mut other = written();
        other[8] = 4;
        let said = read(&other).unwrap_err().to_string();
        assert_eq!(said, "it was written by another version of ringroute (layout 4; this one knows 3)");
        let said = read(&[b'x'; 100]).unwrap_err().to_string();
        assert_eq!(said, "it is no test file");
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_whole(&path, |file| file.write_all(b"first")).unwrap();
        let failed = write_whole(&path, |file| {
            file.write_all(b"second")?;
            Err::<(), _>(io::Error::other("no more"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let mut another = WholeFile::begin(&path).unwrap();
        another.as_file().write_all(b"third").unwrap();
        assert_eq!(another.put(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_has_left_is_removed_and_what_one_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let there = |name: &str| folder.path().join(name);
        let old = std::time::SystemTime::now() - ABANDONED_AFTER - Duration::from_secs(1);
        for (name, is_old) in [("left", true), ("written", false)] {
            let file = File::create(there(&format!("{TEMPORARY}{name}"))).unwrap();
            is_old.then(|| file.set_modified(old).unwrap());
        }
        File::create(there("nightly.backup")).unwrap().set_modified(old).unwrap();
        drop(WholeFile::begin(&there("next.backup")).unwrap());
        assert!(!there(&format!("{TEMPORARY}left")).exists());
        assert!(there(&format!("{TEMPORARY}written")).exists());
        assert!(there("nightly.backup").exists());
    }
}

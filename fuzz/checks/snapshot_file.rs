//! Snapshot files: a damaged one is refused, a whole one is the same index again, and one that was sealed with
//! whatever in it is refused or harmless.

use std::sync::OnceLock;

use ringroute::contact::{ContactId, NumberLabel};
use ringroute::index::{
    ContactIndex, ContactIndexBuilder, IndexedContact, IndexedNumber, IndexedPhonebook, verify,
};
use ringroute::phone_number::PhoneNumber;
use ringroute::phonebook::{PhonebookId, PhonebookName};
use ringroute::sealed_file::{Kind, SealError, SealReader, SealWriter};

const KIND: Kind = Kind { magic: *b"RINGFUZZ", version: 1, name: "file to be tried" };

pub(crate) fn check(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    match choice % 5 {
        0 => foreign(rest),
        1 => damaged(rest),
        2 => comes_back(rest),
        3 => sealed_sections(rest),
        _ => changed_and_sealed(rest),
    }
}

fn read(file: &[u8]) -> Result<ContactIndex, SealError> {
    ContactIndex::read_from(SealReader::begin(file, file.len() as u64, KIND)?)
}

fn written(index: &ContactIndex) -> Vec<u8> {
    let mut writer = SealWriter::begin(Vec::new(), KIND).unwrap();
    index.write_to(&mut writer).unwrap();
    writer.finish().unwrap().0
}

/// A file that is not sealed is never taken.
fn foreign(file: &[u8]) {
    assert!(read(file).is_err(), "{file:?}");
    let mut headed = KIND.magic.to_vec();
    headed.extend_from_slice(&KIND.version.to_le_bytes());
    headed.extend_from_slice(file);
    assert!(read(&headed).is_err(), "{headed:?}");
}

/// Whatever becomes of a file: it is as it was, or refused.
fn damaged(changes: &[u8]) {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    let whole =
        WHOLE.get_or_init(|| written(&index(b"\x05\x02+49301\x03112\x01+12025550123\x07+49301", true)));
    let mut file = whole.clone();
    let mut changes = changes.chunks_exact(4);
    for change in &mut changes {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]])) % (file.len() + 1);
        match change[2] % 4 {
            0 => file.truncate(place),
            1 => file.insert(place, change[3]),
            2 if place < file.len() => drop(file.remove(place)),
            _ => {
                if let Some(byte) = file.get_mut(place) {
                    *byte ^= change[3];
                }
            }
        }
        if file.is_empty() {
            break;
        }
    }
    match read(&file) {
        Ok(_) => assert_eq!(&file, whole, "a damaged file was taken"),
        Err(error) => assert_ne!(&file, whole, "a whole file was refused: {error}"),
    }
}

/// Contacts from bytes: a number is text behind a byte that says how its contact is; low ones begin no new contact.
fn index(data: &[u8], last_digits: bool) -> ContactIndex {
    let phonebooks = ["Sales", "Support", "VIP"].iter().zip(1..).map(|(name, id)| IndexedPhonebook {
        id: PhonebookId(id),
        name: PhonebookName::parse(name).unwrap(),
    });
    let mut builder = ContactIndexBuilder::new(phonebooks.collect()).unwrap();
    let parts = data.split_inclusive(|byte| *byte < 0x20).filter_map(|part| std::str::from_utf8(part).ok());
    for (place, part) in parts.enumerate() {
        let (text, kind) = part.split_at(part.trim_end_matches(|c| c < ' ').len());
        let kind = kind.bytes().next().unwrap_or_default();
        let numbers: Vec<IndexedNumber> = text
            .split(',')
            .zip(NumberLabel::ALL)
            .filter_map(|(text, label)| Some(IndexedNumber { number: text.parse().ok()?, label }))
            .collect();
        let phonebooks: Vec<PhonebookId> =
            (0..3_u32).filter(|bit| kind >> bit & 1 == 1).map(|bit| PhonebookId(bit + 1)).collect();
        let contact = IndexedContact {
            id: ContactId(place as u64 * 3),
            source: [None, Some("crm"), Some("erp")][usize::from(kind >> 3) % 3],
            source_key: text,
            display_name: text,
            company: "Example",
            own_extension: "",
            phonebooks: &phonebooks,
            numbers: &numbers,
        };
        builder.push(contact).unwrap();
    }
    builder.finish(last_digits).unwrap()
}

fn comes_back(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let index = index(data, choice & 1 == 1);
    let count = index.contact_count() as u64;
    verify(&index, count, &[]).unwrap();
    let file = written(&index);
    let read = read(&file).unwrap_or_else(|error| panic!("a whole file was refused: {error}"));
    verify(&read, count, &[]).unwrap();
    assert_eq!(written(&read), file);
    assert_eq!(read.phonebooks(), index.phonebooks());
    assert_eq!(read.number_count(), index.number_count());
    let (mut ours, mut theirs) = (index.numbers(), read.numbers());
    loop {
        let (one, other) = (ours.next(), theirs.next());
        assert_eq!(one.as_ref().map(|one| one.0), other.as_ref().map(|other| other.0));
        let (Some((number, one)), Some((_, other))) = (one, other) else { break };
        let one: Vec<_> = one.collect();
        assert_eq!(one, other.collect::<Vec<_>>());
        assert_eq!(one, read.exact(number).collect::<Vec<_>>());
        assert_eq!(index.last_digits(number, 7), read.last_digits(number, 7));
        for posting in one {
            assert_eq!(index.contact(posting.contact()), read.contact(posting.contact()));
            assert_eq!(index.phonebooks_in(posting.phonebooks()), read.phonebooks_in(posting.phonebooks()));
        }
    }
}

/// What is read can be asked, and what is verified can be used.
fn use_it(file: &[u8], asked: &[PhoneNumber]) {
    let Ok(index) = read(file) else { return };
    for posting in asked.iter().flat_map(|number| index.exact(*number)) {
        let _ = (index.contact(posting.contact()), index.phonebooks_in(posting.phonebooks()));
    }
    if verify(&index, index.contact_count() as u64, &[]).is_err() {
        return;
    }
    let numbers: Vec<PhoneNumber> =
        index.numbers().map(|(number, _)| number).chain(asked.iter().copied()).collect();
    for number in numbers {
        for posting in index.exact(number).chain(index.last_digits(number, 7)) {
            let _ = (index.contact(posting.contact()), index.phonebooks_in(posting.phonebooks()));
        }
    }
    for phonebook in index.phonebooks() {
        assert!(index.find_phonebook(&phonebook.name).is_some());
    }
}

/// Sections that nobody wrote so, sealed as if somebody had. Each is its length (two bytes) and its bytes.
fn sealed_sections(mut data: &[u8]) {
    let mut writer = SealWriter::begin(Vec::new(), KIND).unwrap();
    while let Some((length, rest)) = data.split_first_chunk() {
        let (section, rest) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
        writer.section(section).unwrap();
        data = rest;
    }
    use_it(&writer.finish().unwrap().0, &[]);
}

/// A file as it is written, with bytes of one section changed and sealed anew: numbers that lead nowhere, lists that
/// end outside, buckets that begin anywhere.
fn changed_and_sealed(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let (changes, contacts) = data.split_at(data.len().min(usize::from(choice >> 4) * 4) / 4 * 4);
    let file = written(&index(contacts, choice & 1 == 1));
    let mut reader = SealReader::begin(file.as_slice(), file.len() as u64, KIND).unwrap();
    let mut sections: Vec<Vec<u8>> = std::iter::from_fn(|| reader.section().ok()).collect();
    let place = usize::from(choice >> 1 & 7) % sections.len();
    let section = &mut sections[place];
    for change in changes.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % (section.len() + 1);
        match change[2] % 4 {
            0 => section.truncate(at),
            1 => section.insert(at, change[3]),
            _ if at < section.len() => section[at] ^= change[3],
            _ => {}
        }
    }
    let mut writer = SealWriter::begin(Vec::new(), KIND).unwrap();
    sections.iter().for_each(|section| writer.section(section).unwrap());
    use_it(&writer.finish().unwrap().0, &["+49301".parse().unwrap(), "112".parse().unwrap()]);
}

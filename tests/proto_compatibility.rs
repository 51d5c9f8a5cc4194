//! The contract never breaks a client: what `proto/released-v1.txt` lists stays as it is, number, type, name
//! and all (names too, because of the JSON form).
//!
//! The file is always complete. After an addition, `RINGROUTE_RELEASE_PROTO=1 cargo test --test
//! proto_compatibility` writes it anew; what is gone from the contract can only be taken out by hand.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::path::Path;

use prost::Message;
use prost_reflect::{Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, MessageDescriptor};
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use ringroute::api::proto::FILE_DESCRIPTOR_SET;

const PACKAGE: &str = "ringroute.v1";

fn contract() -> DescriptorPool {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap()
}

/// One line for every rpc, field and enum value of `pool`.
fn lines(pool: &DescriptorPool) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for service in pool.services().filter(|service| service.package_name() == PACKAGE) {
        for method in service.methods() {
            let stream = |streaming| if streaming { "stream " } else { "" };
            lines.insert(format!(
                "rpc {} ({}{}) returns ({}{})",
                method.full_name(),
                stream(method.is_client_streaming()),
                method.input().full_name(),
                stream(method.is_server_streaming()),
                method.output().full_name(),
            ));
        }
    }
    for message in messages(pool) {
        for field in message.fields() {
            let (number, name) = (field.number(), field.name());
            let (label, kind) = (label(&field), field.kind());
            lines.insert(format!("field {} {number} {label} {kind:?} {name}", message.full_name()));
        }
    }
    for list in enums(pool) {
        for value in list.values() {
            lines.insert(format!("enum {} {} {}", list.full_name(), value.number(), value.name()));
        }
    }
    lines
}

fn messages(pool: &DescriptorPool) -> impl Iterator<Item = MessageDescriptor> {
    pool.all_messages().filter(|message| message.package_name() == PACKAGE)
}

fn enums(pool: &DescriptorPool) -> impl Iterator<Item = EnumDescriptor> {
    pool.all_enums().filter(|list| list.package_name() == PACKAGE)
}

fn label(field: &FieldDescriptor) -> String {
    match (field.cardinality(), field.containing_oneof()) {
        (Cardinality::Repeated, _) => "repeated".to_owned(),
        (_, Some(oneof)) if !oneof.is_synthetic() => format!("oneof:{}", oneof.name()),
        _ if field.supports_presence() => "optional".to_owned(),
        _ => "singular".to_owned(),
    }
}

#[test]
fn what_was_released_is_still_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/released-v1.txt");
    let released: BTreeSet<String> =
        std::fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
    let now = lines(&contract());

    let broken: Vec<_> = released.difference(&now).collect();
    assert!(broken.is_empty(), "clients rely on this, and it is gone or changed:\n{broken:#?}");

    if std::env::var_os("RINGROUTE_RELEASE_PROTO").is_some_and(|value| value == "1") {
        let text: String = now.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let missing: Vec<_> = now.difference(&released).collect();
    assert!(
        missing.is_empty(),
        "new in the contract; when it is right, run again with RINGROUTE_RELEASE_PROTO=1:\n{missing:#?}"
    );
}

#[test]
fn every_kind_of_change_is_seen() {
    use prost_types::field_descriptor_proto::{Label, Type};
    type Change = fn(&mut FileDescriptorProto);
    // Message 0 is MatchCallerRequest, its field 1 the trunk: a plain string. Nothing else refers to them.
    let breaking: [(&str, Change); 8] = [
        ("field gone", |file| drop(file.message_type[0].field.remove(1))),
        ("field renamed", |file| file.message_type[0].field[1].name = Some("line".to_owned())),
        ("field renumbered", |file| file.message_type[0].field[1].number = Some(9)),
        ("field of another type", |file| file.message_type[0].field[1].set_type(Type::Bytes)),
        ("field repeated", |file| file.message_type[0].field[1].set_label(Label::Repeated)),
        ("enum value renamed", |file| file.enum_type[0].value[1].name = Some("NEW".to_owned())),
        ("rpc streams", |file| file.service[0].method[0].server_streaming = Some(true)),
        ("rpc gone", |file| drop(file.service[0].method.remove(0))),
    ];
    let changed = |change: Change| {
        let mut set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let mut files = set.file.iter_mut();
        change(files.find(|file| file.name() == "ringroute/v1/call_routing.proto").unwrap());
        lines(&DescriptorPool::from_file_descriptor_set(set).unwrap())
    };
    let before = lines(&contract());
    for (what, change) in breaking {
        assert!(!changed(change).is_superset(&before), "{what}");
    }
    let added = changed(|file| {
        let mut field = file.message_type[0].field[1].clone();
        (field.name, field.json_name, field.number) = (Some("line".to_owned()), None, Some(9));
        file.message_type[0].field.push(field);
    });
    assert!(added.is_superset(&before) && added.len() == before.len() + 1);
}

#[test]
fn every_element_has_a_comment() {
    let pool = contract();
    let mut bare = Vec::new();
    let mut check = |file: prost_reflect::FileDescriptor, path: &[i32], name: &str| {
        let info = file.file_descriptor_proto().source_code_info.clone().unwrap_or_default();
        let commented = info
            .location
            .iter()
            .any(|location| location.path == path && !location.leading_comments().trim().is_empty());
        if !commented {
            bare.push(name.to_owned());
        }
    };
    for service in pool.services().filter(|service| service.package_name() == PACKAGE) {
        check(service.parent_file(), service.path(), service.full_name());
        for method in service.methods() {
            check(service.parent_file(), method.path(), method.full_name());
        }
    }
    for message in messages(&pool) {
        check(message.parent_file(), message.path(), message.full_name());
        for field in message.fields() {
            check(message.parent_file(), field.path(), field.full_name());
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            check(message.parent_file(), oneof.path(), oneof.full_name());
        }
    }
    for list in enums(&pool) {
        check(list.parent_file(), list.path(), list.full_name());
        for value in list.values() {
            check(list.parent_file(), value.path(), value.full_name());
        }
    }
    assert!(bare.is_empty(), "without a comment: {bare:#?}");
}

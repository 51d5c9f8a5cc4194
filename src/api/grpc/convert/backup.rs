//! What is in a backup -> the contract.

use super::timestamp;
use crate::api::proto::v1;
use crate::engine::{BackupContent, LeftOutSecret};

pub(crate) fn to_proto(content: &BackupContent) -> v1::Backup {
    let secrets = content.left_out_secrets.iter();
    v1::Backup {
        program: content.program.clone(),
        schema: content.schema,
        taken_at: Some(timestamp(content.taken_at)),
        generation: content.generation.0,
        contacts: content.contacts,
        phonebooks: content.phonebooks,
        sources: content.sources,
        inbound_routes: content.inbound_routes,
        store_bytes: content.store_bytes,
        left_out_secrets: secrets
            .map(|LeftOutSecret { source, field }| v1::LeftOutSecret {
                source: source.clone(),
                field: field.clone(),
            })
            .collect(),
    }
}

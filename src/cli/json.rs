//! Answers as JSON: protobuf's own form of it, so that it means the same in every language.

use prost::Name;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use super::exit::Result;
use crate::api::proto::FILE_DESCRIPTOR_SET;

/// How the JSON is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// For one value.
    Pretty,
    /// For many, one on each line.
    OneLine,
}

/// Writes a message as JSON. Fields that are empty are there too, so that a script need not expect them to
/// be missing.
pub(super) fn of<M: Name>(message: &M, layout: Layout) -> Result<String> {
    let write = || -> anyhow::Result<String> {
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET)?;
        let name = M::full_name();
        let descriptor = pool
            .get_message_by_name(&name)
            .ok_or_else(|| anyhow::anyhow!("the contract has no message {name:?}"))?;
        let message = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
        let options = SerializeOptions::new().skip_default_fields(false);
        let mut json = Vec::new();
        match layout {
            Layout::Pretty => {
                message.serialize_with_options(&mut serde_json::Serializer::pretty(&mut json), &options)?;
            }
            Layout::OneLine => {
                message.serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options)?;
            }
        }
        Ok(String::from_utf8(json)?)
    };
    Ok(write()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::proto::v1;

    #[test]
    fn it_is_protobufs_own_form() {
        let answer = v1::MatchCallerResponse {
            status: v1::MatchStatus::Withheld.into(),
            generation: u64::MAX,
            ..Default::default()
        };
        let json: serde_json::Value = serde_json::from_str(&of(&answer, Layout::OneLine).unwrap()).unwrap();
        let expected = serde_json::json!({
            "status": "MATCH_STATUS_WITHHELD", "e164": "", "contacts": [], "phonebooks": [],
            // 64-bit integers are texts in protobuf's JSON: JavaScript has no such numbers.
            "generation": "18446744073709551615", "invalidReason": ""
        });
        assert_eq!(json, expected);
    }
}

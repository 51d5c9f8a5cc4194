//! Types of the engine <-> types of the contract, which go no further than this door.
//!
//! What a request says is taken as it is, once its form is right; errors name the field by its path. Types
//! are taken apart in full, so that a field added on one side cannot be forgotten on the other.

pub(super) mod audit;
pub(super) mod backup;
pub(super) mod calls;
pub(super) mod contacts;
pub(super) mod directory;
pub(super) mod history;
mod notify;
pub(super) mod previews;
pub(super) mod quality;
pub(super) mod routes;
pub(super) mod routing_settings;
pub(super) mod runs;
mod schedules;
pub(super) mod sources;
pub(super) mod status;
pub(super) mod tokens;
pub(super) mod users;

use jiff::Timestamp;

use crate::api::proto::v1;
use crate::contact::NumberLabel;

/// A time.
pub(super) fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let mut timestamp = prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() };
    // Before 1970 the two libraries count nanoseconds in different directions.
    timestamp.normalize();
    timestamp
}

/// A time as the store writes it.
pub(super) fn stored_timestamp(time: Option<&str>) -> Option<prost_types::Timestamp> {
    time?.parse().ok().map(timestamp)
}

pub(super) fn label(label: NumberLabel) -> v1::NumberLabel {
    match label {
        NumberLabel::BusinessNumber => v1::NumberLabel::BusinessNumber,
        NumberLabel::BusinessNumber2 => v1::NumberLabel::BusinessNumber2,
        NumberLabel::BusinessFax => v1::NumberLabel::BusinessFax,
        NumberLabel::MobileNumber => v1::NumberLabel::MobileNumber,
        NumberLabel::MobileNumber2 => v1::NumberLabel::MobileNumber2,
        NumberLabel::HomeNumber => v1::NumberLabel::HomeNumber,
        NumberLabel::HomeNumber2 => v1::NumberLabel::HomeNumber2,
        NumberLabel::HomeFax => v1::NumberLabel::HomeFax,
        NumberLabel::OtherNumber => v1::NumberLabel::OtherNumber,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_named_alike() {
        for ours in NumberLabel::ALL {
            let expected = format!("NUMBER_LABEL_{}", ours.name().to_uppercase());
            assert_eq!(label(ours).as_str_name(), expected);
        }
    }

    #[test]
    fn times_before_1970_are_the_same_times() {
        let time: Timestamp = "1969-12-31T23:59:59.25Z".parse().unwrap();
        assert_eq!(timestamp(time), prost_types::Timestamp { seconds: -1, nanos: 250_000_000 });
        assert_eq!(stored_timestamp(Some("1970-01-01T00:00:07Z")).unwrap().seconds, 7);
        assert_eq!(stored_timestamp(None), None);
    }
}

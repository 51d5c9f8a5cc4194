//! Users.

use super::timestamp;
use super::tokens::role_to_proto;
use crate::api::proto::v1;
use crate::engine::User;

/// What is known of a user.
pub(crate) fn to_proto(user: User) -> v1::User {
    let User { name, role, created_at, last_signed_in_at, sessions } = user;
    v1::User {
        name,
        role: role_to_proto(role).into(),
        created_at: Some(timestamp(created_at)),
        last_signed_in_at: last_signed_in_at.map(timestamp),
        session_count: u32::try_from(sessions).unwrap_or(u32::MAX),
    }
}

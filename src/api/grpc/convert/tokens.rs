//! Tokens.

use super::timestamp;
use crate::access::{NewToken, Role, TokenRecord};
use crate::api::grpc::request::{bad, time};
use crate::api::proto::v1;
use crate::engine::EngineError;

/// What is known of a token; nothing that its secret could be recognised by.
pub(crate) fn to_proto(record: TokenRecord) -> v1::Token {
    let TokenRecord { id, name, role, digest: _, created_at, created_by, expires_at, last_used_at } = record;
    v1::Token {
        token_id: id.0.unsigned_abs(),
        name,
        role: role_to_proto(role).into(),
        created_at: Some(timestamp(created_at)),
        created_by,
        expires_at: expires_at.map(timestamp),
        last_used_at: last_used_at.map(timestamp),
    }
}

/// A token to be made.
pub(in crate::api::grpc) fn new_token(
    request: v1::CreateTokenRequest,
    created_by: String,
) -> Result<NewToken, EngineError> {
    let v1::CreateTokenRequest { name, role, expires_at } = request;
    let role = role_from_proto(role)?;
    let expires_at = expires_at.map(|at| time("expires_at", &at)).transpose()?;
    Ok(NewToken { name, role, expires_at, created_by })
}

/// A role that was sent.
pub(in crate::api::grpc) fn role_from_proto(role: i32) -> Result<Role, EngineError> {
    match v1::Role::try_from(role) {
        Ok(v1::Role::Lookup) => Ok(Role::Lookup),
        Ok(v1::Role::Directory) => Ok(Role::Directory),
        Ok(v1::Role::Viewer) => Ok(Role::Viewer),
        Ok(v1::Role::Operator) => Ok(Role::Operator),
        Ok(v1::Role::Admin) => Ok(Role::Admin),
        Ok(v1::Role::Unspecified) | Err(_) => {
            Err(bad("role", format!("is {role}; a role is expected, 1 to 5")))
        }
    }
}

pub(crate) fn role_to_proto(role: Role) -> v1::Role {
    match role {
        Role::Lookup => v1::Role::Lookup,
        Role::Directory => v1::Role::Directory,
        Role::Viewer => v1::Role::Viewer,
        Role::Operator => v1::Role::Operator,
        Role::Admin => v1::Role::Admin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_named_alike_and_come_back() {
        for role in Role::ALL {
            let proto = role_to_proto(role);
            assert_eq!(proto.as_str_name(), format!("ROLE_{}", role.name().to_uppercase()));
            let request =
                v1::CreateTokenRequest { name: "a".into(), role: proto.into(), ..Default::default() };
            assert_eq!(new_token(request, String::new()).unwrap().role, role);
        }
    }

    #[test]
    fn a_token_expires_when_the_contract_can_say_it() {
        let made = |seconds, nanos| {
            let expires_at = Some(prost_types::Timestamp { seconds, nanos });
            let (name, role) = ("a".into(), v1::Role::Lookup.into());
            new_token(v1::CreateTokenRequest { name, role, expires_at }, String::new())
        };
        assert_eq!(made(253_402_300_799, 0).unwrap().expires_at, Some(jiff::Timestamp::MAX));
        for (seconds, nanos) in [(4_000_000_000, -5), (253_402_300_800, 0), (i64::MIN, 0)] {
            let message = made(seconds, nanos).unwrap_err().to_string();
            assert!(
                message.starts_with("expires_at: is ") && message.contains("years 1 to 9999"),
                "{message}"
            );
        }
    }
}

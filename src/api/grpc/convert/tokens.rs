//! Tokens.

use jiff::Timestamp;

use super::timestamp;
use crate::access::{NewToken, Role, TokenRecord};
use crate::api::grpc::request::bad;
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
    let role = match v1::Role::try_from(role) {
        Ok(v1::Role::Lookup) => Role::Lookup,
        Ok(v1::Role::Directory) => Role::Directory,
        Ok(v1::Role::Viewer) => Role::Viewer,
        Ok(v1::Role::Operator) => Role::Operator,
        Ok(v1::Role::Admin) => Role::Admin,
        Ok(v1::Role::Unspecified) | Err(_) => {
            return Err(bad("role", format!("is {role}; a role is expected, 1 to 5")));
        }
    };
    let time = |at: prost_types::Timestamp| {
        Timestamp::new(at.seconds, at.nanos).map_err(|error| bad("expires_at", error.to_string()))
    };
    Ok(NewToken { name, role, expires_at: expires_at.map(time).transpose()?, created_by })
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
}

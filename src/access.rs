//! Who may do what: roles and what they permit, tokens, and who is asking.
//!
//! Plain types that every room may use; nothing here knows gRPC, HTTP or the store. A door names the
//! [`Permission`] that each of its requests takes, asks [`Tokens::check`] who is asking, and lets [`Role::may`] decide.
//! People who log in to the console have a [`Role`] as tokens do.
//!
//! A token is checked from memory: one load of a table that is replaced as a whole, one hash, one comparison in
//! constant time. No lock, no I/O, no allocation, because calls are checked too.

mod caller;
mod role;
mod secret;
mod tokens;

pub use caller::{Caller, Peer, one_address};
pub use role::{Permission, Role};
pub use secret::{TokenDigest, TokenId, TokenSecret, bearer};
pub use tokens::{NewToken, Refusal, Token, TokenRecord, Tokens};

/// Longest name of a token, in characters.
pub const MAX_TOKEN_NAME_CHARACTERS: usize = 63;

/// Most tokens there can be; each is in memory.
pub const MAX_TOKENS: usize = 1000;

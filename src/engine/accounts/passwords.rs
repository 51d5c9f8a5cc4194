//! Passwords and tokens.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};

/// By Argon2id with the parameters of OWASP's recommendation, which are the library's own: 19 MiB, 2 passes.
pub(super) fn hash(password: &str) -> Result<String, String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| format!("could not be hashed: {error}"))
}

/// What a password is held against when there is no such user, so that it takes as long.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash(&new_token()).ok());

/// Whether a password is the one that was hashed. Without a hash it takes as long and is not.
pub(super) fn is_right(password: &str, hash: Option<&str>) -> bool {
    let held_against = hash.or(NOBODY.as_deref()).unwrap_or_default();
    let is_right = PasswordHash::new(held_against)
        .is_ok_and(|held| Argon2::default().verify_password(password.as_bytes(), &held).is_ok());
    is_right && hash.is_some()
}

/// 256 random bits in hexadecimal.
pub(super) fn new_token() -> String {
    let mut bytes = [0_u8; 32];
    // The system's generator does not fail once it has begun; a token that could be guessed is worse than none.
    #[expect(clippy::expect_used, reason = "nothing can be secret without random numbers")]
    aws_lc_rs::rand::fill(&mut bytes).expect("the system gives random numbers");
    blake3::Hash::from_bytes(bytes).to_hex().to_string()
}

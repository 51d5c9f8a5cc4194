//! People who sign in to the console: their names, their roles, what a password has to be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What somebody may do. Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks at everything, changes nothing.
    Viewer,
    /// Synchronises, previews, cancels and rolls back.
    Operator,
    /// Changes settings, makes other users.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

    /// As it is written: `viewer`, `operator`, `admin`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }

    /// What one with this role may do, in a sentence.
    #[must_use]
    pub fn describes(self) -> &'static str {
        match self {
            Role::Viewer => "Looks at everything, changes nothing.",
            Role::Operator => "Also synchronises, previews, cancels and rolls back.",
            Role::Admin => "Also changes settings and manages users.",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Role::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| format!("{text:?} is no role; viewer, operator or admin is expected"))
    }
}

/// Longest name of a user, in characters.
pub const MAX_USER_NAME: usize = 64;

/// Shortest and longest password, in characters. Long ones are welcome; what is longer still is no password
/// but an attempt to keep the server busy.
pub const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 12..=256;

/// What is wrong with the name of a user.
#[must_use]
pub fn user_name_problem(name: &str) -> Option<String> {
    let found = name.chars().count();
    if name.trim().is_empty() {
        Some("is empty; a name such as \"ada\" is expected".to_owned())
    } else if name.trim() != name {
        Some("begins or ends with a space; write it without".to_owned())
    } else if found > MAX_USER_NAME {
        Some(format!("has {found} characters; at most {MAX_USER_NAME} are allowed"))
    } else if name.chars().any(char::is_control) {
        Some("has a control character in it; write it on one line".to_owned())
    } else {
        None
    }
}

/// What is wrong with a password; never the password itself. By length alone, and not the user's name: rules
/// about kinds of characters make worse passwords (NIST SP 800-63B, 3.1.1.2).
#[must_use]
pub fn password_problem(password: &str, user: &str) -> Option<String> {
    let found = password.chars().count();
    let (least, most) = (PASSWORD_CHARACTERS.start(), PASSWORD_CHARACTERS.end());
    if found < *least {
        Some(format!("has {found} characters; at least {least} are needed, several words make a good one"))
    } else if found > *most {
        Some(format!("has {found} characters; at most {most} are allowed"))
    } else if password.chars().all(|c| password.starts_with(c)) {
        Some("is one character again and again; several words make a good one".to_owned())
    } else if !user.is_empty() && password.to_lowercase() == user.to_lowercase() {
        Some("is the user's name; choose something else".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().unwrap_err().contains("viewer, operator or admin"));
    }

    #[test]
    fn short_and_plain_passwords_are_refused_without_being_repeated() {
        for (password, user) in
            [("short", "ada"), ("aaaaaaaaaaaaaaaa", "ada"), ("Ada Lovelace!", "ada lovelace!")]
        {
            let problem = password_problem(password, user).unwrap();
            assert!(!problem.contains(password), "{problem}");
        }
        assert!(password_problem(&"ab".repeat(129), "ada").unwrap().contains("258 characters"));
        assert_eq!(password_problem("correct horse battery", "ada"), None);
    }

    #[test]
    fn names_are_on_one_line() {
        assert_eq!(user_name_problem("Ada Lovelace"), None);
        for name in ["", " ", " ada", "a\nb", &"a".repeat(65)] {
            assert!(user_name_problem(name).is_some(), "{name:?}");
        }
    }
}

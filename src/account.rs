//! People who sign in to the console: their names, their roles, what a password has to be.

use crate::access::{Permission, Role};

/// The roles that a person can have, from what may least to what may most. The others are for programs, which see
/// nothing that there is a page for.
pub const ROLES: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

/// What is wrong with the role of a user.
#[must_use]
pub fn user_role_problem(role: Role) -> Option<String> {
    let names = ROLES.map(Role::name).join(", ");
    let is_wrong = !role.may(Permission::Read);
    is_wrong.then(|| format!("{role} is for tokens of programs; expected one of: {names}"))
}

/// What a person with this role may do, in a sentence.
#[must_use]
pub fn role_description(role: Role) -> &'static str {
    match role {
        Role::Lookup => "Asks about calls.",
        Role::Directory => "Looks into the phonebooks on behalf of extensions.",
        Role::Viewer => "Looks at everything, changes nothing.",
        Role::Operator => "Looks at everything; synchronises, previews, cancels and rolls back.",
        Role::Admin => "Does all that can be done here, settings, users and tokens included.",
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
    fn a_person_has_a_role_with_something_to_look_at() {
        for role in Role::ALL {
            assert_eq!(user_role_problem(role).is_none(), ROLES.contains(&role), "{role}");
        }
        assert!(user_role_problem(Role::Lookup).unwrap().contains("viewer, operator, admin"));
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

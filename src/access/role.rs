//! Roles, and what each permits.

use std::fmt;
use std::str::FromStr;

/// What somebody is there for; it decides what they may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A call handler: who calls, and where does the call go.
    Lookup,
    /// A server of extension users' phones: what each extension may see.
    Directory,
    /// A person or a program that looks at everything and changes nothing.
    Viewer,
    /// Like a viewer, and synchronises: starts, previews, cancels and rolls back runs.
    Operator,
    /// Everything, tokens and users included.
    Admin,
}

/// What a request takes. Each RPC and each page has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Nothing: anybody may ask, without a token. Only whether the server is healthy.
    Open,
    /// Any role: what every client may know, such as the contract.
    Known,
    /// To ask about a call.
    Call,
    /// To look into the phonebooks on behalf of an extension.
    Directory,
    /// To see settings, contacts, runs, decisions.
    Read,
    /// To start, preview, cancel and roll back runs.
    Sync,
    /// To change settings, and what they lead to: which files and servers are read.
    Change,
    /// To give and take access: tokens, users.
    Access,
}

impl Role {
    /// Every role, from what may least to what may most.
    pub const ALL: [Role; 5] = [Role::Lookup, Role::Directory, Role::Viewer, Role::Operator, Role::Admin];

    /// Whether it permits that.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::Open | Permission::Known => true,
            // Whoever sees all contacts and routes may as well ask for one.
            Permission::Call => !matches!(self, Role::Directory),
            Permission::Directory => matches!(self, Role::Directory | Role::Admin),
            Permission::Read => matches!(self, Role::Viewer | Role::Operator | Role::Admin),
            Permission::Sync => matches!(self, Role::Operator | Role::Admin),
            Permission::Change | Permission::Access => matches!(self, Role::Admin),
        }
    }

    /// Its name, as commands, the store and the contract have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Lookup => "lookup",
            Role::Directory => "directory",
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

impl Permission {
    /// The role that may least among those that permit it, to name as a remedy.
    #[must_use]
    pub fn least_role(self) -> Role {
        Role::ALL.into_iter().find(|role| role.may(self)).unwrap_or(Role::Admin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let role = Role::ALL.into_iter().find(|role| role.name() == text);
        role.ok_or_else(|| {
            let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
            format!("{text:?} is no role; expected one of: {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_permit_what_they_are_there_for() {
        use Permission::{Access, Call, Change, Directory, Known, Open, Read, Sync};
        let all = [Open, Known, Call, Directory, Read, Sync, Change, Access];
        let expected: [(Role, &[Permission]); 5] = [
            (Role::Lookup, &[Open, Known, Call]),
            (Role::Directory, &[Open, Known, Directory]),
            (Role::Viewer, &[Open, Known, Call, Read]),
            (Role::Operator, &[Open, Known, Call, Read, Sync]),
            (Role::Admin, &all),
        ];
        for (role, permitted) in expected {
            for permission in all {
                assert_eq!(role.may(permission), permitted.contains(&permission), "{role}, {permission:?}");
            }
        }
    }

    #[test]
    fn the_least_role_is_named_as_a_remedy() {
        assert_eq!(Permission::Call.least_role(), Role::Lookup);
        assert_eq!(Permission::Read.least_role(), Role::Viewer);
        assert_eq!(Permission::Sync.least_role(), Role::Operator);
        assert_eq!(Permission::Directory.least_role(), Role::Directory);
        assert_eq!(Permission::Access.least_role(), Role::Admin);
    }

    #[test]
    fn a_role_is_read_by_its_name() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        let problem = "Admin".parse::<Role>().unwrap_err();
        assert_eq!(
            problem,
            "\"Admin\" is no role; expected one of: lookup, directory, viewer, operator, admin"
        );
    }
}

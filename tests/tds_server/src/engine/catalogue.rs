//! What a database has: schemas, tables and views with their columns as they were declared, users and their rights.
//!
//! SQLite knows five types and no schemas. The declared types live here, and a table `[sales].[contacts]` is the table
//! `"sales.contacts"` of SQLite, so that a view may read tables of several schemas.

use std::collections::{BTreeMap, BTreeSet};

use crate::sql_type::Typed;

/// Names are compared without case.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// A column as it was declared.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) typed: Typed,
    pub(crate) nullable: bool,
    pub(crate) identity: bool,
    pub(crate) computed: bool,
    pub(crate) has_default: bool,
}

/// A table or a view.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) is_view: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) id: i64,
}

impl Object {
    /// Its name in SQLite.
    pub(crate) fn in_sqlite(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        let name = folded(name);
        self.columns.iter().find(|column| folded(&column.name) == name)
    }
}

/// What may be done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    Select,
    Insert,
    Update,
    Delete,
}

impl Right {
    pub(crate) const ALL: [Self; 4] = [Self::Select, Self::Insert, Self::Update, Self::Delete];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// Where a right holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Securable {
    Database,
    Schema(String),
    Object(String, String),
}

/// A user of one database.
#[derive(Debug, Clone, Default)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) login: Option<String>,
    pub(crate) default_schema: Option<String>,
    pub(crate) roles: BTreeSet<String>,
    pub(crate) granted: BTreeSet<(Right, Securable)>,
    pub(crate) denied: BTreeSet<(Right, Securable)>,
}

/// Who is asking, in one database.
#[derive(Debug, Clone)]
pub(crate) enum Principal {
    /// May do everything.
    Owner,
    /// May do what the user of this name was granted.
    User(String),
}

/// Everything of one database but the rows.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    schemas: BTreeMap<String, String>,
    objects: BTreeMap<(String, String), Object>,
    users: BTreeMap<String, User>,
    next_id: i64,
}

impl Default for Catalogue {
    fn default() -> Self {
        let mut schemas = BTreeMap::new();
        for name in ["dbo", "guest", "INFORMATION_SCHEMA", "sys"] {
            schemas.insert(folded(name), name.to_owned());
        }
        Self { schemas, objects: BTreeMap::new(), users: BTreeMap::new(), next_id: 901_578_250 }
    }
}

impl Catalogue {
    pub(crate) fn schema(&self, name: &str) -> Option<&str> {
        self.schemas.get(&folded(name)).map(String::as_str)
    }

    pub(crate) fn schemas(&self) -> impl Iterator<Item = &str> {
        self.schemas.values().map(String::as_str)
    }

    pub(crate) fn add_schema(&mut self, name: &str) {
        self.schemas.insert(folded(name), name.to_owned());
    }

    pub(crate) fn remove_schema(&mut self, name: &str) {
        self.schemas.remove(&folded(name));
    }

    pub(crate) fn object(&self, schema: &str, name: &str) -> Option<&Object> {
        self.objects.get(&(folded(schema), folded(name)))
    }

    pub(crate) fn object_mut(&mut self, schema: &str, name: &str) -> Option<&mut Object> {
        self.objects.get_mut(&(folded(schema), folded(name)))
    }

    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    pub(crate) fn add_object(&mut self, mut object: Object) {
        object.id = self.next_id;
        self.next_id += 16;
        self.objects.insert((folded(&object.schema), folded(&object.name)), object);
    }

    pub(crate) fn remove_object(&mut self, schema: &str, name: &str) -> Option<Object> {
        let securable = Securable::Object(folded(schema), folded(name));
        for user in self.users.values_mut() {
            user.granted.retain(|(_, on)| *on != securable);
            user.denied.retain(|(_, on)| *on != securable);
        }
        self.objects.remove(&(folded(schema), folded(name)))
    }

    /// The object keeps its rights under the new name.
    pub(crate) fn rename_object(&mut self, schema: &str, old: &str, new: &str) {
        let Some(mut object) = self.objects.remove(&(folded(schema), folded(old))) else { return };
        new.clone_into(&mut object.name);
        self.objects.insert((folded(schema), folded(new)), object);
        let (before, after) =
            (Securable::Object(folded(schema), folded(old)), Securable::Object(folded(schema), folded(new)));
        for user in self.users.values_mut() {
            for rights in [&mut user.granted, &mut user.denied] {
                for right in Right::ALL {
                    if rights.remove(&(right, before.clone())) {
                        rights.insert((right, after.clone()));
                    }
                }
            }
        }
    }

    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(&folded(name))
    }

    pub(crate) fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        self.users.get_mut(&folded(name))
    }

    pub(crate) fn user_of_login(&self, login: &str) -> Option<&User> {
        self.users.values().find(|user| user.login.as_deref().is_some_and(|of| folded(of) == folded(login)))
    }

    pub(crate) fn add_user(&mut self, user: User) {
        self.users.insert(folded(&user.name), user);
    }

    pub(crate) fn remove_user(&mut self, name: &str) -> bool {
        self.users.remove(&folded(name)).is_some()
    }

    /// Whether somebody may do this with an object. A denial wins.
    pub(crate) fn may(&self, who: &Principal, right: Right, schema: &str, name: &str) -> bool {
        let user = match who {
            Principal::Owner => return true,
            Principal::User(name) => match self.user(name) {
                Some(user) => user,
                None => return false,
            },
        };
        let on = [
            Securable::Object(folded(schema), folded(name)),
            Securable::Schema(folded(schema)),
            Securable::Database,
        ];
        let has = |rights: &BTreeSet<(Right, Securable)>| {
            on.iter().any(|securable| rights.contains(&(right, securable.clone())))
        };
        let by_role = user.roles.contains("db_owner")
            || match right {
                Right::Select => user.roles.contains("db_datareader"),
                _ => user.roles.contains("db_datawriter"),
            };
        !has(&user.denied) && (by_role || has(&user.granted))
    }

    /// Whether somebody may see that an object exists.
    pub(crate) fn may_see(&self, who: &Principal, schema: &str, name: &str) -> bool {
        Right::ALL.iter().any(|right| self.may(who, *right, schema, name))
    }

    /// Whether somebody may change what there is.
    pub(crate) fn is_owner(&self, who: &Principal) -> bool {
        match who {
            Principal::Owner => true,
            Principal::User(name) => self
                .user(name)
                .is_some_and(|user| user.roles.contains("db_owner") || user.roles.contains("db_ddladmin")),
        }
    }
}

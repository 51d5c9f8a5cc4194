//! Inbound routes: added, changed, moved, deleted.

use super::{Edited, Editor, check_etag, is_same_name, not_found};
use crate::engine::EngineError;
use crate::settings::{InboundRoute, Settings};
use crate::store::RemovedSources;

impl Editor<'_> {
    /// Adds an inbound route at a position from 1; 0, or a position beyond the last, adds it at the end.
    pub fn create_route(&self, route: InboundRoute, position: usize) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let routes = &mut settings.inbound_routes;
            if routes.iter().any(|other| is_same_name(&other.name, &route.name)) {
                return Err(EngineError::AlreadyExists { what: "inbound route", name: route.name });
            }
            insert_at(routes, route, position);
            Ok(())
        })
    }

    /// Replaces an inbound route; it keeps its position.
    pub fn update_route(
        &self,
        name: &str,
        route: InboundRoute,
        expected: &str,
    ) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let place = find_route(settings, name)?;
            check_etag(expected, &settings.inbound_routes[place], "inbound route", name)?;
            let is_taken = |other: &InboundRoute| is_same_name(&other.name, &route.name);
            if !is_same_name(name, &route.name) && settings.inbound_routes.iter().any(is_taken) {
                return Err(EngineError::AlreadyExists { what: "inbound route", name: route.name });
            }
            settings.inbound_routes[place] = route;
            Ok(())
        })
    }

    /// Deletes an inbound route.
    pub fn delete_route(&self, name: &str, expected: &str) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let place = find_route(settings, name)?;
            check_etag(expected, &settings.inbound_routes[place], "inbound route", name)?;
            settings.inbound_routes.remove(place);
            Ok(())
        })
    }

    /// Moves an inbound route to a position from 1; 0, or a position beyond the last, moves it to the end.
    pub fn move_route(&self, name: &str, position: usize) -> Result<Edited<()>, EngineError> {
        self.edit(RemovedSources::Refuse, |_, settings| {
            let place = find_route(settings, name)?;
            let route = settings.inbound_routes.remove(place);
            insert_at(&mut settings.inbound_routes, route, position);
            Ok(())
        })
    }
}

/// Inserts at a position from 1; 0, or a position beyond the last, is the end.
fn insert_at(routes: &mut Vec<InboundRoute>, route: InboundRoute, position: usize) {
    let place = if position == 0 { routes.len() } else { (position - 1).min(routes.len()) };
    routes.insert(place, route);
}

fn find_route(settings: &Settings, name: &str) -> Result<usize, EngineError> {
    let place = settings.inbound_routes.iter().position(|route| is_same_name(&route.name, name));
    place.ok_or_else(|| not_found("inbound route", name))
}

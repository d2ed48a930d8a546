//! From a method and a canonical path to a route.

use std::collections::HashMap;

use http::Method;
use matchit::{InsertError, Router};

use super::fold::{fold, fold_template};
use super::{Route, SharedRoute};
use crate::config::Methods;

/// Every route, by host, method and path.
#[derive(Default)]
pub(crate) struct Table {
    routes: Vec<SharedRoute>,
    any_host: Paths,
    hosts: HashMap<String, Paths>,
}

/// What a request reaches.
pub(crate) enum Found<'a> {
    /// This route.
    Route(&'a SharedRoute),
    /// Nothing is configured there.
    Nothing,
    /// Written like this it is one route, and a lax upstream would serve the other, paid one.
    Ambiguous,
}

/// A route that answers what another answers already.
pub(super) struct Shadow {
    /// The index of the other.
    pub(super) other: usize,
}

/// One host's routes. A router per method, because the most specific path that has the method
/// wins, not the most specific path.
#[derive(Default)]
struct Paths {
    named: Vec<(Method, Routers)>,
    other_methods: Routers,
}

#[derive(Default)]
struct Routers {
    exact: Router<usize>,
    folded: Router<usize>,
}

impl Table {
    /// The route of a request. `HEAD` reaches what `GET` does, at the same price.
    pub(crate) fn find(&self, host: &str, method: &Method, path: &str) -> Found<'_> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        if let Some(paths) = self.hosts.get(host) {
            match self.find_in(paths, method, path) {
                Found::Nothing => {}
                found => return found,
            }
        }
        self.find_in(&self.any_host, method, path)
    }

    /// The routes at a path, each once, whatever their methods; those of the host first.
    pub(crate) fn at(&self, host: &str, path: &str) -> impl Iterator<Item = &SharedRoute> {
        let mut found: Vec<usize> = Vec::new();
        for paths in self.hosts.get(host).into_iter().chain([&self.any_host]) {
            let routers = paths.named.iter().map(|(_, routers)| routers).chain([&paths.other_methods]);
            let here = routers.filter_map(|routers| routers.exact.at(path).ok()).map(|found| *found.value);
            let fresh: Vec<usize> = here.filter(|index| !found.contains(index)).collect();
            found.extend(fresh);
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|index| self.routes.get(index))
    }

    /// Every route, in the order of the configuration.
    pub(crate) fn routes(&self) -> &[SharedRoute] {
        &self.routes
    }

    /// Builds a table; on failure, the index of the route that is refused and the one it shadows.
    pub(super) fn build(routes: Vec<Route>) -> Result<Self, (usize, Shadow)> {
        let mut table = Self { routes: routes.into_iter().map(SharedRoute::new).collect(), ..Self::default() };
        let mut hosts: Vec<Option<String>> = table.routes.iter().map(|route| route.host.clone()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        for host in hosts {
            let of_host: Vec<(usize, &SharedRoute)> =
                table.routes.iter().enumerate().filter(|(_, route)| route.host == host).collect();
            let paths = Paths::build(&of_host)?;
            match host {
                None => table.any_host = paths,
                Some(host) => {
                    table.hosts.insert(host, paths);
                }
            }
        }
        Ok(table)
    }

    fn find_in(&self, paths: &Paths, method: &Method, path: &str) -> Found<'_> {
        let routers =
            paths.named.iter().find(|(named, _)| named == method).map_or(&paths.other_methods, |(_, routers)| routers);
        let exact = routers.exact.at(path).ok().map(|found| *found.value);
        let folded = fold(path);
        if folded != path {
            let lax = routers.folded.at(&folded).ok().map(|found| *found.value);
            if lax != exact && lax.and_then(|index| self.routes.get(index)).is_some_and(|route| route.paid.is_some()) {
                return Found::Ambiguous;
            }
        }
        exact.and_then(|index| self.routes.get(index)).map_or(Found::Nothing, Found::Route)
    }
}

impl Paths {
    fn build(routes: &[(usize, &SharedRoute)]) -> Result<Self, (usize, Shadow)> {
        let mut methods: Vec<Method> = Vec::new();
        for (_, route) in routes {
            if let Methods::These(these) = &route.pattern.methods {
                methods.extend(these.iter().filter(|method| !methods.contains(method)).cloned().collect::<Vec<_>>());
            }
        }
        let mut paths = Self::default();
        for method in methods {
            let answered = routes.iter().filter(|(_, route)| match &route.pattern.methods {
                Methods::Any => true,
                Methods::These(these) => these.contains(&method),
            });
            let routers = Routers::build(answered.copied())?;
            paths.named.push((method, routers));
        }
        let any = routes.iter().filter(|(_, route)| route.pattern.methods == Methods::Any);
        paths.other_methods = Routers::build(any.copied())?;
        Ok(paths)
    }
}

impl Routers {
    fn build<'a>(routes: impl Iterator<Item = (usize, &'a SharedRoute)>) -> Result<Self, (usize, Shadow)> {
        // A route for named methods beats one for `*` on the same path, so it goes first.
        let mut routes: Vec<_> = routes.collect();
        routes.sort_by_key(|(_, route)| route.pattern.methods == Methods::Any);
        let mut routers = Self::default();
        let mut inserted: Vec<(String, usize, bool)> = Vec::new();
        for (index, route) in routes {
            let any = route.pattern.methods == Methods::Any;
            for path in spellings(&route.pattern.path) {
                match routers.exact.insert(path.clone(), index) {
                    Ok(()) => inserted.push((path.clone(), index, any)),
                    Err(InsertError::Conflict { with }) => {
                        let (other, same_kind) = inserted
                            .iter()
                            .find(|(path, ..)| *path == with)
                            .map_or((index, true), |(_, other, other_any)| (*other, *other_any == any));
                        if same_kind && other != index {
                            return Err((index, Shadow { other }));
                        }
                    }
                    Err(_) => return Err((index, Shadow { other: index })),
                }
                // Foldings that meet are decided by the exact router; the first one stands for both.
                let _ = routers.folded.insert(fold_template(&path), index);
            }
        }
        Ok(routers)
    }
}

/// `/files/{*rest}` answers `/files` and `/files/` too.
fn spellings(path: &str) -> Vec<String> {
    let mut spellings = vec![path.to_owned()];
    if let Some(start) = path.find("/{*") {
        let base = path.get(..start).unwrap_or_default();
        spellings.push(format!("{base}/"));
        if !base.is_empty() {
            spellings.push(base.to_owned());
        }
    }
    spellings
}

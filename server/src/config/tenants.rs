//! Who calls, and on which terms: what all tenants have, and the tables of single ones.

use super::file::{Entry, File};
use super::settings::{Settings, cap, limit};
use cloudindex_server::auth::KeyOption;
use cloudindex_server::throttle::Allowances;
use cloudindex_wire::Quota;
use std::collections::{BTreeMap, BTreeSet};

/// A `[[tenant]]` of the file.
#[derive(Debug)]
pub struct Table {
    pub line: usize,
    pub entries: BTreeMap<String, Entry>,
}

/// A tenant, its keys, and what it may.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub name: String,
    pub keys: Vec<String>,
    pub terms: Terms,
}

/// What a tenant may hold, and how often it may call.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub quota: Quota,
    pub allowances: Allowances,
}

impl Terms {
    /// Those of tenants without a table.
    pub fn usual(settings: &Settings) -> Self {
        let quota = Quota {
            max_documents: settings.quota_documents,
            max_bytes: settings.quota_bytes,
            max_batches: settings.quota_batches,
        };
        Terms { quota, allowances: Allowances { calls: settings.rate_limit, searches: settings.search_rate_limit } }
    }
}

/// All tenants that have a key, or a table.
pub fn all(settings: &Settings, file: &File) -> Result<Vec<Tenant>, String> {
    let usual = Terms::usual(settings);
    let mut tenants: Vec<Tenant> = Vec::new();
    for table in &file.tenants {
        let tenant = read(table, usual).map_err(|(line, what)| file.wrong(line, what))?;
        if tenants.iter().any(|other| other.name == tenant.name) {
            return Err(file.wrong(table.line, format!("there is a tenant {:?} above", tenant.name)));
        }
        tenants.push(tenant);
    }
    for KeyOption { key, tenant: name } in &settings.api_key {
        add(&mut tenants, name, key.clone(), usual);
    }
    let mut seen = BTreeSet::new();
    for tenant in &tenants {
        for key in &tenant.keys {
            // Not the key itself: logs are read by many.
            if !seen.insert(key) {
                return Err(format!("a key of tenant {:?} is given twice; each key is of one tenant", tenant.name));
            }
        }
    }
    Ok(tenants)
}

/// Gives a tenant another key.
pub fn add(tenants: &mut Vec<Tenant>, name: &str, key: String, usual: Terms) {
    match tenants.iter_mut().find(|tenant| tenant.name == name) {
        Some(tenant) => tenant.keys.push(key),
        None => tenants.push(Tenant { name: name.into(), keys: vec![key], terms: usual }),
    }
}

fn read(table: &Table, usual: Terms) -> Result<Tenant, (usize, String)> {
    let (mut name, mut keys, mut terms) = (None, Vec::new(), usual);
    let Terms { quota, allowances } = &mut terms;
    for (field, Entry { line, values }) in &table.entries {
        let wrong = |what: String| (*line, format!("{field}: {what}"));
        let one = || match values.as_slice() {
            [one] => Ok(one.as_str()),
            _ => Err(wrong("it takes one value".into())),
        };
        let number = || cap(one()?).map_err(wrong);
        let rate = || limit(one()?).map_err(wrong);
        match field.as_str() {
            "name" => name = Some(one()?.to_owned()),
            "keys" => keys.clone_from(values),
            "quota-documents" => quota.max_documents = number()?,
            "quota-bytes" => quota.max_bytes = number()?,
            "quota-batches" => quota.max_batches = number()?,
            "rate-limit" => allowances.calls = rate()?,
            "search-rate-limit" => allowances.searches = rate()?,
            _ => {
                let known = "name, keys, quota-documents, quota-bytes, quota-batches, rate-limit and search-rate-limit";
                return Err((*line, format!("a tenant has no {field:?}; it may have {known}")));
            }
        }
    }
    let name = name.ok_or((table.line, "a tenant needs a name".to_owned()))?;
    let clean = |part: &str| KeyOption::parse(part).is_ok_and(|option| option.key == part);
    if !clean(&name) || !keys.iter().all(|key| clean(key)) {
        return Err((table.line, "name and keys are printable ASCII, without spaces and =".into()));
    }
    Ok(Tenant { name, keys, terms })
}

//! The file of settings: keys and values as text with their lines, so that the table of settings reads them as it reads flags, and
//! says where something is wrong.

use super::tenants::Table;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value, which may be a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub line: usize,
    pub values: Vec<String>,
}

/// What a file says.
#[derive(Debug, Default)]
pub struct File {
    /// Its name, for messages.
    pub name: String,
    pub entries: BTreeMap<String, Entry>,
    pub tenants: Vec<Table>,
}

impl File {
    /// Reads a file; errors name it and the line.
    pub fn open(path: &Path) -> Result<File, String> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| format!("--config {name}: {error}"))?;
        Reader { name: &name, text: &text }.file()
    }

    /// An error at a line.
    pub fn wrong(&self, line: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{line}: {what}", self.name)
    }
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        1 + self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count()
    }

    fn wrong(&self, at: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.name, self.line(at))
    }

    fn file(&self) -> Result<File, String> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.wrong(at, error.message())
        })?;
        let mut file = File { name: self.name.into(), ..File::default() };
        for (key, value) in table.get_ref() {
            let name = key.get_ref().to_string();
            match (name.as_str(), value.get_ref()) {
                ("tenant", DeValue::Array(tables)) => {
                    file.tenants = tables.iter().map(|table| self.tenant(table)).collect::<Result<_, _>>()?;
                }
                ("tenant", _) => return Err(self.wrong(key.span().start, "tenants are tables: [[tenant]]")),
                _ => {
                    let entry = self.entry(&name, value)?;
                    file.entries.insert(name, entry);
                }
            }
        }
        Ok(file)
    }

    fn tenant(&self, table: &Spanned<DeValue<'_>>) -> Result<Table, String> {
        let at = table.span().start;
        let DeValue::Table(fields) = table.get_ref() else {
            return Err(self.wrong(at, "a tenant is a table: [[tenant]]"));
        };
        let mut entries = BTreeMap::new();
        for (key, value) in fields {
            let name = key.get_ref().to_string();
            let entry = self.entry(&name, value)?;
            entries.insert(name, entry);
        }
        Ok(Table { line: self.line(at), entries })
    }

    fn entry(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<Entry, String> {
        let at = value.span().start;
        let scalar = |value: &DeValue<'_>| match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
            DeValue::Float(number) => Some(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            _ => None,
        };
        let values = match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|one| scalar(one.get_ref())).collect::<Option<Vec<_>>>(),
            one => scalar(one).map(|one| vec![one]),
        };
        let values = values.ok_or_else(|| {
            self.wrong(at, &format!("{name} takes text, a number, true or false, or a list of those"))
        })?;
        Ok(Entry { line: self.line(at), values })
    }
}

//! The text of `docs/syscalls.md`, from the rows.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Path, ROWS, Row};

/// The whole page, in the order of call numbers.
#[must_use]
pub fn markdown() -> String {
    let mut rows: Vec<&Row> = ROWS.iter().collect();
    rows.sort_by_key(|row| row.number);
    let count = |path| rows.iter().filter(|row| row.path == path).count();
    let mut page = format!(
        "# System calls\n\n\
         Generated from the table in `posix_x/abi/src/table/rows.rs` by `./exo docs`; do not edit.\n\n\
         {} calls: {} Fast, {} Hybrid, {} Legacy. Any other number returns `ENOSYS`.\n\n\
         | number | call | path | arguments | handler | partial |\n|---:|---|---|---|---|---|\n",
        rows.len(),
        count(Path::Fast),
        count(Path::Hybrid),
        count(Path::Legacy),
    );
    for row in rows {
        page.push_str(&line(row));
    }
    page
}

fn line(row: &Row) -> String {
    let args: Vec<String> = row.args.iter().map(|arg| format!("{}: {}", arg.name, plain(arg.type_name))).collect();
    let path = match row.second {
        Some(_) => format!("{:?}, then Hybrid", row.path),
        None => format!("{:?}", row.path),
    };
    let handler = match row.second {
        Some(second) => format!("`{}`, `{second}`", row.handler),
        None => format!("`{}`", row.handler),
    };
    let args = if args.is_empty() { String::new() } else { format!("`{}`", args.join(", ")) };
    format!("| {} | `{}` | {path} | {args} | {handler} | {} |\n", row.number, row.name, row.partial.unwrap_or(""))
}

/// A type without the spaces that compilers differ about.
fn plain(type_name: &str) -> String {
    type_name.chars().filter(|c| *c != ' ').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_a_line() {
        let page = markdown();
        for row in ROWS {
            assert!(page.contains(&format!("| {} | `{}` |", row.number, row.name)));
        }
    }
}

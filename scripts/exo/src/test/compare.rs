//! Checks as the programs print them, and what it means that Linux and Exo-OS print the same.

use super::Tally;
use crate::vm::suite::{End, Outcome};
use std::collections::BTreeMap;

/// What a check line says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Ok,
    NotOk(String),
    Skip,
}

/// The checks in `output`, by name; a name that comes again is told apart by its turn.
fn checks(output: &[u8]) -> BTreeMap<String, Verdict> {
    let mut checks = BTreeMap::new();
    for line in String::from_utf8_lossy(output).lines() {
        let Some((name, verdict)) = parse(line) else { continue };
        let mut key = name.to_owned();
        let mut turn = 1;
        while checks.contains_key(&key) {
            turn += 1;
            key = format!("{name} ({turn})");
        }
        checks.insert(key, verdict);
    }
    checks
}

fn parse(line: &str) -> Option<(&str, Verdict)> {
    let named = |rest: &'static str| {
        line.strip_prefix(rest).map(|rest| rest.split_once(": ").map_or((rest, ""), |(name, why)| (name, why)))
    };
    if let Some((name, why)) = named("not ok ") {
        return Some((name, Verdict::NotOk(why.to_owned())));
    }
    if let Some((name, _)) = named("skip ") {
        return Some((name, Verdict::Skip));
    }
    line.strip_prefix("ok ").map(|name| (name.trim_end(), Verdict::Ok))
}

/// Failures on the host itself: the reference must be sound.
pub fn report_host(reference: &BTreeMap<String, Outcome>, tally: &mut Tally) {
    for (case, outcome) in reference {
        let checks = checks(&outcome.output);
        for (name, verdict) in &checks {
            if let Verdict::NotOk(why) = verdict {
                tally.fail(format!("on Linux: {case} {name}: {why}"));
            }
        }
        let has_failed = checks.values().any(|verdict| matches!(verdict, Verdict::NotOk(_)));
        if outcome.end != End::Exit(0) && !has_failed {
            tally.fail(format!("on Linux: {case} {}", describe(&outcome.end)));
        }
        if checks.is_empty() {
            tally.fail(format!("on Linux: {case} printed no check"));
        }
    }
}

/// Compares a case's outcome in the VM with Linux's: number of checks passed, and the failures.
pub fn case(case: &str, linux: &Outcome, exo: Option<&Outcome>) -> (usize, Vec<String>) {
    let expected = checks(&linux.output);
    let found = exo.map(|outcome| checks(&outcome.output)).unwrap_or_default();
    let end = exo.map_or_else(|| "was not run: the VM ended before it".to_owned(), |outcome| describe(&outcome.end));
    let mut passed = 0;
    let mut failures = Vec::new();
    for (name, verdict) in &expected {
        match (verdict, found.get(name)) {
            (Verdict::NotOk(_), _) | (Verdict::Skip, Some(Verdict::Skip) | None) => {}
            (_, Some(Verdict::Ok)) => passed += 1,
            (_, Some(Verdict::NotOk(why))) => failures.push(format!("{case} {name}: {why}")),
            (Verdict::Ok, Some(Verdict::Skip)) => {
                failures.push(format!("{case} {name}: is skipped here, but not on Linux"))
            }
            (Verdict::Ok, None) => failures.push(format!("{case} {name}: no answer; the program {end}")),
        }
    }
    failures.extend(
        found
            .iter()
            .filter(|(name, _)| !expected.contains_key(*name))
            .map(|(name, _)| format!("{case} {name}: Linux prints no such check")),
    );
    let ends_differ = exo.is_some_and(|outcome| outcome.end != linux.end);
    if failures.is_empty() && ends_differ && linux.end == End::Exit(0) {
        failures.push(format!("{case}: the program {end}"));
    }
    (passed, failures)
}

/// Counts the checks of a script that only the VM runs.
pub fn alone(case: &str, exo: Option<&Outcome>) -> (usize, Vec<String>) {
    let Some(outcome) = exo else { return (0, vec![format!("{case}: was not run: the VM ended before it")]) };
    let checks = checks(&outcome.output);
    let passed = checks.values().filter(|verdict| **verdict == Verdict::Ok).count();
    let mut failures: Vec<String> = checks
        .iter()
        .filter_map(|(name, verdict)| match verdict {
            Verdict::NotOk(why) => Some(format!("{case} {name}: {why}")),
            _ => None,
        })
        .collect();
    if failures.is_empty() && (outcome.end != End::Exit(0) || passed == 0) {
        let text = String::from_utf8_lossy(&outcome.output);
        failures.push(format!(
            "{case}: {} after {passed} checks; its last line: {}",
            describe(&outcome.end),
            text.lines().last().unwrap_or_default()
        ));
    }
    (passed, failures)
}

fn describe(end: &End) -> String {
    match end {
        End::Exit(code) => format!("ended with exit status {code}"),
        End::Signal(signal) => format!("was killed by signal {signal}"),
        End::Timeout => "ran into its time limit".to_owned(),
        End::Lost(reason) => format!("took the VM along: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(output: &str, end: End) -> Outcome {
        Outcome { output: output.as_bytes().to_vec(), end }
    }

    #[test]
    fn equal_lines_pass() {
        let both = outcome("ok a\nok b\n", End::Exit(0));
        assert_eq!(case("t", &both, Some(&both)), (2, vec![]));
    }

    #[test]
    fn a_missing_line_names_how_the_program_ended() {
        let (passed, failures) =
            case("t", &outcome("ok a\nok b\n", End::Exit(0)), Some(&outcome("ok a\n", End::Signal(11))));
        assert_eq!(passed, 1);
        assert_eq!(failures, ["t b: no answer; the program was killed by signal 11"]);
    }

    #[test]
    fn a_case_that_was_not_reached_fails_every_check() {
        assert_eq!(case("t", &outcome("ok a\nok b\n", End::Exit(0)), None).1.len(), 2);
    }

    #[test]
    fn what_linux_skips_may_be_skipped() {
        let (passed, failures) = case(
            "t",
            &outcome("skip a: not root\nok b\n", End::Exit(0)),
            Some(&outcome("skip a: x\nok b\n", End::Exit(0))),
        );
        assert_eq!((passed, failures.len()), (1, 0));
    }

    #[test]
    fn not_ok_carries_its_reason() {
        let (_, failures) =
            case("t", &outcome("ok a\n", End::Exit(0)), Some(&outcome("not ok a: EINVAL\n", End::Exit(1))));
        assert_eq!(failures, ["t a: EINVAL"]);
    }

    #[test]
    fn a_wrong_exit_status_is_a_failure_of_its_own() {
        let (_, failures) = case("t", &outcome("ok a\n", End::Exit(0)), Some(&outcome("ok a\n", End::Signal(6))));
        assert_eq!(failures, ["t: the program was killed by signal 6"]);
    }

    #[test]
    fn a_repeated_name_counts_each_time() {
        let both = outcome("ok a\nok a\n", End::Exit(0));
        assert_eq!(case("t", &both, Some(&both)).0, 2);
    }
}

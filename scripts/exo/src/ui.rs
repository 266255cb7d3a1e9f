//! Progress on stderr: a spinner with the latest line of output on a terminal, one line for a finished step otherwise.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// A step of work that takes long enough to be shown. Dropped without [`Step::done`] it vanishes.
pub struct Step {
    bar: Option<ProgressBar>,
    line: String,
    started: Instant,
}

impl Step {
    /// Begins to show that `what` is being built.
    pub fn build(what: &str) -> Self {
        Self::start("Building", "built", what)
    }

    /// Begins to show that `what` is being installed.
    pub fn install(what: &str) -> Self {
        Self::start("Installing", "installed", what)
    }

    fn start(now: &str, later: &str, what: &str) -> Self {
        let bar = stderr().is_terminal().then(|| spinner(&format!("{now} {what}")));
        Self { bar, line: format!("{later} {what}"), started: Instant::now() }
    }

    /// Shows the latest line of the step's output beside its name.
    pub fn note(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(line.trim().chars().take(120).collect::<String>());
        }
    }

    /// Ends the step and leaves one line behind.
    pub fn done(mut self) {
        let took = self.started.elapsed();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let took = match took.as_secs() {
            0..60 => format!("{:.1} s", took.as_secs_f32()),
            seconds => format!("{} min {} s", seconds / 60, seconds % 60),
        };
        eprintln!("exo: {} ({took})", self.line);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn spinner(name: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {wide_msg:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style).with_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

//! The VM: one QEMU process for each job, its channels, and what became of the job.
//!
//! A program's streams travel over three virtio consoles, each a socket on the host: data (stdin and stdout), errors
//! (stderr), control (lines). The kernel's log travels over the second serial port. Life of a run: [`machine`] writes
//! the command line, [`process`] starts QEMU and accepts its sockets, one of [`program`], [`shell`] and [`suite`]
//! carries the job through, [`verdict`] explains an end that the job did not announce.

pub mod machine;
pub mod process;
pub mod program;
pub mod shell;
pub mod suite;
pub mod verdict;

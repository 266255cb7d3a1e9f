//! In-kernel tests of this crate: they run in the first process, with the scheduler, the tree and the devices at work.

use crate::credentials::Credentials;
use crate::io::{SliceSink, SliceSource};
use crate::pipe::{DEFAULT_CAPACITY, PIPE_BUF, capacity, pipe, set_capacity};
use crate::poll::{self, Entry, Timeout};
use crate::task::ExitStatus;
use crate::time::{Duration, now};
use crate::vfs::{self, File, LookupContext, OpenHow};
use crate::{log as kernel_log, random, sched, task};
use abi::Errno;
use abi::flags::{OpenFlags, PollEvents};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use kernel_arch::{frame, ktests};
use kernel_sync::{Once, rcu};

/// The tests, in the order in which they run.
pub const TESTS: &[kernel_arch::ktest::Test] = ktests![
    small_writes_to_a_pipe_merge_and_stay_in_order,
    a_pipe_holds_its_capacity_in_bytes,
    packets_keep_their_borders,
    a_pipe_in_use_does_not_shrink_below_its_bytes,
    a_pipe_without_writers_ends_and_polls_as_hung_up,
    threads_pass_a_token_through_pipes,
    poll_wakes_when_bytes_come,
    poll_gives_up_at_its_deadline,
    pipes_give_their_frames_back,
    zero_reads_as_zeros_and_full_takes_nothing,
    random_bytes_differ,
    the_log_keeps_what_was_said,
];

fn new_pipe(flags: OpenFlags) -> (Arc<File>, Arc<File>) {
    pipe(&Credentials::root(), flags).expect("memory for a pipe")
}

fn write(file: &File, bytes: &[u8]) -> Result<usize, Errno> {
    file.write(&mut SliceSource::new(bytes))
}

fn read(file: &File, len: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; len];
    let count = file.read(&mut SliceSink::new(&mut bytes))?;
    bytes.truncate(count);
    Ok(bytes)
}

fn small_writes_to_a_pipe_merge_and_stay_in_order() {
    let (reader, writer) = new_pipe(OpenFlags::NONBLOCK);
    let all: Vec<u8> = (0..10_000u32).map(|n| n.to_le_bytes()[0]).collect();
    for chunk in all.chunks(7) {
        assert_eq!(write(&writer, chunk), Ok(chunk.len()));
    }
    let mut back = Vec::new();
    while back.len() < all.len() {
        back.extend(read(&reader, 333).expect("bytes are left"));
    }
    assert!(back == all);
    assert_eq!(read(&reader, 1), Err(Errno::EAGAIN));
}

fn a_pipe_holds_its_capacity_in_bytes() {
    let (reader, writer) = new_pipe(OpenFlags::NONBLOCK);
    let mut held = 0;
    while write(&writer, b"x") == Ok(1) {
        held += 1;
    }
    assert_eq!(held, DEFAULT_CAPACITY);
    assert_eq!(read(&reader, PIPE_BUF - 1).map(|bytes| bytes.len()), Ok(PIPE_BUF - 1));
    // A write of up to PIPE_BUF bytes is whole or not at all; a longer one may be cut.
    assert_eq!(write(&writer, &[0; PIPE_BUF]), Err(Errno::EAGAIN));
    assert_eq!(write(&writer, &[0; PIPE_BUF + 1]), Ok(PIPE_BUF - 1));
}

fn packets_keep_their_borders() {
    let (reader, writer) = new_pipe(OpenFlags::NONBLOCK | OpenFlags::DIRECT);
    assert_eq!(write(&writer, b"one"), Ok(3));
    assert_eq!(write(&writer, b"second"), Ok(6));
    assert_eq!(read(&reader, 100).as_deref(), Ok(&b"one"[..]));
    // What a read leaves of a packet is lost.
    assert_eq!(read(&reader, 2).as_deref(), Ok(&b"se"[..]));
    assert_eq!(read(&reader, 100), Err(Errno::EAGAIN));
}

fn a_pipe_in_use_does_not_shrink_below_its_bytes() {
    let (reader, writer) = new_pipe(OpenFlags::NONBLOCK);
    let root = Credentials::root();
    assert_eq!(write(&writer, &[7; 10_000]), Ok(10_000));
    assert_eq!(set_capacity(&writer, 4096, &root), Err(Errno::EBUSY));
    assert_eq!(set_capacity(&writer, 200_000, &root), Ok(1 << 18));
    assert_eq!(capacity(&reader), Ok(1 << 18));
    assert_eq!(read(&reader, 20_000), Ok(vec![7; 10_000]));
}

fn a_pipe_without_writers_ends_and_polls_as_hung_up() {
    let (reader, writer) = new_pipe(OpenFlags::empty());
    assert_eq!(write(&writer, b"rest"), Ok(4));
    drop(writer);
    assert_eq!(read(&reader, 10).as_deref(), Ok(&b"rest"[..]));
    assert_eq!(read(&reader, 10).as_deref(), Ok(&b""[..]));
    assert_eq!(reader.poll(&mut poll::PollTable::look()), PollEvents::HUP);
}

/// The ends that the helper threads use.
static HELPER_ENDS: Once<(Arc<File>, Arc<File>)> = Once::new();
static LATE_WRITER: Once<Arc<File>> = Once::new();

const ROUNDS: u32 = 200;

fn threads_pass_a_token_through_pipes() {
    let (reader, far_writer) = new_pipe(OpenFlags::empty());
    let (far_reader, writer) = new_pipe(OpenFlags::empty());
    HELPER_ENDS.call_once(|| (far_reader, far_writer));
    task::spawn_kernel("ktest echo", echo, 0).expect("memory for a thread");
    for round in 0..ROUNDS {
        assert_eq!(write(&writer, &round.to_le_bytes()), Ok(4));
        assert_eq!(read(&reader, 4).as_deref(), Ok(&round.to_le_bytes()[..]));
    }
}

fn echo(_: usize) {
    let (reader, writer) = HELPER_ENDS.get().expect("the test set the ends");
    for _ in 0..ROUNDS {
        let token = read(reader, 4).expect("the test writes");
        assert_eq!(write(writer, &token), Ok(4));
    }
    task::exit_thread(ExitStatus::Exited(0));
}

fn poll_wakes_when_bytes_come() {
    let (reader, writer) = new_pipe(OpenFlags::empty());
    LATE_WRITER.call_once(|| writer);
    task::spawn_kernel("ktest late", write_late, 0).expect("memory for a thread");
    let mut entries = [Entry { file: Some(&*reader), wanted: PollEvents::IN, found: PollEvents::empty() }];
    assert_eq!(poll::wait(&mut entries, Timeout::Never), Ok(1));
    assert_eq!(entries[0].found, PollEvents::IN);
}

fn write_late(_: usize) {
    let writer = LATE_WRITER.get().expect("the test set the end");
    sched::sleep_until(now() + Duration::from_millis(20)).expect("kernel threads get no signals");
    assert_eq!(write(writer, b"!"), Ok(1));
    task::exit_thread(ExitStatus::Exited(0));
}

fn poll_gives_up_at_its_deadline() {
    let (reader, _writer) = new_pipe(OpenFlags::empty());
    let mut entries = [Entry { file: Some(&*reader), wanted: PollEvents::IN, found: PollEvents::empty() }];
    let deadline = now() + Duration::from_millis(20);
    assert_eq!(poll::wait(&mut entries, Timeout::Until(deadline)), Ok(0));
    assert!(now() >= deadline);
}

fn pipes_give_their_frames_back() {
    let use_some = || {
        for _ in 0..100 {
            let (_reader, writer) = new_pipe(OpenFlags::NONBLOCK);
            assert_eq!(write(&writer, &[1; 30_000]), Ok(30_000));
        }
        rcu::synchronize();
    };
    use_some();
    let before = frame::stats().free;
    use_some();
    // Other threads may take or give a few meanwhile.
    assert!(frame::stats().free + 16 >= before, "100 pipes of 8 pages left frames behind");
}

fn open(path: &[u8], flags: OpenFlags) -> Arc<File> {
    let root = vfs::root();
    let credentials = Arc::new(Credentials::root());
    let context = LookupContext { root: root.clone(), cwd: root.clone(), credentials };
    vfs::open_at(&context, &root, path, OpenHow { flags, mode: 0 }).expect("the node is there")
}

fn zero_reads_as_zeros_and_full_takes_nothing() {
    assert_eq!(read(&open(b"/dev/zero", OpenFlags::empty()), 5000), Ok(vec![0; 5000]));
    assert_eq!(read(&open(b"/dev/null", OpenFlags::empty()), 10), Ok(Vec::new()));
    let full = open(b"/dev/full", OpenFlags::RDWR);
    assert_eq!(write(&full, b"x"), Err(Errno::ENOSPC));
}

fn random_bytes_differ() {
    let (mut a, mut b) = ([0; 32], [0; 32]);
    random::fill(&mut a);
    random::fill(&mut b);
    assert!(a != b && a != [0; 32]);
    assert_ne!(random::word(), random::word());
}

fn the_log_keeps_what_was_said() {
    log::info!("the word of this test is {}", "heliotrope");
    let mut bytes = vec![0; 4096];
    let count = kernel_log::read_last(&mut bytes);
    let text = core::str::from_utf8(&bytes[..count]).expect("lines are text");
    assert!(text.starts_with('<') && text.ends_with('\n'));
    assert!(text.contains("tests: the word of this test is heliotrope"));
}

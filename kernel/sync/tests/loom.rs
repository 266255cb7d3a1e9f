//! Every interleaving of small programs over the ring, the wait queue and RCU, by the loom model checker:
//! `RUSTFLAGS="--cfg loom" cargo test -p kernel-sync --release --test loom`.
#![cfg(loom)]

use kernel_sync::rcu::Domain;
use kernel_sync::ring::{FusionRing, Inline, Message};
use kernel_sync::{Mutex, Rank, Wait, WaitQueue};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

fn explore(preemptions: usize, program: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(program);
}

#[test]
fn ring_delivers_each_message_once_and_in_order() {
    explore(3, || {
        let ring = Arc::new(FusionRing::<()>::with_slots(2).unwrap());
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || {
                for word in 1..=3 {
                    let mut message = Message::Control(word);
                    while let Err(back) = ring.push(message, 0) {
                        message = back;
                        thread::yield_now();
                    }
                }
            })
        };
        for expected in 1..=3 {
            let word = loop {
                match ring.pop() {
                    Some((Message::Control(word), _)) => break word,
                    Some(_) => panic!("another kind"),
                    None => thread::yield_now(),
                }
            };
            assert_eq!(word, expected);
        }
        writer.join().unwrap();
        assert!(ring.pop().is_none());
    });
}

#[test]
fn ring_with_two_writers_loses_nothing() {
    explore(2, || {
        let ring = Arc::new(FusionRing::<()>::with_slots(2).unwrap());
        let writers: Vec<_> = [1u8, 2]
            .into_iter()
            .map(|byte| {
                let ring = ring.clone();
                thread::spawn(move || {
                    let message = Message::Inline(Inline::new(&[byte]).unwrap());
                    assert!(ring.push(message, 0).is_ok());
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        let mut sum = 0;
        while let Some((Message::Inline(inline), _)) = ring.pop() {
            sum += inline.as_bytes()[0];
        }
        assert_eq!(sum, 3);
    });
}

#[test]
fn ring_batch_is_seen_whole_and_in_order() {
    explore(3, || {
        let ring = Arc::new(FusionRing::<()>::with_slots(2).unwrap());
        let writer = {
            let ring = ring.clone();
            thread::spawn(move || assert!(ring.push_batch(&mut vec![Message::Control(1), Message::Control(2)])))
        };
        for expected in [1, 2] {
            let word = loop {
                match ring.pop() {
                    Some((Message::Control(word), _)) => break word,
                    Some(_) => panic!("another kind"),
                    None => thread::yield_now(),
                }
            };
            assert_eq!(word, expected);
        }
        writer.join().unwrap();
    });
}

#[test]
fn no_wake_up_is_lost() {
    explore(3, || {
        let shared = Arc::new((WaitQueue::new(), AtomicBool::new(false)));
        let waker = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(true, Ordering::Release);
                shared.0.wake_one();
            })
        };
        let (queue, flag) = &*shared;
        queue.wait_until(Wait::UNINTERRUPTIBLE, || flag.load(Ordering::Acquire).then_some(())).unwrap();
        waker.join().unwrap();
        assert!(!queue.has_waiters());
    });
}

#[test]
fn one_wake_for_each_of_two_waiters_is_enough() {
    explore(2, || {
        let shared = Arc::new((WaitQueue::new(), AtomicUsize::new(0)));
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let take = || {
                        shared.1.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1)).ok()
                    };
                    shared.0.wait_until(Wait::UNINTERRUPTIBLE, take).unwrap();
                })
            })
            .collect();
        for _ in 0..2 {
            shared.1.fetch_add(1, Ordering::Release);
            shared.0.wake_one();
        }
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

#[test]
fn mutex_excludes_and_wakes() {
    explore(2, || {
        let lock = Arc::new(Mutex::new(Rank::INODE, 0));
        let other = {
            let lock = lock.clone();
            thread::spawn(move || *lock.lock() += 1)
        };
        *lock.lock() += 1;
        other.join().unwrap();
        assert_eq!(*lock.lock(), 2);
    });
}

/// Two places; readers look at the one that `shown` names. Freeing a place is a write, which loom refuses to happen
/// beside a reader's look.
struct Published {
    domain: Domain<2>,
    shown: AtomicUsize,
    places: [UnsafeCell<u32>; 2],
}

#[test]
fn rcu_frees_nothing_under_a_reader() {
    explore(3, || {
        let published = Arc::new(Published {
            domain: Domain::new(),
            shown: AtomicUsize::new(0),
            places: [UnsafeCell::new(7), UnsafeCell::new(8)],
        });
        let reader = {
            let published = published.clone();
            thread::spawn(move || {
                published.domain.enter(1);
                let shown = published.shown.load(Ordering::Acquire);
                published.places[shown].with(|place| {
                    // SAFETY: the read section is open: the place is not freed before it is closed.
                    let value = unsafe { *place };
                    assert!(value == 7 || value == 8);
                });
                published.domain.leave(1);
            })
        };
        published.shown.swap(1, Ordering::AcqRel);
        let retired = published.domain.epoch();
        published.domain.try_advance();
        let now = published.domain.try_advance();
        if Domain::<2>::is_over(retired, now) {
            published.places[0].with_mut(|place| {
                // SAFETY: every read section that could see the place is over.
                unsafe { *place = 0 };
            });
        }
        reader.join().unwrap();
    });
}

use super::*;
use alloc::sync::Arc;

fn inline(bytes: &[u8]) -> Message<Arc<u32>> {
    Message::Inline(Inline::new(bytes).unwrap())
}

fn bytes(message: Message<Arc<u32>>) -> Vec<u8> {
    match message {
        Message::Inline(inline) => inline.as_bytes().to_vec(),
        Message::Page { .. } | Message::Control(_) => panic!("not inline"),
    }
}

#[test]
fn a_full_ring_gives_the_message_back_and_works_for_many_laps() {
    let ring = FusionRing::with_slots(4).unwrap();
    for lap in 0..10u8 {
        for nth in 0..4 {
            assert!(ring.push(inline(&[lap, nth]), nth).is_ok());
        }
        assert_eq!(bytes(ring.push(inline(b"x"), 0).unwrap_err()), b"x");
        for nth in 0..4 {
            let (message, flags) = ring.pop().unwrap();
            assert_eq!((bytes(message), flags), (alloc::vec![lap, nth], nth));
        }
        assert!(ring.pop().is_none());
    }
}

#[test]
fn a_dropped_ring_drops_its_pages() {
    let page = Arc::new(1);
    let ring = FusionRing::with_slots(4).unwrap();
    for _ in 0..2 {
        assert!(ring.push(Message::Page { page: page.clone(), offset: 0, len: 4096 }, 0).is_ok());
    }
    drop(ring.pop());
    assert_eq!(Arc::strong_count(&page), 2);
    drop(ring);
    assert_eq!(Arc::strong_count(&page), 1);
}

#[test]
fn the_last_message_grows_and_the_first_shrinks_in_place() {
    let mut ring = FusionRing::with_slots(2).unwrap();
    assert!(ring.push(inline(b"ab"), 0).is_ok());
    let mut back = ring.back().unwrap();
    if let Content::Inline(room) = back.content() {
        room[2..4].copy_from_slice(b"cd");
    }
    back.set_len(4);
    ring.front().unwrap().consume(1);
    assert_eq!(bytes(ring.pop().unwrap().0), b"bcd");
    assert!(ring.front().is_none() && ring.back().is_none());
}

#[test]
fn a_batch_is_all_or_nothing() {
    let ring = FusionRing::with_slots(4).unwrap();
    let mut batch: Vec<_> = (0..3).map(|n| inline(&[n])).collect();
    assert!(ring.push_batch(&mut batch) && batch.is_empty());
    let mut batch: Vec<_> = (3..5).map(|n| inline(&[n])).collect();
    assert!(!ring.push_batch(&mut batch) && batch.len() == 2);
    assert_eq!(ring.len(), 3);
}

#[test]
fn every_message_of_many_writers_arrives_once() {
    let ring = FusionRing::<Arc<u32>>::with_slots(8).unwrap();
    let sum = core::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for writer in 0..2u64 {
            let ring = &ring;
            scope.spawn(move || {
                for n in 0..5_000 {
                    let mut message = Message::Control(writer * 5_000 + n);
                    while let Err(back) = ring.push(message, 0) {
                        message = back;
                        std::thread::yield_now();
                    }
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let word = loop {
                        match ring.pop() {
                            Some((Message::Control(word), _)) => break word,
                            Some(_) => panic!("not control"),
                            None => std::thread::yield_now(),
                        }
                    };
                    sum.fetch_add(word, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(sum.into_inner(), (0..10_000).sum());
}

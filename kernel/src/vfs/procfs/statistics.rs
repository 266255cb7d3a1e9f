//! `/proc/exo`: figures of this kernel's own parts.

use super::text::{Text, put};
use crate::sched;
use crate::vfs::dentry::cache_statistics;
use abi::Result;
use core::time::Duration;
use kernel_arch::heap;
use kernel_sync::rcu;

/// How often, and how long each time, the frame figures wait for what ended threads and grace periods still hold.
const SETTLE_ROUNDS: usize = 50;
const SETTLE_WAIT: Duration = Duration::from_millis(2);

pub fn frames(text: &mut Text) -> Result<()> {
    for _ in 0..SETTLE_ROUNDS {
        sched::sleep(SETTLE_WAIT);
        if rcu::pending() == 0 {
            break;
        }
    }
    let stats = crate::mm::frame_stats();
    // Before the text below allocates: nothing lies in the heap's lists now.
    let (used, slack) = (stats.total - stats.free, heap::stats().slack_frames());
    put!(text, "total {}\nfree {}\nused {used}\nslack {slack}\nlive {}\n", stats.total, stats.free, used - slack);
    put!(text, "reserve {}\n", stats.reserve);
    put!(text, "cache_hits {}\ncache_misses {}\n", stats.cache_hits, stats.cache_misses);
    put!(text, "zeroed_hits {}\nzeroed_misses {}\nblocks", stats.zeroed_hits, stats.zeroed_misses);
    for count in stats.blocks {
        put!(text, " {count}");
    }
    put!(text, "\n");
    Ok(())
}

pub fn heap(text: &mut Text) -> Result<()> {
    // Objects in use are live ones then, not cached ones.
    heap::trim_everywhere();
    let stats = heap::stats();
    put!(text, "size pages in_use hits misses hit_percent\n");
    for class in stats.classes {
        let percent = percent(class.hits, class.hits + class.misses);
        put!(text, "{} {} {} {} {} {percent}\n", class.size, class.pages, class.in_use, class.hits, class.misses);
    }
    put!(text, "block_frames {}\nblocks {}\n", stats.block_frames, stats.blocks);
    Ok(())
}

pub fn path_cache(text: &mut Text) -> Result<()> {
    let stats = cache_statistics();
    let all = stats.hits + stats.negative_hits + stats.misses;
    put!(text, "hits {}\nnegative_hits {}\nmisses {}\n", stats.hits, stats.negative_hits, stats.misses);
    put!(text, "hit_percent {}\n", percent(stats.hits + stats.negative_hits, all));
    Ok(())
}

pub fn sched(text: &mut Text) -> Result<()> {
    put!(text, "cpu load idle_ms switches steals migrations\n");
    sched::for_each_cpu_stats(|stats| {
        put!(
            text,
            "{} {} {} {} {} {}\n",
            stats.cpu,
            stats.load,
            stats.idle.as_millis(),
            stats.switches,
            stats.steals,
            stats.migrations
        );
    });
    Ok(())
}

fn percent(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(0)
}

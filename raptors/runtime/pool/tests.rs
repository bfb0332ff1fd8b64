//! Pools of their own, apart from the one of the process, which all tests share.

use std::thread;

use super::*;

const MIB: usize = 1 << 20;

fn held(pool: &Pool) -> usize {
    let slots = pool.slots.lock().expect("no test panics within");
    let sum = slots.kept.iter().flatten().map(|kept| kept.block.bytes()).sum();
    assert_eq!(pool.held.load(Ordering::Relaxed), sum, "the count is not what is kept");
    sum
}

/// Gives a new block, and says where it is.
fn given(pool: &Pool, bytes: usize, bound: usize) -> usize {
    let block = Block::of_bytes(bytes);
    let address = block.address();
    pool.give(block, bound);
    address
}

#[test]
fn what_fits_is_taken_and_the_latest_first() {
    let pool = Pool::new();
    let [old, new, larger] = [4 * MIB, 4 * MIB, 5 * MIB].map(|bytes| given(&pool, bytes, 100 * MIB));
    assert_eq!(held(&pool), 13 * MIB);
    let found = |bytes| pool.take(bytes).map(|block| (block.address(), block.bytes()));
    // Too large for what is kept; more than a quarter smaller.
    assert_eq!(found(5 * MIB + 1), None);
    assert_eq!(found(4 * MIB - MIB), None);
    // A quarter smaller than 5 MiB, and all of 4 MiB.
    assert_eq!(found(4 * MIB), Some((larger, 5 * MIB)));
    assert_eq!(found(4 * MIB), Some((new, 4 * MIB)));
    assert_eq!(found(4 * MIB - 100), Some((old, 4 * MIB)));
    assert_eq!(found(4 * MIB), None);
    assert_eq!(held(&pool), 0);
}

#[test]
fn the_bound_holds_and_the_idlest_goes() {
    let pool = Pool::new();
    let bound = 10 * MIB;
    let [first, second, third] = [4 * MIB, 2 * MIB, 4 * MIB].map(|bytes| given(&pool, bytes, bound));
    assert_eq!(held(&pool), bound);
    // Used again, the first is no longer the idlest.
    let mut blocks = [pool.take(4 * MIB), pool.take(4 * MIB)].map(|block| block.expect("there are two"));
    assert_eq!([blocks[0].address(), blocks[1].address()], [third, first]);
    blocks.reverse();
    for block in blocks {
        pool.give(block, bound);
    }
    let fourth = given(&pool, MIB, bound);
    assert_eq!(held(&pool), 9 * MIB, "the one of 2 MiB made room");
    assert!(pool.take(2 * MIB).is_none_or(|block| block.address() != second));
    let fifth = given(&pool, 8 * MIB, bound);
    assert_eq!(held(&pool), 9 * MIB);
    assert_eq!(pool.take(8 * MIB).map(|block| block.address()), Some(fifth));
    assert_eq!(pool.take(MIB).map(|block| block.address()), Some(fourth));
    given(&pool, bound + 1, bound);
    given(&pool, MIB, 0);
    assert_eq!(held(&pool), 0, "larger than the bound is never kept");
}

#[test]
fn more_blocks_than_slots_push_out_the_idlest() {
    let pool = Pool::new();
    let addresses: Vec<_> = (0..SLOTS).map(|_| given(&pool, SMALLEST, usize::MAX)).collect();
    let latest = given(&pool, 2 * SMALLEST, usize::MAX);
    assert_eq!(held(&pool), (SLOTS + 1) * SMALLEST);
    let mut left: Vec<_> = std::iter::from_fn(|| pool.take(SMALLEST)).collect();
    left.reverse();
    assert!(left.iter().map(Block::address).eq(addresses[1..].iter().copied()));
    assert_eq!(pool.take(2 * SMALLEST).map(|block| block.address()), Some(latest));
}

#[test]
fn small_requests_and_an_empty_pool_are_left_to_the_allocator() {
    let pool = Pool::new();
    assert!(pool.take(MIB).is_none());
    given(&pool, SMALLEST, MIB);
    assert!(pool.take(SMALLEST - 1).is_none());
    assert!(pool.evict() && !pool.evict());
    assert_eq!(held(&pool), 0);
}

/// As in a process that was forked while another thread had the lock: nobody will release it.
#[test]
fn a_lock_that_is_never_released_stops_nobody() {
    let pool = Pool::new();
    given(&pool, MIB, 10 * MIB);
    let forever = pool.slots.lock().expect("no test panics within");
    assert!(pool.take(MIB).is_none());
    pool.give(Block::of_bytes(MIB), 10 * MIB);
    assert!(!pool.evict());
    drop(forever);
    assert_eq!(held(&pool), MIB);
}

#[test]
fn many_threads_at_once_lose_nothing() {
    let (pool, bound) = (Pool::new(), MIB);
    thread::scope(|scope| {
        for thread in 0..4 {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..2000 {
                    let bytes = SMALLEST * (1 + (thread + round) % 5);
                    let block = pool.take(bytes).unwrap_or_else(|| Block::of_bytes(bytes));
                    assert!((bytes..=bytes + bytes / 4).contains(&block.bytes()));
                    pool.give(block, bound);
                    assert!(pool.held.load(Ordering::Relaxed) <= bound);
                }
            });
        }
    });
    assert!((SMALLEST..=bound).contains(&held(&pool)));
    while pool.evict() {}
    assert_eq!(held(&pool), 0);
}

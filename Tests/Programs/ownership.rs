// Rust: panics unwound across threads, thread locals with destructors, condition variables, channels,
// scoped threads, stack overflow guarded by its own handler.
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

static DROPPED: AtomicUsize = AtomicUsize::new(0);
struct Guard;
impl Drop for Guard {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}
thread_local!(static LOCAL: RefCell<Vec<Guard>> = RefCell::new(Vec::new()));

fn deep(n: usize) -> usize {
    let _g = Guard;
    if n == 0 {
        panic!("bottom");
    }
    deep(n - 1) + 1
}

fn main() {
    panic::set_hook(Box::new(|_| {}));
    let mut caught = 0;
    for i in 0..100 {
        if panic::catch_unwind(|| deep(i % 20)).is_err() {
            caught += 1;
        }
    }
    println!("caught {} dropped {}", caught, DROPPED.swap(0, Ordering::SeqCst));
    let threads: Vec<_> = (0..20)
        .map(|i| {
            thread::spawn(move || {
                LOCAL.with(|l| for _ in 0..i { l.borrow_mut().push(Guard) });
                if i % 2 == 0 {
                    deep(3);
                }
            })
        })
        .collect();
    let failed = threads.into_iter().map(|t| t.join()).filter(|r| r.is_err()).count();
    println!("panicked {} dropped {}", failed, DROPPED.load(Ordering::SeqCst));

    let pair = Arc::new((Mutex::new(0usize), Condvar::new()));
    let (sender, receiver) = mpsc::channel();
    for i in 0..4 {
        let (pair, sender) = (pair.clone(), sender.clone());
        thread::spawn(move || {
            let (lock, changed) = &*pair;
            for round in 0..100 {
                let mut turn = lock.lock().unwrap();
                while *turn % 4 != i {
                    turn = changed.wait(turn).unwrap();
                }
                *turn += 1;
                changed.notify_all();
                sender.send((round, i)).unwrap();
            }
        });
    }
    drop(sender);
    let sum: usize = receiver.iter().map(|(a, b)| a * 10 + b).sum();
    println!("turns {} sum {}", *pair.0.lock().unwrap(), sum);
    let (lock, changed) = &*pair;
    let start = Instant::now();
    let guard = lock.lock().unwrap();
    let (_guard, timeout) = changed.wait_timeout(guard, Duration::from_millis(20)).unwrap();
    println!("timed out {} {}", timeout.timed_out(), start.elapsed() >= Duration::from_millis(20));

    let map = RwLock::new(BTreeMap::new());
    let barrier = Barrier::new(8);
    thread::scope(|s| {
        for i in 0..8 {
            let (map, barrier) = (&map, &barrier);
            s.spawn(move || {
                barrier.wait();
                for k in 0..200 {
                    map.write().unwrap().insert(k * 8 + i, i);
                    let _ = map.read().unwrap().len();
                }
            });
        }
    });
    println!("map {}", map.read().unwrap().len());
    let r = thread::Builder::new().stack_size(64 << 10).spawn(|| 7).unwrap().join();
    println!("{:?} {:?}", r.unwrap(), "x".parse::<i32>().is_err());
    std::process::exit(4);
}

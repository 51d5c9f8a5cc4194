//! Threads for work that takes long and can wait: they give way to those that answer calls.
//!
//! A sync run keeps every core busy for some seconds. Its threads have a lower priority than the others of the
//! process, so that a call that comes meanwhile is answered first. Where the system knows no priorities of threads,
//! or refuses, the work is done all the same.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::{io, thread};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// How far behind: of 0 to 19, as `nice` has it. A thread at 10 gets a tenth of a core that another one wants.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// From now on the calling thread gives way. It cannot go back.
pub fn give_way() {
    // POSIX has it for a whole process; Linux, and its threads alone, for one thread (nice(2), "C library/kernel
    // differences").
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        static TOLD: std::sync::Once = std::sync::Once::new();
        TOLD.call_once(|| {
            tracing::warn!(%error, "the system does not let synchronisations give way to calls (setpriority), \
                which may take longer while one runs");
        });
    }
}

/// Work on so many things is done between two pauses: some tenths of a millisecond.
const BETWEEN_PAUSES: u64 = 64;

/// Lets a thread that waits for this core have it. Linux lets whoever has a core keep it for a slice of some milliseconds,
/// whatever its priority, unless it says that it need not.
pub fn pause() {
    thread::yield_now();
}

/// [Pauses](pause) now and then; `done` counts things that take some microseconds.
pub fn pause_at(done: u64) {
    if done.is_multiple_of(BETWEEN_PAUSES) {
        pause();
    }
}

/// The same things, each of which takes whoever goes through them some microseconds, with [pauses](pause) between them.
pub fn pausing<T>(things: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    things.into_iter().zip(1..).map(|(thing, number)| {
        pause_at(number);
        thing
    })
}

/// Does work that blocks on a thread of its own. Panics are those of the work.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = oneshot::channel();
    let work = move || {
        give_way();
        let outcome = catch_unwind(AssertUnwindSafe(work));
        // An error says that nobody waits any more.
        let _ = done.send(outcome);
    };
    let started = thread::Builder::new().name("background".to_owned()).spawn(work);
    match result.await {
        Ok(Ok(value)) => value,
        Ok(Err(panicked)) => resume_unwind(panicked),
        // Only if the system gives no thread, of which the runtime's own would die too.
        Err(_) => resume_unwind(Box::new(format!("no thread for work in the background: {started:?}"))),
    }
}

/// Does work that waits as well as computes, on a thread and a runtime of its own.
pub async fn waiting<T: Send + 'static, F: Future<Output = T>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> io::Result<T> {
    blocking(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let value = runtime.block_on(work());
        // Something that hangs on one of its threads is not waited for.
        runtime.shutdown_background();
        Ok(value)
    })
    .await
}

/// Does work that is shared out with rayon, on threads of which there are as many as cores.
pub fn on_all_cores<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    static CORES: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let make = || {
        let builder = ThreadPoolBuilder::new().start_handler(|_| give_way());
        builder.thread_name(|number| format!("background-{number}")).build().ok()
    };
    match CORES.get_or_init(make) {
        Some(cores) => cores.install(work),
        None => work(),
    }
}

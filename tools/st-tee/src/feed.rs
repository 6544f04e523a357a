//! What goes to one branch: a bounded queue of blocks, and the thread that writes them into the branch's stdin.
//!
//! Each branch has its own thread, so that one which reads slowly holds the others back only once its queue and its pipe
//! are full. Blocks end at line ends wherever lines are not enormous, so that an abort marker can be sent after any of them.

use std::io::{self, ErrorKind, Write};
use std::process::ChildStdin;
use std::sync::{Arc, OnceLock};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::tail::{Ended, Tail};

/// Bytes that several branches share.
pub type Block = Arc<Vec<u8>>;

/// How many blocks may wait for one branch.
const QUEUE: usize = 64;

/// How large a pipe to ask for; what the system refuses is done without.
const PIPE: usize = 1024 * 1024;

/// The last line of every branch once one of them has failed, in place of what waits in its queue; empty on plain input,
/// where no line can say so and what waits is still written. Set at most once.
pub type Cut = Arc<OnceLock<Vec<u8>>>;

/// The sending side of a branch's queue. Dropping all of them closes the branch's stdin, after what waits was written.
#[derive(Clone)]
pub struct Feed {
    queue: Sender<Block>,
}

impl Feed {
    /// Starts the thread that writes to `stdin`; `failed` is called with any error but a closed pipe.
    pub fn start(
        stdin: ChildStdin,
        cut: Cut,
        failed: impl FnOnce(io::Error) + Send + 'static,
    ) -> Feed {
        let _ = rustix::pipe::fcntl_setpipe_size(&stdin, PIPE);
        let (queue, blocks) = bounded(QUEUE);
        std::thread::spawn(move || match write(stdin, &blocks, &cut) {
            // The branch reads no more: its own affair, its exit status tells.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) => failed(error),
            Ok(()) => {}
        });
        Feed { queue }
    }

    /// Queues a block, waiting while the queue is full; false if the branch reads no more.
    pub fn send(&self, block: Block) -> bool {
        self.queue.send(block).is_ok()
    }

    /// Makes a thread that waits for blocks look at the cut. One that does not wait will look anyway.
    pub fn wake(&self) {
        let _ = self.queue.try_send(Block::default());
    }
}

fn write(mut stdin: ChildStdin, blocks: &Receiver<Block>, cut: &Cut) -> io::Result<()> {
    let mut within_line = false;
    let mut tail = Tail::default();
    for block in blocks {
        if let Some(last) = cut.get() {
            if last.is_empty() {
                return [block]
                    .into_iter()
                    .chain(blocks.try_iter())
                    .try_for_each(|block| stdin.write_all(&block));
            }
            // Nothing may follow the end: this branch has all there is.
            if tail.ended() == Ended::Cleanly {
                return Ok(());
            }
            if within_line {
                stdin.write_all(b"\n")?;
            }
            return stdin.write_all(last);
        }
        stdin.write_all(&block)?;
        tail.follow(&block);
        within_line = block.last().map_or(within_line, |byte| *byte != b'\n');
    }
    Ok(())
}

//! Writing what was handed to a link that is a WebSocket: whole frames, in the order in which they were handed over, by
//! the relay or by the library. It must not know what they say.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::Link;
use crate::payload::SocketPacket;
use crate::transport::flusher::Flush;
use crate::transport::output::{Chunks, Output, Sink, State};
use crate::transport::wire::{Then, Writing};

/// Bytes that wait for a client that takes nothing, from which on the library writes no more.
const MAX_WAITING: usize = 64 * 1024;

/// What became of writing.
enum Written {
    All,
    /// The client takes no more now.
    Some,
    Failed(io::Error),
}

/// What is being written, where, and what comes then.
struct Begun {
    sink: Arc<Sink>,
    chunks: Chunks,
    then: Then,
}

impl Link {
    /// Frames are written here from now on, at first these, of which so many bytes are written already.
    pub(in crate::transport) fn begin_output(
        self: &Arc<Self>,
        sink: Arc<Sink>,
        first: &[u8],
        written: usize,
    ) {
        let (written, left) = first.split_at(written);
        {
            let mut output = self.output.lock();
            output.sink = Some(sink);
            output.written.advance(written, |_, _, _| {});
            output.waiting.put(left);
        }
        if !left.is_empty() {
            self.write_waiting();
        }
    }

    /// Nothing is written any more.
    pub(in crate::transport) fn end_output(&self) {
        self.output.lock().fail();
    }

    /// Packets are taken from now on, or not any more.
    pub(super) fn take_packets(&self, takes: bool) {
        self.output.lock().packets_ended = !takes;
    }

    /// Hands over a packet.
    pub(in crate::transport) fn put_packet(self: &Arc<Self>, packet: &SocketPacket) {
        self.put_packet_if(packet, |output| !output.packets_ended);
    }

    /// Hands over a packet, unless too much waits already, whether or not others are taken; whether it did.
    pub(super) fn put_offered(self: &Arc<Self>, packet: &SocketPacket) -> bool {
        self.put_packet_if(packet, |output| output.waiting.len() < MAX_WAITING)
    }

    fn put_packet_if(
        self: &Arc<Self>,
        packet: &SocketPacket,
        is_taken: impl Fn(&Output) -> bool,
    ) -> bool {
        let sink = {
            let mut output = self.output.lock();
            if output.state == State::Failed || !is_taken(&output) {
                return false;
            }
            output.put_packet(packet);
            if output.state != State::Idle {
                return true;
            }
            output.state = State::Due;
            output.sink.clone()
        };
        if let Some(sink) = sink {
            sink.shard.add(self.clone());
        }
        true
    }

    /// The library, or who tells the client of its session, hands over whole frames, which are written at once.
    pub(in crate::transport) fn put_frames(
        self: &Arc<Self>,
        frames: &[u8],
    ) -> Poll<io::Result<usize>> {
        {
            let mut output = self.output.lock();
            if output.state == State::Failed {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if output.state == State::Blocked && output.waiting.len() >= MAX_WAITING {
                output.is_awaited = true;
                return Poll::Pending;
            }
            output.waiting.put(frames);
        }
        self.write_waiting();
        Poll::Ready(Ok(frames.len()))
    }

    /// The library hands over its last frames, and ends the connection when they are written.
    pub(in crate::transport) fn set_ending(&self) {
        self.output.lock().then = Then::End;
    }

    /// Whether all is written, or cannot be. If not, the writer is woken then.
    pub(in crate::transport) fn is_written(&self) -> bool {
        let mut output = self.output.lock();
        let is_written = matches!(output.state, State::Idle | State::Failed);
        output.is_awaited |= !is_written;
        is_written
    }

    /// Writes what waits, unless that is being done.
    fn write_waiting(self: &Arc<Self>) {
        while let Some(Begun { sink, chunks, then }) = self.begin_writing() {
            // What is taken to be written was handed over before.
            sink.before_write.run();
            if !self.write(&sink.tcp, chunks, then) {
                return;
            }
        }
    }

    /// Takes what waits. `None`: nothing does, somebody else is writing, or the client takes nothing now.
    fn begin_writing(&self) -> Option<Begun> {
        let mut output = self.output.lock();
        if matches!(
            output.state,
            State::Writing | State::Blocked | State::Failed
        ) {
            return None;
        }
        if output.waiting.is_empty() {
            output.state = State::Idle;
            if std::mem::take(&mut output.is_awaited) {
                self.writer.wake();
            }
            return None;
        }
        let sink = output.sink.clone()?;
        output.state = State::Writing;
        Some(Begun {
            sink,
            chunks: std::mem::take(&mut output.waiting),
            then: output.then,
        })
    }

    /// Writes; whether more may be written now.
    fn write(self: &Arc<Self>, tcp: &Writing, mut chunks: Chunks, then: Then) -> bool {
        let written = self.write_chunks(tcp, &mut chunks, then);
        let mut output = self.output.lock();
        if output.state == State::Failed {
            return false;
        }
        match written {
            Written::All => {
                output.state = State::Due;
                true
            }
            Written::Some => {
                let later = std::mem::replace(&mut output.waiting, chunks);
                output.waiting.append(later);
                output.state = State::Blocked;
                drop(output);
                self.was_blocked();
                self.wait_for_room(tcp)
            }
            Written::Failed(error) => {
                output.fail();
                drop(output);
                tracing::debug!(%error, "a client cannot be written to");
                self.reader.wake();
                self.writer.wake();
                false
            }
        }
    }

    fn write_chunks(&self, tcp: &Writing, chunks: &mut Chunks, then: Then) -> Written {
        while !chunks.is_empty() {
            let written = tcp.try_write_parts(&chunks.slices(), then);
            match written {
                Ok(0) => return Written::Failed(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.note_written(chunks, count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Written::Some,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Written::Failed(error),
            }
        }
        Written::All
    }

    /// Counts the relayed frames that end in what was just written.
    fn note_written(&self, chunks: &mut Chunks, count: usize) {
        let mut taken = 0;
        {
            let mut output = self.output.lock();
            let frames = &mut output.written;
            chunks.advance(count, |part| {
                frames.advance(part, |frame, _, _| taken += usize::from(frame.is_relayed()));
            });
        }
        if taken > 0
            && let Some(flow) = self.flow()
        {
            flow.taken(taken);
        }
        self.was_written(count);
    }

    /// Has the link woken when the client takes something again; whether it does already.
    fn wait_for_room(self: &Arc<Self>, tcp: &Writing) -> bool {
        let waker = Waker::from(self.clone());
        match tcp.poll_write_ready(&mut Context::from_waker(&waker)) {
            Poll::Pending => false,
            // An error shows when it is written.
            Poll::Ready(_) => self.unblock(),
        }
    }

    fn unblock(&self) -> bool {
        let mut output = self.output.lock();
        let was_blocked = output.state == State::Blocked;
        if was_blocked {
            output.state = State::Due;
        }
        was_blocked
    }
}

impl Flush for Link {
    fn flush(self: Arc<Self>) {
        self.write_waiting();
    }
}

impl Wake for Link {
    /// Its client takes something again.
    fn wake(self: Arc<Self>) {
        if !self.unblock() {
            return;
        }
        let sink = self.output.lock().sink.clone();
        if let Some(sink) = sink {
            sink.shard.add(self);
        }
    }
}

#[cfg(test)]
mod tests;

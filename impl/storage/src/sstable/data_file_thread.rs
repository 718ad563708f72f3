//! The thread that compresses and writes `Data.db` while its next partitions are serialized.
//!
//! It takes about half of the work of a flush. A small file never has one: it is there from the
//! first full batch on.

use super::data_file::{DataFileEncoder, DataSummary};
use super::trickle_fsync::TrickleFsync;
use crate::disk::{DiskFile, DiskResult};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SendError, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use thymbra_format::sstable::CompressionParams;

/// Its name, for people who look at threads.
const THREAD_NAME: &str = "SSTableDataWriter";
/// Bytes of partitions that go to the thread together.
const BATCH_BYTES: usize = 256 << 10;
/// Batches that wait for the thread.
const WAITING_BATCHES_COUNT: usize = 1;

/// Where the bytes of partitions go.
#[derive(Debug)]
pub(super) struct DataFileWriter {
    /// Bytes that no encoder has got yet.
    batch: Vec<u8>,
    /// Bytes of all partitions so far.
    position: u64,
    may_use_thread: bool,
    /// Absent only within a call, and after a failure.
    encoder: Option<Encoder>,
}

#[derive(Debug)]
enum Encoder {
    Here(DataFileEncoder),
    Beside(EncoderThread),
}

impl DataFileWriter {
    /// At the beginning of an empty file.
    pub(super) fn new(
        file: Box<dyn DiskFile>,
        compression: Option<CompressionParams>,
        trickle_fsync: TrickleFsync,
        may_use_thread: bool,
    ) -> Self {
        Self {
            batch: Vec::with_capacity(BATCH_BYTES),
            position: 0,
            may_use_thread,
            encoder: Some(Encoder::Here(DataFileEncoder::new(
                file,
                compression,
                trickle_fsync,
            ))),
        }
    }

    /// Position of the next byte, before compression.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// Appends bytes of partitions.
    ///
    /// # Errors
    /// When the disk fails, or has failed with bytes that were appended before.
    pub(super) fn write(&mut self, data: &[u8]) -> DiskResult<()> {
        self.position += data.len() as u64;
        let mut rest = data;
        loop {
            let (fitting, more) = rest.split_at(rest.len().min(BATCH_BYTES - self.batch.len()));
            self.batch.extend_from_slice(fitting);
            if self.batch.len() < BATCH_BYTES {
                return Ok(());
            }
            self.hand_over()?;
            rest = more;
        }
    }

    /// Gives a full batch to the encoder.
    fn hand_over(&mut self) -> DiskResult<()> {
        let encoder = match self.encoder.take() {
            Some(Encoder::Here(encoder)) if self.may_use_thread => EncoderThread::begin(encoder),
            Some(encoder) => encoder,
            None => unreachable!("nothing is written after a failure"),
        };
        let encoder = self.encoder.insert(encoder);
        let written = match encoder {
            Encoder::Here(encoder) => {
                let written = encoder.write(&self.batch);
                self.batch.clear();
                written
            }
            Encoder::Beside(thread) => thread.put(&mut self.batch),
        };
        if written.is_err() {
            self.encoder = None;
        }
        written
    }

    /// Waits until the disk has been given all full batches: what the caller does with other files
    /// comes behind them.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(super) fn settle(&mut self) -> DiskResult<()> {
        let settled = match &mut self.encoder {
            Some(Encoder::Beside(thread)) => thread.settle(),
            Some(Encoder::Here(_)) | None => Ok(()),
        };
        if settled.is_err() {
            self.encoder = None;
        }
        settled
    }

    /// Writes the rest, and makes the file durable.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub(super) fn finish(mut self) -> DiskResult<DataSummary> {
        let mut encoder = match self.encoder.take() {
            Some(Encoder::Here(encoder)) => encoder,
            Some(Encoder::Beside(mut thread)) => thread.end()?,
            None => unreachable!("nothing is finished after a failure"),
        };
        encoder.write(&self.batch)?;
        encoder.finish()
    }
}

/// A thread with an encoder.
///
/// Dropping it waits for its end, so that nobody writes to files that are about to be removed.
#[derive(Debug)]
struct EncoderThread {
    /// Batches on their way to the thread; none after the end.
    full: Option<SyncSender<Vec<u8>>>,
    /// Their memory on its way back, each once the disk has its bytes.
    empty: Receiver<Vec<u8>>,
    /// Batches whose memory has not come back.
    under_way_count: usize,
    thread: Option<JoinHandle<DiskResult<DataFileEncoder>>>,
}

impl EncoderThread {
    /// Gives an encoder to a thread, if there can be one.
    fn begin(encoder: DataFileEncoder) -> Encoder {
        // By a channel, since a thread that cannot be made keeps what was to be moved into it.
        let (encoders, encoder_to_use) = sync_channel(1);
        let (full, to_write) = sync_channel::<Vec<u8>>(WAITING_BATCHES_COUNT);
        let (written, empty) = channel();
        let run = move || -> DiskResult<DataFileEncoder> {
            let mut encoder: DataFileEncoder = encoder_to_use.recv().expect("an encoder is sent first");
            for mut batch in to_write {
                encoder.write(&batch)?;
                batch.clear();
                // Nobody waits for the memory any more when the writer is being dropped.
                let _: Result<(), SendError<Vec<u8>>> = written.send(batch);
            }
            Ok(encoder)
        };
        let Ok(thread) = thread::Builder::new().name(THREAD_NAME.into()).spawn(run) else {
            return Encoder::Here(encoder);
        };
        if let Err(SendError(encoder)) = encoders.send(encoder) {
            return Encoder::Here(encoder);
        }
        Encoder::Beside(Self {
            full: Some(full),
            empty,
            under_way_count: 0,
            thread: Some(thread),
        })
    }

    /// Hands a batch over, and puts an empty one in its place.
    fn put(&mut self, batch: &mut Vec<u8>) -> DiskResult<()> {
        let emptied = self.empty.try_recv().ok();
        self.under_way_count -= usize::from(emptied.is_some());
        let next = emptied.unwrap_or_else(|| Vec::with_capacity(batch.capacity()));
        let sender = self.full.as_ref();
        let sent = sender.map(|full| full.send(core::mem::replace(batch, next)));
        self.under_way_count += 1;
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => self.end().map(drop),
        }
    }

    /// Waits for the end of all batches.
    fn settle(&mut self) -> DiskResult<()> {
        while self.under_way_count > 0 {
            if self.empty.recv().is_err() {
                return self.end().map(drop);
            }
            self.under_way_count -= 1;
        }
        Ok(())
    }

    /// Waits for the end of the thread; gives its encoder, or why it has ended before.
    fn end(&mut self) -> DiskResult<DataFileEncoder> {
        self.full = None;
        let thread = self.thread.take().expect("a thread is ended once");
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Drop for EncoderThread {
    fn drop(&mut self) {
        self.full = None;
        if let Some(thread) = self.thread.take() {
            // Whoever drops the writer has an error of his own.
            let _: thread::Result<DiskResult<DataFileEncoder>> = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk as _, SimulatedDisk};
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// A file that takes its time, and counts the bytes that it has got.
    #[derive(Debug)]
    struct SlowFile {
        inner: Box<dyn DiskFile>,
        appended_bytes: Arc<AtomicUsize>,
    }

    impl DiskFile for SlowFile {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> DiskResult<usize> {
            self.inner.read_at(buffer, offset)
        }

        fn write_at(&self, bytes: &[u8], offset: u64) -> DiskResult<()> {
            self.inner.write_at(bytes, offset)
        }

        fn append(&self, bytes: &[u8]) -> DiskResult<()> {
            thread::sleep(Duration::from_millis(30));
            self.appended_bytes.fetch_add(bytes.len(), Ordering::SeqCst);
            self.inner.append(bytes)
        }

        fn sync_data(&self) -> DiskResult<()> {
            self.inner.sync_data()
        }

        fn set_len(&self, size_bytes: u64) -> DiskResult<()> {
            self.inner.set_len(size_bytes)
        }

        fn size_bytes(&self) -> DiskResult<u64> {
            self.inner.size_bytes()
        }

        fn path(&self) -> &Path {
            self.inner.path()
        }
    }

    /// A writer that has got four MiB, and what its file has got.
    fn written() -> (DataFileWriter, Arc<AtomicUsize>) {
        let disk = SimulatedDisk::new();
        let appended_bytes = Arc::new(AtomicUsize::new(0));
        let file = SlowFile {
            inner: disk.create_new(Path::new("/Data.db")).expect("a new file"),
            appended_bytes: Arc::clone(&appended_bytes),
        };
        let mut writer = DataFileWriter::new(Box::new(file), None, TrickleFsync::new(None), true);
        for _ in 0..4 * 1024 {
            writer.write(&[7; 1024]).expect("a write");
        }
        assert!(matches!(writer.encoder, Some(Encoder::Beside(_))));
        (writer, appended_bytes)
    }

    #[test]
    fn everything_has_been_written_when_a_writer_has_settled() {
        let (mut writer, appended_bytes) = written();
        writer.settle().expect("the file takes all");
        assert_eq!(appended_bytes.load(Ordering::SeqCst), 4 << 20);
        writer.write(&[7; 10]).expect("a write");
        writer.settle().expect("nothing is under way");
        writer.finish().expect("the file takes all");
        assert_eq!(appended_bytes.load(Ordering::SeqCst), (4 << 20) + 10);
    }

    #[test]
    fn nothing_is_written_after_a_writer_was_dropped() {
        let (writer, appended_bytes) = written();
        drop(writer);
        let written_bytes = appended_bytes.load(Ordering::SeqCst);
        thread::sleep(Duration::from_millis(200));
        assert_eq!(appended_bytes.load(Ordering::SeqCst), written_bytes);
        assert_eq!(written_bytes, 4 << 20, "what was handed over is written");
    }
}

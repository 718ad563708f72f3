package thymbra.referee;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.cassandra.db.ColumnFamilyStore;
import org.apache.cassandra.db.partitions.PartitionIterator;
import org.apache.cassandra.db.partitions.UnfilteredPartitionIterator;
import org.apache.cassandra.db.partitions.UnfilteredPartitionIterators;
import org.apache.cassandra.db.rows.RowIterator;
import org.apache.cassandra.db.rows.UnfilteredRowIterator;
import org.apache.cassandra.io.sstable.Component;
import org.apache.cassandra.io.sstable.Descriptor;
import org.apache.cassandra.io.sstable.IVerifier;
import org.apache.cassandra.io.sstable.format.SSTableReader;
import org.apache.cassandra.io.util.File;
import org.apache.cassandra.schema.TableMetadata;
import org.apache.cassandra.tools.SSTableMetadataViewer;
import org.apache.cassandra.utils.OutputHandler;

/** The SSTables of one table: opened from a copy, judged one by one, then read together. */
final class SSTables implements AutoCloseable
{
    private final TableMetadata metadata;
    private final Path copy;
    private final ColumnFamilyStore store;
    private final List<SSTableReader> open = new ArrayList<>();

    /** Copies the files, since opening an SSTable may rebuild and write components. */
    SSTables(TableMetadata metadata, Path folder, Path scratch) throws IOException
    {
        this.metadata = metadata;
        this.copy = Files.createDirectories(scratch.resolve(metadata.keyspace).resolve(folder.getFileName()));
        try (Stream<Path> files = Files.list(folder))
        {
            for (Path file : files.filter(file -> file.getFileName().toString().contains("-big-")).toList())
                Files.copy(file, copy.resolve(file.getFileName()));
        }
        store = Offline.store(metadata, scratch);
    }

    /** Opens all of a folder, without judging them. */
    static SSTables openAll(TableMetadata metadata, Path folder, Path scratch) throws IOException
    {
        SSTables tables = new SSTables(metadata, folder, scratch);
        for (Path data : Generate.dataFiles(tables.copy))
        {
            Descriptor descriptor = Descriptor.fromFileWithComponent(new File(data), true).left;
            tables.open.add(SSTableReader.open(tables.store, descriptor, descriptor.discoverComponents(), tables.store.metadata, true, true));
        }
        return tables;
    }

    void forEach(Consumer<SSTableReader> action)
    {
        open.forEach(action);
    }

    int count()
    {
        return open.size();
    }

    /** Judges one; gives its dump, or null where Cassandra's own dump cannot be made for a sound file. */
    JsonNode judge(Path data, ObjectNode line, boolean isStrict) throws IOException
    {
        Descriptor descriptor = Descriptor.fromFileWithComponent(new File(copy.resolve(data.getFileName())), true).left;
        Set<Component> listed = descriptor.discoverComponents();
        missing(descriptor, listed, line);
        SSTableReader sstable = SSTableReader.open(store, descriptor, listed, store.metadata, true, true);
        open.add(sstable);
        verify(sstable, line);
        viewMetadata(copy.resolve(data.getFileName()), line);
        new Lookups(sstable).check(line);
        new Rewrite(sstable, store).compare(copy, line, isStrict);
        try
        {
            return Documents.JSON.readTree(Documents.ofSSTable(sstable));
        }
        catch (NullPointerException e)
        {
            line.put("undumpable", reason(e));
            return null;
        }
    }

    /** Every component that TOC.txt names is there, and the other way round. */
    private static void missing(Descriptor descriptor, Set<Component> found, ObjectNode line) throws IOException
    {
        Set<Component> listed = org.apache.cassandra.io.sstable.format.TOCComponent.loadTOC(descriptor, false);
        if (!listed.equals(found))
            Judge.error(line, "TOC.txt lists " + listed + ", found are " + found);
    }

    /** Cassandra's verifier, with every value read. */
    private void verify(SSTableReader sstable, ObjectNode line)
    {
        Warnings warnings = new Warnings(line);
        IVerifier.Options options = IVerifier.options().invokeDiskFailurePolicy(false).extendedVerification(true).build();
        try (IVerifier verifier = sstable.getVerifier(store, warnings, true, options))
        {
            verifier.verify();
        }
        catch (RuntimeException | AssertionError e)
        {
            Judge.error(line, "verifier: " + reason(e));
        }
    }

    /** Cassandra's sstablemetadata prints it without failing. */
    private static void viewMetadata(Path data, ObjectNode line)
    {
        PrintStream before = System.out;
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        System.setOut(new PrintStream(text, true, StandardCharsets.UTF_8));
        try
        {
            SSTableMetadataViewer.main(new String[]{ data.toString() });
        }
        catch (IOException | RuntimeException | AssertionError e)
        {
            Judge.error(line, "sstablemetadata: " + reason(e));
        }
        finally
        {
            System.setOut(before);
        }
        line.put("metadata lines", text.toString(StandardCharsets.UTF_8).lines().count());
    }

    /** All SSTables merged, nothing purged. */
    JsonNode merged() throws IOException
    {
        try (UnfilteredPartitionIterator all = all())
        {
            return Documents.ofPartitions(metadata, Documents.stream(all));
        }
    }

    /** What a client would see at this time: no deletions, nothing that has expired. */
    JsonNode live(long nowSeconds) throws IOException
    {
        try (PartitionIterator live = UnfilteredPartitionIterators.filter(all(), nowSeconds))
        {
            Iterable<RowIterator> once = () -> live;
            Stream<UnfilteredRowIterator> rows = java.util.stream.StreamSupport.stream(once.spliterator(), false).map(LiveRows::new);
            return Documents.ofPartitions(metadata, rows);
        }
    }

    UnfilteredPartitionIterator all()
    {
        List<UnfilteredPartitionIterator> scanners = new ArrayList<>();
        open.forEach(sstable -> scanners.add(sstable.getScanner()));
        return scanners.isEmpty()
               ? org.apache.cassandra.db.EmptyIterators.unfilteredPartition(metadata)
               : UnfilteredPartitionIterators.merge(scanners, UnfilteredPartitionIterators.MergeListener.NOOP);
    }

    @Override
    public void close()
    {
        open.forEach(sstable -> sstable.selfRef().close());
    }

    /** An exception with the chain of what caused it, in a line. */
    static String reason(Throwable e)
    {
        StringBuilder text = new StringBuilder(e.toString());
        for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause())
            text.append("; caused by ").append(cause);
        if (e.getCause() == null && e.getStackTrace().length > 0)
            text.append(" at ").append(e.getStackTrace()[0]);
        return text.toString();
    }

    /** What the verifier warns of counts against the file; what it says of its progress does not. */
    private record Warnings(ObjectNode line) implements OutputHandler
    {
        @Override
        public void output(String message)
        {
            if (message.contains("duplicate rows") || message.contains("missing") || message.contains("corrupt"))
                Judge.error(line, "verifier: " + message);
        }

        @Override
        public void debug(String message) {}

        @Override
        public void warn(String message)
        {
            Judge.error(line, "verifier: " + message);
        }

        @Override
        public void warn(Throwable th, String message)
        {
            Judge.error(line, "verifier: " + message + ' ' + reason(th));
        }
    }
}

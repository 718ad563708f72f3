package thymbra.referee;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.cassandra.db.ColumnFamilyStore;
import org.apache.cassandra.db.rows.UnfilteredRowIterator;
import org.apache.cassandra.io.sstable.Descriptor;
import org.apache.cassandra.io.sstable.ISSTableScanner;
import org.apache.cassandra.io.sstable.KeyReader;
import org.apache.cassandra.io.sstable.SSTableTxnWriter;
import org.apache.cassandra.io.sstable.SequenceBasedSSTableId;
import org.apache.cassandra.io.sstable.format.SSTableReader;
import org.apache.cassandra.io.sstable.format.StatsComponent;
import org.apache.cassandra.io.sstable.metadata.MetadataType;
import org.apache.cassandra.io.sstable.metadata.StatsMetadata;
import org.apache.cassandra.io.util.File;
import org.apache.cassandra.io.util.RandomAccessReader;

/**
 * Has Cassandra write an SSTable of the same content and header anew, and says which parts are not the same. A writer
 * may rightly differ in some: the stream of a compressor, the size of a filter, where from a statistic was collected.
 */
final class Rewrite
{
    /** Fields of the statistics that a writer is given and that content does not decide. */
    private static final Set<String> GIVEN = Set.of("commitLogIntervals", "originatingHostId", "repairedAt", "sstableLevel", "compressionRatio");

    private static final int GENERATION = 1_000_000;

    private final SSTableReader sstable;
    private final ColumnFamilyStore store;

    Rewrite(SSTableReader sstable, ColumnFamilyStore store)
    {
        this.sstable = sstable;
        this.store = store;
    }

    void compare(Path copy, ObjectNode line, boolean isStrict) throws IOException
    {
        if (isEmpty())
        {
            // All of it is of columns that were dropped since: Cassandra writes no SSTable of nothing.
            line.put("rewritten", false);
            return;
        }
        Path folder = Files.createDirectories(copy.resolveSibling("rewritten-" + sstable.descriptor.id)
                                                  .resolve(sstable.metadata().keyspace).resolve(copy.getFileName()));
        Descriptor target = new Descriptor(new File(folder), sstable.descriptor.ksname, sstable.descriptor.cfname,
                                           new SequenceBasedSSTableId(GENERATION), sstable.descriptor.getFormat());
        write(target);
        List<String> differences = new java.util.ArrayList<>();
        try (RandomAccessReader mine = sstable.openDataReader())
        {
            SSTableReader other = SSTableReader.openNoValidation(null, target, store.metadata);
            try (RandomAccessReader theirs = other.openDataReader())
            {
                compareBytes("Data.db", read(mine), read(theirs), differences);
            }
            finally
            {
                other.selfRef().close();
            }
        }
        for (String component : List.of("Index.db", "Summary.db", "Filter.db", "CRC.db"))
            compareFiles(component, copy, folder, differences);
        compareStatistics(target, differences);
        line.set("differs from Cassandra's", Documents.JSON.valueToTree(differences));
        if (isStrict)
            differences.forEach(difference -> Judge.error(line, "rewrite: " + difference));
    }

    private boolean isEmpty()
    {
        try (ISSTableScanner scanner = sstable.getScanner())
        {
            while (scanner.hasNext())
                try (UnfilteredRowIterator partition = scanner.next())
                {
                    if (!partition.isEmpty())
                        return false;
                }
        }
        return true;
    }

    private void write(Descriptor target) throws IOException
    {
        long keys = 0;
        try (KeyReader reader = sstable.keyReader())
        {
            do
                keys++;
            while (reader.advance());
        }
        try (SSTableTxnWriter writer = SSTableTxnWriter.create(store.metadata, target, keys, 0, null, false, sstable.header, Set.of(), null);
             ISSTableScanner scanner = sstable.getScanner())
        {
            while (scanner.hasNext())
                writer.append(scanner.next());
            writer.finish(false);
        }
    }

    private static byte[] read(RandomAccessReader reader) throws IOException
    {
        byte[] bytes = new byte[Math.toIntExact(reader.length())];
        reader.readFully(bytes);
        return bytes;
    }

    private void compareFiles(String component, Path copy, Path folder, List<String> differences) throws IOException
    {
        Path mine = copy.resolve(sstable.descriptor.version.version + "-" + sstable.descriptor.id + "-big-" + component);
        Path theirs = folder.resolve(sstable.descriptor.version.version + "-" + GENERATION + "-big-" + component);
        if (Files.exists(mine) != Files.exists(theirs))
            differences.add(component + (Files.exists(mine) ? " is not written by Cassandra" : " is missing"));
        else if (Files.exists(mine))
            compareBytes(component, Files.readAllBytes(mine), Files.readAllBytes(theirs), differences);
    }

    private static void compareBytes(String component, byte[] mine, byte[] theirs, List<String> differences)
    {
        int at = Arrays.mismatch(mine, theirs);
        if (at >= 0)
            differences.add(component + " at byte " + at + " of " + mine.length + ", Cassandra's has " + theirs.length);
    }

    private void compareStatistics(Descriptor target, List<String> differences) throws IOException
    {
        StatsComponent mine = StatsComponent.load(sstable.descriptor, MetadataType.values());
        StatsComponent theirs = StatsComponent.load(target, MetadataType.values());
        if (!mine.validationMetadata().equals(theirs.validationMetadata()))
            differences.add("Statistics.db validation");
        if (!mine.serializationHeader().toString().equals(theirs.serializationHeader().toString()))
            differences.add("Statistics.db header: " + mine.serializationHeader() + ", Cassandra's " + theirs.serializationHeader());
        if (!Arrays.equals(mine.compactionMetadata().cardinalityEstimator.getBytes(), theirs.compactionMetadata().cardinalityEstimator.getBytes()))
            differences.add("Statistics.db cardinality");
        for (String name : new TreeSet<>(Arrays.stream(StatsMetadata.class.getFields()).filter(field -> !Modifier.isStatic(field.getModifiers())).map(Field::getName).toList()))
        {
            if (GIVEN.contains(name))
                continue;
            try
            {
                Object found = StatsMetadata.class.getField(name).get(mine.statsMetadata());
                Object expected = StatsMetadata.class.getField(name).get(theirs.statsMetadata());
                if (!Objects.equals(found, expected))
                    differences.add("Statistics.db " + name + ": " + found + ", Cassandra's " + expected);
            }
            catch (ReflectiveOperationException e)
            {
                throw new IOException(e);
            }
        }
    }
}

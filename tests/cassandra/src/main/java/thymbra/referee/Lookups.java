package thymbra.referee;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.cassandra.db.Clustering;
import org.apache.cassandra.db.DecoratedKey;
import org.apache.cassandra.db.DeletionTime;
import org.apache.cassandra.db.Slice;
import org.apache.cassandra.db.Slices;
import org.apache.cassandra.db.filter.ColumnFilter;
import org.apache.cassandra.db.rows.RangeTombstoneMarker;
import org.apache.cassandra.db.rows.Row;
import org.apache.cassandra.db.rows.Unfiltered;
import org.apache.cassandra.db.rows.UnfilteredRowIterator;
import org.apache.cassandra.io.sstable.ISSTableScanner;
import org.apache.cassandra.io.sstable.SSTableReadsListener;
import org.apache.cassandra.io.sstable.format.SSTableReader;
import org.apache.cassandra.io.util.DataIntegrityMetadata;
import org.apache.cassandra.io.util.File;
import org.apache.cassandra.io.util.RandomAccessReader;
import org.apache.cassandra.schema.TableMetadata;

/**
 * What the verifier leaves out: every value is valid for its type, and filter, summary, index and promoted index lead
 * to what a scan finds, in both directions.
 */
final class Lookups
{
    /** Rows looked up one by one, of each SSTable. */
    private static final int MAX_ROWS = 2000;

    private final SSTableReader sstable;
    private final TableMetadata metadata;
    private final List<String> errors = new ArrayList<>();
    private int rowsLookedUp = 0;

    Lookups(SSTableReader sstable)
    {
        this.sstable = sstable;
        this.metadata = sstable.metadata();
    }

    void check(ObjectNode line) throws IOException
    {
        int partitions = 0;
        long rows = 0;
        checkCrc();
        try (ISSTableScanner scanner = sstable.getScanner())
        {
            while (scanner.hasNext())
            {
                try (UnfilteredRowIterator partition = scanner.next())
                {
                    partitions++;
                    rows += checkPartition(partition);
                }
            }
        }
        line.put("partitions", partitions).put("rows", rows).put("looked up", rowsLookedUp);
        errors.stream().limit(20).forEach(error -> Judge.error(line, error));
    }

    private long checkPartition(UnfilteredRowIterator partition)
    {
        DecoratedKey key = partition.partitionKey();
        String name = metadata.partitionKeyType.getString(key.getKey());
        if (!sstable.mayContainAssumingKeyIsInRange(key))
            errors.add("the filter denies key " + name);
        validate(name, partition.staticRow());
        List<Unfiltered> scanned = new ArrayList<>();
        List<Row> rows = new ArrayList<>();
        List<DeletionTime> covering = new ArrayList<>();
        DeletionTime open = DeletionTime.LIVE;
        while (partition.hasNext())
        {
            Unfiltered unfiltered = partition.next();
            validate(name, unfiltered);
            scanned.add(unfiltered);
            if (unfiltered instanceof Row row)
            {
                rows.add(row);
                covering.add(open);
            }
            else if (unfiltered instanceof RangeTombstoneMarker marker)
                open = marker.isOpen(false) ? marker.openDeletionTime(false) : DeletionTime.LIVE;
        }
        if (!open.isLive())
            errors.add("a range deletion is open at the end of partition " + name);
        checkWhole(key, name, partition, scanned);
        int step = 1 + rows.size() * Math.max(1, rowsLookedUp / MAX_ROWS) / MAX_ROWS;
        for (int at = 0; at < rows.size() && rowsLookedUp < MAX_ROWS; at += step)
            checkRow(key, name, rows.get(at), covering.get(at));
        return rows.size();
    }

    /** The partition by way of summary and index: the same forward, and reversed with as many rows. */
    private void checkWhole(DecoratedKey key, String name, UnfilteredRowIterator partition, List<Unfiltered> scanned)
    {
        try (UnfilteredRowIterator found = read(key, Slices.ALL, false))
        {
            List<Unfiltered> forward = new ArrayList<>();
            found.forEachRemaining(forward::add);
            if (!forward.equals(scanned))
                errors.add("partition " + name + " read by its key differs from the scan");
            if (!found.staticRow().equals(partition.staticRow()) || !found.partitionLevelDeletion().equals(partition.partitionLevelDeletion()))
                errors.add("static row or deletion of partition " + name + " read by its key differs from the scan");
        }
        try (UnfilteredRowIterator found = read(key, Slices.ALL, true))
        {
            int count = 0;
            while (found.hasNext())
            {
                found.next();
                count++;
            }
            if (count != scanned.size())
                errors.add("partition " + name + " reversed has " + count + " unfiltereds, not " + scanned.size());
        }
    }

    /** One row by way of the promoted index, with the deletion that covers it. */
    private void checkRow(DecoratedKey key, String name, Row row, DeletionTime covering)
    {
        rowsLookedUp++;
        Clustering<?> clustering = row.clustering();
        Slices slices = metadata.clusteringColumns().isEmpty() ? Slices.ALL : Slices.with(metadata.comparator, Slice.make(clustering));
        for (boolean reversed : new boolean[]{ false, true })
        {
            try (UnfilteredRowIterator found = read(key, slices, reversed))
            {
                Row same = null;
                DeletionTime open = DeletionTime.LIVE;
                DeletionTime seen = DeletionTime.LIVE;
                while (found.hasNext())
                {
                    Unfiltered unfiltered = found.next();
                    if (unfiltered instanceof RangeTombstoneMarker marker)
                        open = marker.isOpen(reversed) ? marker.openDeletionTime(reversed) : DeletionTime.LIVE;
                    else
                    {
                        same = (Row) unfiltered;
                        seen = open;
                    }
                }
                if (!row.equals(same))
                    errors.add("row " + clustering.toString(metadata) + " of partition " + name + (reversed ? " reversed" : "") + " is not found by its clustering");
                else if (!seen.equals(covering))
                    errors.add("row " + clustering.toString(metadata) + " of partition " + name + (reversed ? " reversed" : "") + " is covered by " + seen + ", in the scan by " + covering);
            }
        }
    }

    private UnfilteredRowIterator read(DecoratedKey key, Slices slices, boolean reversed)
    {
        return sstable.rowIterator(key, slices, ColumnFilter.all(metadata), reversed, SSTableReadsListener.NOOP_LISTENER);
    }

    private void validate(String name, Unfiltered unfiltered)
    {
        try
        {
            unfiltered.validateData(metadata);
        }
        catch (RuntimeException e)
        {
            errors.add("partition " + name + ": " + SSTables.reason(e));
        }
    }

    /** The checksums of an uncompressed file, which nothing but streaming reads. */
    private void checkCrc() throws IOException
    {
        if (sstable.compression)
            return;
        File data = new File(sstable.getFilename());
        File crc = sstable.descriptor.fileFor(org.apache.cassandra.io.sstable.format.SSTableFormat.Components.CRC);
        try (DataIntegrityMetadata.ChecksumValidator validator = new DataIntegrityMetadata.ChecksumValidator(data, crc);
             RandomAccessReader reader = RandomAccessReader.open(data))
        {
            byte[] chunk = new byte[validator.chunkSize];
            while (!reader.isEOF())
            {
                int length = (int) Math.min(chunk.length, reader.bytesRemaining());
                reader.readFully(chunk, 0, length);
                validator.validate(chunk, 0, length);
            }
        }
        catch (IOException e)
        {
            errors.add("CRC.db: " + SSTables.reason(e));
        }
    }
}

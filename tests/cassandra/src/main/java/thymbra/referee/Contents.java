package thymbra.referee;

import java.util.TreeMap;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.cassandra.db.DeletionTime;
import org.apache.cassandra.db.rows.Cell;
import org.apache.cassandra.db.rows.ColumnData;
import org.apache.cassandra.db.rows.ComplexColumnData;
import org.apache.cassandra.db.rows.RangeTombstoneBoundaryMarker;
import org.apache.cassandra.db.rows.Row;
import org.apache.cassandra.db.rows.Unfiltered;
import org.apache.cassandra.db.rows.UnfilteredRowIterator;
import org.apache.cassandra.db.partitions.UnfilteredPartitionIterator;
import org.apache.cassandra.io.sstable.format.SSTableReader;
import org.apache.cassandra.io.sstable.format.big.BigTableReader;

/** Counts the forms of content that SSTables have, so that a run can tell what it has judged. */
final class Contents
{
    private final TreeMap<String, Integer> counts = new TreeMap<>();

    void count(SSTableReader sstable)
    {
        add(sstable.compression ? "compressed SSTables" : "uncompressed SSTables");
        try (UnfilteredPartitionIterator partitions = sstable.getScanner())
        {
            while (partitions.hasNext())
                try (UnfilteredRowIterator partition = partitions.next())
                {
                    count(sstable, partition);
                }
        }
    }

    void add(String what)
    {
        counts.merge(what, 1, Integer::sum);
    }

    void put(ObjectNode line)
    {
        counts.forEach(line::put);
    }

    private void count(SSTableReader sstable, UnfilteredRowIterator partition)
    {
        if (!partition.partitionLevelDeletion().isLive())
            add("partition deletions");
        if (sstable instanceof BigTableReader big && big.getRowIndexEntry(partition.partitionKey(), SSTableReader.Operator.EQ).isIndexed())
            add("promoted indexes");
        if (!partition.staticRow().isEmpty())
            add("static rows");
        count(partition.staticRow());
        while (partition.hasNext())
        {
            Unfiltered unfiltered = partition.next();
            if (unfiltered instanceof Row row)
                count(row);
            else
                add(unfiltered instanceof RangeTombstoneBoundaryMarker ? "range tombstone boundaries" : "range tombstone bounds");
        }
    }

    private void count(Row row)
    {
        if (!row.deletion().isLive())
            add("row deletions");
        if (row.primaryKeyLivenessInfo().isExpiring())
            add("expiring rows");
        for (ColumnData data : row)
        {
            if (data instanceof ComplexColumnData elements)
            {
                add("complex columns");
                if (!elements.complexDeletion().equals(DeletionTime.LIVE))
                    add("complex deletions");
                elements.forEach(this::count);
            }
            else
                count((Cell<?>) data);
        }
    }

    private void count(Cell<?> cell)
    {
        if (cell.isTombstone())
            add(cell.path() == null ? "cell tombstones" : "element tombstones");
        else if (cell.isExpiring())
            add("expiring cells");
        else
            add("live cells");
    }
}

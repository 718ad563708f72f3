package thymbra.referee;

import org.apache.cassandra.db.DeletionTime;
import org.apache.cassandra.db.rows.AbstractUnfilteredRowIterator;
import org.apache.cassandra.db.rows.EncodingStats;
import org.apache.cassandra.db.rows.RowIterator;
import org.apache.cassandra.db.rows.Unfiltered;

/** The live rows of a partition, as a partition that has no deletions. */
final class LiveRows extends AbstractUnfilteredRowIterator
{
    private final RowIterator rows;

    LiveRows(RowIterator rows)
    {
        super(rows.metadata(), rows.partitionKey(), DeletionTime.LIVE, rows.columns(), rows.staticRow(), false, EncodingStats.NO_STATS);
        this.rows = rows;
    }

    @Override
    protected Unfiltered computeNext()
    {
        return rows.hasNext() ? rows.next() : endOfData();
    }

    @Override
    public void close()
    {
        rows.close();
    }
}

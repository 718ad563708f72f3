package thymbra.referee;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.cassandra.db.Clustering;
import org.apache.cassandra.db.DeletionTime;
import org.apache.cassandra.db.LivenessInfo;
import org.apache.cassandra.db.partitions.ImmutableBTreePartition;
import org.apache.cassandra.db.rows.Cell;
import org.apache.cassandra.db.rows.CellPath;
import org.apache.cassandra.db.rows.ComplexColumnData;
import org.apache.cassandra.db.rows.Row;
import org.apache.cassandra.schema.ColumnMetadata;
import org.apache.cassandra.schema.TableMetadata;
import org.apache.cassandra.utils.ByteBufferUtil;

/**
 * Which tombstones a partition has: for each place that could hold a value, up to which timestamp a value that is
 * written now would lose, and when that was deleted. The oracle says between which timestamps that must lie.
 */
final class Thresholds
{
    private final TableMetadata table;
    private final ImmutableBTreePartition partition;

    /** Of a partition; null if there is none. */
    Thresholds(TableMetadata table, ImmutableBTreePartition partition)
    {
        this.table = table;
        this.partition = partition;
    }

    /** What is otherwise than the oracle says, or null. */
    String difference(JsonNode expected)
    {
        for (JsonNode place : expected)
        {
            List<Said> said = partition == null ? List.of() : said(place);
            String wrong = judge(place, said);
            if (wrong != null)
                return wrong + " at " + place + ", found " + said;
        }
        return null;
    }

    private static String judge(JsonNode place, List<Said> said)
    {
        JsonNode least = place.get("least");
        if (said.isEmpty())
            return least.isNull() ? null : "nothing";
        long latest = said.stream().mapToLong(Said::timestamp).max().getAsLong();
        if (place.get("most").isNull() || latest > place.get("most").asLong())
            return "too late";
        if (least.isNull())
            return null;
        if (latest < least.asLong())
            return "too early";
        JsonNode deletedAt = place.get("deleted_at");
        if (deletedAt.isEmpty())
            return null;
        for (Said one : said)
            for (JsonNode second : deletedAt)
                if (one.timestamp == latest && one.isDeletion && one.second == second.asLong())
                    return null;
        return "deleted at another time";
    }

    /** Everything that is said of a place, by whatever covers it. */
    private List<Said> said(JsonNode place)
    {
        List<Said> said = new ArrayList<>();
        Row row = place.get("clustering").isNull() ? partition.staticRow() : partition.getRow(clustering(place.get("clustering")));
        add(said, partition.partitionLevelDeletion());
        if (row == null)
            return said;
        add(said, row.deletion().time());
        if (place.get("column").isNull())
        {
            LivenessInfo liveness = row.primaryKeyLivenessInfo();
            if (!liveness.isEmpty())
                said.add(new Said(liveness.timestamp(), false, liveness.localExpirationTime()));
            return said;
        }
        ColumnMetadata column = table.getColumn(ByteBufferUtil.bytes(place.get("column").asText()));
        if (!column.isComplex())
        {
            add(said, row.getCell(column));
            return said;
        }
        ComplexColumnData elements = row.getComplexColumnData(column);
        if (elements == null)
            return said;
        add(said, elements.complexDeletion());
        if (!place.get("path").isNull())
            add(said, elements.getCell(CellPath.create(ByteBufferUtil.hexToBytes(place.get("path").asText()))));
        return said;
    }

    private static void add(List<Said> said, DeletionTime deletion)
    {
        if (!deletion.isLive())
            said.add(new Said(deletion.markedForDeleteAt(), true, deletion.localDeletionTime()));
    }

    private static void add(List<Said> said, Cell<?> cell)
    {
        if (cell != null)
            said.add(new Said(cell.timestamp(), cell.isTombstone(), cell.localDeletionTime()));
    }

    private static Clustering<?> clustering(JsonNode values)
    {
        ByteBuffer[] buffers = new ByteBuffer[values.size()];
        for (int at = 0; at < buffers.length; at++)
            buffers[at] = ByteBufferUtil.hexToBytes(values.get(at).asText());
        return Clustering.make(buffers);
    }

    private record Said(long timestamp, boolean isDeletion, long second) {}
}

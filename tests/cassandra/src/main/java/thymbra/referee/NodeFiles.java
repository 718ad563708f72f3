package thymbra.referee;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.UUID;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.cassandra.db.DecoratedKey;
import org.apache.cassandra.db.Mutation;
import org.apache.cassandra.db.commitlog.CommitLogDescriptor;
import org.apache.cassandra.db.commitlog.CommitLogPosition;
import org.apache.cassandra.db.commitlog.CommitLogReadHandler;
import org.apache.cassandra.db.commitlog.CommitLogReader;
import org.apache.cassandra.db.commitlog.IntervalSet;
import org.apache.cassandra.db.partitions.AbstractUnfilteredPartitionIterator;
import org.apache.cassandra.db.partitions.ImmutableBTreePartition;
import org.apache.cassandra.db.partitions.PartitionIterator;
import org.apache.cassandra.db.partitions.PartitionUpdate;
import org.apache.cassandra.db.partitions.UnfilteredPartitionIterator;
import org.apache.cassandra.db.partitions.UnfilteredPartitionIterators;
import org.apache.cassandra.db.rows.Cell;
import org.apache.cassandra.db.rows.Row;
import org.apache.cassandra.db.rows.RowIterator;
import org.apache.cassandra.db.rows.UnfilteredRowIterator;
import org.apache.cassandra.io.util.File;
import org.apache.cassandra.schema.KeyspaceMetadata;
import org.apache.cassandra.schema.Schema;
import org.apache.cassandra.schema.TableId;
import org.apache.cassandra.schema.TableMetadata;
import org.apache.cassandra.utils.ByteBufferUtil;

/**
 * All files of a node at once: what a start of Cassandra would find in them. SSTables, and of the commit log what
 * replay applies: what no SSTable's intervals and no truncation cover. A client must see what the oracle holds, now
 * and when more has expired, and the tombstones must be there that hide what may come late.
 */
final class NodeFiles
{
    private final Path folder;
    private final Path scratch;
    private final Map<TableId, IntervalSet.Builder<CommitLogPosition>> persisted = new HashMap<>();
    private final Map<TableId, SSTables> sstables = new HashMap<>();
    private final Map<TableId, NavigableMap<DecoratedKey, List<PartitionUpdate>>> replayed = new HashMap<>();
    private final Contents contents = new Contents();
    private int skippedCount = 0;
    private int appliedCount = 0;

    private NodeFiles(Path folder, Path scratch)
    {
        this.folder = folder;
        this.scratch = scratch;
    }

    /** Judges the node of a folder with {@code seen.json}, whose schema is registered. */
    static void judge(Path folder, ObjectNode line, Path scratch) throws IOException
    {
        JsonNode seen = Documents.JSON.readTree(folder.resolve("seen.json").toFile());
        NodeFiles node = new NodeFiles(folder, scratch);
        try
        {
            node.open(Documents.JSON.readTree(folder.resolve("data/system.json").toFile()));
            node.replay(line);
            node.compare(seen, line);
        }
        finally
        {
            node.sstables.values().forEach(SSTables::close);
        }
        line.put("updates replayed", node.appliedCount).put("updates skipped", node.skippedCount);
        node.contents.put(line);
    }

    private void open(JsonNode system) throws IOException
    {
        UUID hostId = uuid(system.get("host_id").asText());
        for (Path data : Generate.dataFiles(folder.resolve("data")))
        {
            TableMetadata table = Offline.table(data.getParent());
            if (!sstables.containsKey(table.id))
                sstables.put(table.id, SSTables.openAll(table, data.getParent(), Files.createTempDirectory(scratch, "data")));
        }
        sstables.forEach((id, tables) -> {
            if (tables.count() > 1)
                contents.add("tables of several SSTables");
            tables.forEach(contents::count);
        });
        sstables.forEach((id, tables) -> tables.forEach(sstable -> {
            var stats = sstable.getSSTableMetadata();
            if (hostId.equals(stats.originatingHostId))
                persisted.computeIfAbsent(id, unused -> new IntervalSet.Builder<>()).addAll(stats.commitLogIntervals);
        }));
        system.get("truncated").fields().forEachRemaining(entry -> {
            CommitLogPosition position = new CommitLogPosition(entry.getValue().get("segment_id").asLong(),
                                                               entry.getValue().get("position").asInt());
            persisted.computeIfAbsent(TableId.fromUUID(uuid(entry.getKey())), unused -> new IntervalSet.Builder<>())
                     .add(CommitLogPosition.NONE, position);
        });
    }

    private static UUID uuid(String hex)
    {
        return UUID.fromString(hex.replaceFirst("(.{8})(.{4})(.{4})(.{4})(.{12})", "$1-$2-$3-$4-$5"));
    }

    private void replay(ObjectNode line) throws IOException
    {
        Map<TableId, IntervalSet<CommitLogPosition>> covered = new HashMap<>();
        persisted.forEach((id, builder) -> covered.put(id, builder.build()));
        CommitLogReader reader = new CommitLogReader();
        File[] files = CommitLogs.segments(folder.resolve("commitlog")).stream().map(File::new).toArray(File[]::new);
        reader.readAllFiles(new CommitLogReadHandler()
        {
            @Override
            public boolean shouldSkipSegmentOnError(CommitLogReadException exception)
            {
                Judge.error(line, exception.getMessage());
                return true;
            }

            @Override
            public void handleUnrecoverableError(CommitLogReadException exception)
            {
                Judge.error(line, exception.getMessage());
            }

            @Override
            public void handleMutation(Mutation mutation, int size, int entryLocation, CommitLogDescriptor descriptor)
            {
                CommitLogPosition position = new CommitLogPosition(descriptor.id, entryLocation);
                for (PartitionUpdate update : mutation.getPartitionUpdates())
                    apply(update, covered.getOrDefault(update.metadata().id, IntervalSet.empty()).contains(position));
            }
        }, files);
    }

    private void apply(PartitionUpdate update, boolean isPersisted)
    {
        if (isPersisted)
        {
            skippedCount++;
            return;
        }
        appliedCount++;
        replayed.computeIfAbsent(update.metadata().id, id -> new TreeMap<>())
                .computeIfAbsent(update.partitionKey(), key -> new ArrayList<>())
                .add(update);
    }

    /** Every partition is one that the oracle allows, at each of its clocks, and the oracle has no other. */
    private void compare(JsonNode seen, ObjectNode line) throws IOException
    {
        for (Iterator<Map.Entry<String, JsonNode>> tables = seen.get("tables").fields(); tables.hasNext(); )
        {
            Map.Entry<String, JsonNode> entry = tables.next();
            String[] name = entry.getKey().split("\\.");
            KeyspaceMetadata keyspace = Schema.instance.getKeyspaceMetadata(name[0]);
            TableMetadata table = keyspace.getTableOrViewNullable(name[1]);
            List<ObjectNode> visible = new ArrayList<>();
            for (JsonNode now : seen.get("clocks"))
                visible.add(visible(table, now.asLong()));
            Map<String, ImmutableBTreePartition> held = held(table);
            entry.getValue().fields().forEachRemaining(partition -> {
                String difference = difference(table, partition, visible, held.remove(partition.getKey()));
                if (difference != null)
                    Judge.error(line, entry.getKey() + " partition " + partition.getKey() + ": " + difference);
                visible.forEach(shown -> shown.remove(partition.getKey()));
            });
            for (ObjectNode shown : visible)
                if (!shown.isEmpty())
                    Judge.error(line, entry.getKey() + ": partitions that the oracle does not hold: " + shown);
            if (!held.isEmpty())
                Judge.error(line, entry.getKey() + ": partitions that the oracle does not know: " + held.keySet());
        }
    }

    /** Null if one of the oracle's alternatives is what a client sees at each clock, with its tombstones. */
    private static String difference(TableMetadata table, Map.Entry<String, JsonNode> partition, List<ObjectNode> visible,
                                     ImmutableBTreePartition held)
    {
        List<String> differences = new ArrayList<>();
        for (JsonNode alternative : partition.getValue())
        {
            String difference = null;
            for (int clock = 0; clock < visible.size() && difference == null; clock++)
            {
                JsonNode expected = alternative.get("seen").get(clock);
                JsonNode shown = visible.get(clock).get(partition.getKey());
                if (shown == null ? !isNothing(expected) : !expected.equals(shown))
                    difference = "at clock " + clock + " expected " + expected + ", found " + shown;
            }
            if (difference == null)
                difference = new Thresholds(table, held).difference(alternative.get("thresholds"));
            if (difference == null)
                return null;
            differences.add(difference);
        }
        return String.join("; or ", differences);
    }

    private static boolean isNothing(JsonNode partition)
    {
        return partition.get("static").isEmpty() && partition.get("rows").isEmpty();
    }

    /** All files of a table merged, nothing purged; null if it has none. */
    private UnfilteredPartitionIterator merged(TableMetadata table)
    {
        List<UnfilteredPartitionIterator> sources = new ArrayList<>();
        if (sstables.containsKey(table.id))
            sources.add(sstables.get(table.id).all());
        if (replayed.containsKey(table.id))
            sources.add(new Replayed(table, replayed.get(table.id)));
        return sources.isEmpty() ? null : UnfilteredPartitionIterators.merge(sources, UnfilteredPartitionIterators.MergeListener.NOOP);
    }

    /** Everything of a table, tombstones included, by partition key. */
    private Map<String, ImmutableBTreePartition> held(TableMetadata table)
    {
        Map<String, ImmutableBTreePartition> partitions = new HashMap<>();
        try (UnfilteredPartitionIterator merged = merged(table))
        {
            while (merged != null && merged.hasNext())
                try (UnfilteredRowIterator partition = merged.next())
                {
                    partitions.put(ByteBufferUtil.bytesToHex(partition.partitionKey().getKey()), ImmutableBTreePartition.create(partition));
                }
        }
        return partitions;
    }

    /** What a client sees of a table, by partition key. */
    private ObjectNode visible(TableMetadata table, long now)
    {
        ObjectNode partitions = Documents.JSON.createObjectNode();
        UnfilteredPartitionIterator merged = merged(table);
        if (merged == null)
            return partitions;
        try (PartitionIterator live = UnfilteredPartitionIterators.filter(merged, now))
        {
            while (live.hasNext())
            {
                try (RowIterator rows = live.next())
                {
                    ObjectNode partition = Documents.JSON.createObjectNode();
                    partition.set("static", cells(rows.staticRow()));
                    ArrayNode list = partition.putArray("rows");
                    rows.forEachRemaining(row -> {
                        ObjectNode node = list.addObject();
                        ArrayNode clustering = node.putArray("clustering");
                        for (ByteBuffer value : row.clustering().getBufferArray())
                            clustering.add(ByteBufferUtil.bytesToHex(value));
                        node.set("cells", cells(row));
                    });
                    if (!isNothing(partition))
                        partitions.set(ByteBufferUtil.bytesToHex(rows.partitionKey().getKey()), partition);
                }
            }
        }
        return partitions;
    }

    /** Cells by column and path, each as column, path and value. */
    private static ArrayNode cells(Row row)
    {
        TreeMap<String, ArrayNode> sorted = new TreeMap<>();
        for (Cell<?> cell : row.cells())
        {
            String path = cell.path() == null ? null : ByteBufferUtil.bytesToHex(cell.path().get(0));
            ArrayNode node = Documents.JSON.createArrayNode().add(cell.column().name.toString()).add(path)
                                           .add(ByteBufferUtil.bytesToHex(cell.buffer()));
            sorted.put(cell.column().name + " " + path, node);
        }
        return Documents.JSON.createArrayNode().addAll(sorted.values());
    }

    /** The updates of a table in the order of its partitions. */
    private static final class Replayed extends AbstractUnfilteredPartitionIterator
    {
        private final TableMetadata table;
        private final Iterator<List<PartitionUpdate>> updates;

        Replayed(TableMetadata table, NavigableMap<DecoratedKey, List<PartitionUpdate>> updates)
        {
            this.table = table;
            this.updates = updates.values().iterator();
        }

        @Override
        public TableMetadata metadata()
        {
            return table;
        }

        @Override
        public boolean hasNext()
        {
            return updates.hasNext();
        }

        @Override
        public UnfilteredRowIterator next()
        {
            return PartitionUpdate.merge(updates.next()).unfilteredIterator();
        }
    }
}

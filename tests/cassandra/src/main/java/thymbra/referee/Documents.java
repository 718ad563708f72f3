package thymbra.referee;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.cassandra.db.rows.UnfilteredRowIterator;
import org.apache.cassandra.io.sstable.ISSTableScanner;
import org.apache.cassandra.io.sstable.format.SSTableReader;
import org.apache.cassandra.schema.TableMetadata;
import org.apache.cassandra.tools.JsonTransformer;

/** Documents in the form of sstabledump, made by the class that makes its own. */
final class Documents
{
    /** Numbers keep their digits: 1.0 is not 1.00. */
    static final ObjectMapper JSON = new ObjectMapper()
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .setNodeFactory(JsonNodeFactory.withExactBigDecimals(true));

    private Documents() {}

    /** What sstabledump prints of one SSTable, byte for byte. */
    static byte[] ofSSTable(SSTableReader sstable) throws IOException
    {
        try (ISSTableScanner scanner = sstable.getScanner())
        {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            JsonTransformer.toJson(scanner, stream(scanner), false, sstable.metadata(), out);
            return out.toByteArray();
        }
    }

    /** The same form for partitions that lie in no single file: without positions. */
    static JsonNode ofPartitions(TableMetadata table, Stream<UnfilteredRowIterator> partitions) throws IOException
    {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        JsonTransformer.toJson(new Nowhere(table), partitions, false, table, out);
        return withoutPositions(JSON.readTree(out.toByteArray()));
    }

    static Stream<UnfilteredRowIterator> stream(Iterator<UnfilteredRowIterator> partitions)
    {
        Iterable<UnfilteredRowIterator> once = () -> partitions;
        return java.util.stream.StreamSupport.stream(once.spliterator(), false);
    }

    /** Drops what says where something lies, and the kind of table, which 4.0 does not print. */
    static JsonNode withoutPositions(JsonNode document)
    {
        for (JsonNode node : document)
            withoutPositions(node);
        if (document instanceof ObjectNode object)
        {
            object.remove("position");
            object.remove("table kind");
        }
        return document;
    }

    static JsonNode read(Path file) throws IOException
    {
        return withoutPositions(JSON.readTree(file.toFile()));
    }

    /** Where two documents first differ, as a path and both values; null if they are equal. */
    static String difference(JsonNode expected, JsonNode found, String path)
    {
        if (expected.equals(found))
            return null;
        if (expected.isObject() && found.isObject())
        {
            Set<String> names = new TreeSet<>();
            expected.fieldNames().forEachRemaining(names::add);
            found.fieldNames().forEachRemaining(names::add);
            for (String name : names)
            {
                if (!expected.has(name) || !found.has(name))
                    return path + '/' + name + ": expected " + expected.get(name) + ", found " + found.get(name);
                String inner = difference(expected.get(name), found.get(name), path + '/' + name);
                if (inner != null)
                    return inner;
            }
        }
        if (expected.isArray() && found.isArray())
        {
            for (int at = 0; at < Math.min(expected.size(), found.size()); at++)
            {
                String inner = difference(expected.get(at), found.get(at), path + '/' + at);
                if (inner != null)
                    return inner;
            }
            return path + ": expected " + expected.size() + " elements, found " + found.size();
        }
        return path + ": expected " + expected + ", found " + found;
    }

    static ObjectNode object(Map<String, ?> fields)
    {
        return JSON.valueToTree(fields);
    }

    /** Stands in for a file where there is none. */
    private record Nowhere(TableMetadata metadata) implements ISSTableScanner
    {
        @Override
        public long getLengthInBytes()
        {
            return 0;
        }

        @Override
        public long getCompressedLengthInBytes()
        {
            return 0;
        }

        @Override
        public long getCurrentPosition()
        {
            return 0;
        }

        @Override
        public long getBytesScanned()
        {
            return 0;
        }

        @Override
        public Set<SSTableReader> getBackingSSTables()
        {
            return Set.of();
        }

        @Override
        public boolean hasNext()
        {
            return false;
        }

        @Override
        public UnfilteredRowIterator next()
        {
            throw new java.util.NoSuchElementException();
        }

        @Override
        public void close() {}
    }
}

package thymbra.referee;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.cassandra.db.Mutation;
import org.apache.cassandra.db.commitlog.CommitLogDescriptor;
import org.apache.cassandra.db.commitlog.CommitLogReadHandler;
import org.apache.cassandra.db.commitlog.CommitLogReader;
import org.apache.cassandra.db.partitions.PartitionUpdate;
import org.apache.cassandra.io.util.File;

/** Reads commit log segments with Cassandra's own reader, in the order of replay. */
final class CommitLogs
{
    private CommitLogs() {}

    /** The segments of a folder, by id. */
    static List<Path> segments(Path folder) throws IOException
    {
        try (Stream<Path> files = Files.list(folder))
        {
            return files.filter(file -> CommitLogDescriptor.isValid(file.getFileName().toString()))
                        .sorted(Comparator.comparingLong(file -> CommitLogDescriptor.fromFileName(file.getFileName().toString()).id))
                        .toList();
        }
    }

    /**
     * The document of a folder: each mutation with its segment, the position of its end, its size, and each of its
     * updates in the form of sstabledump; mutations of unknown tables by table; what the reader complained of.
     */
    static ObjectNode document(Path folder) throws IOException
    {
        CommitLogReader reader = new CommitLogReader();
        Collector collector = new Collector();
        File[] files = segments(folder).stream().map(file -> new File(file)).toArray(File[]::new);
        try
        {
            reader.readAllFiles(collector, files);
        }
        catch (IOException | RuntimeException e)
        {
            collector.errors.add(e.toString());
        }
        ObjectNode document = Documents.JSON.createObjectNode();
        document.set("mutations", collector.mutations);
        ObjectNode unknown = document.putObject("unknown tables");
        reader.getInvalidMutations().forEach(entry -> unknown.put(entry.getKey().toString(), entry.getValue().get()));
        document.set("errors", Documents.JSON.valueToTree(collector.errors));
        return document;
    }

    /** One mutation a line. */
    static String text(ObjectNode document)
    {
        List<String> lines = new ArrayList<>();
        document.get("mutations").forEach(mutation -> lines.add("  " + mutation));
        return "{\"mutations\": [\n" + String.join(",\n", lines) + "\n],\n\"unknown tables\": " + document.get("unknown tables")
               + ",\n\"errors\": " + document.get("errors") + "}\n";
    }

    private static final class Collector implements CommitLogReadHandler
    {
        final ArrayNode mutations = Documents.JSON.createArrayNode();
        final List<String> errors = new ArrayList<>();

        @Override
        public boolean shouldSkipSegmentOnError(CommitLogReadException exception)
        {
            errors.add((exception.permissible ? "permissible: " : "") + exception.getMessage());
            return true;
        }

        @Override
        public void handleUnrecoverableError(CommitLogReadException exception)
        {
            errors.add((exception.permissible ? "permissible: " : "") + exception.getMessage());
        }

        @Override
        public void handleMutation(Mutation mutation, int size, int entryLocation, CommitLogDescriptor descriptor)
        {
            ObjectNode node = mutations.addObject();
            node.put("segment", descriptor.id).put("position", entryLocation).put("size", size);
            ArrayNode updates = node.putArray("updates");
            for (PartitionUpdate update : mutation.getPartitionUpdates())
                updates.add(document(update));
        }

        private static JsonNode document(PartitionUpdate update)
        {
            ObjectNode node = Documents.JSON.createObjectNode();
            node.put("keyspace", update.metadata().keyspace).put("table", update.metadata().name).put("id", update.metadata().id.toString());
            try
            {
                JsonNode partitions = Documents.ofPartitions(update.metadata(), Stream.of(update.unfilteredIterator()));
                node.setAll((ObjectNode) partitions.get(0));
            }
            catch (IOException | RuntimeException e)
            {
                node.put("undumpable", e.toString());
            }
            return node;
        }
    }
}

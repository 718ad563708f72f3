package thymbra.referee;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.apache.cassandra.config.Config;
import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.cql3.CQLStatement;
import org.apache.cassandra.cql3.ColumnIdentifier;
import org.apache.cassandra.cql3.QueryProcessor;
import org.apache.cassandra.cql3.statements.schema.AlterSchemaStatement;
import org.apache.cassandra.cql3.statements.schema.CreateKeyspaceStatement;
import org.apache.cassandra.db.ColumnFamilyStore;
import org.apache.cassandra.db.Directories;
import org.apache.cassandra.db.Keyspace;
import org.apache.cassandra.schema.ColumnMetadata;
import org.apache.cassandra.schema.KeyspaceMetadata;
import org.apache.cassandra.schema.Schema;
import org.apache.cassandra.schema.TableId;
import org.apache.cassandra.schema.TableMetadata;
import org.apache.cassandra.schema.TableMetadataRef;
import org.apache.cassandra.service.ClientState;
import org.apache.cassandra.io.util.File;

/** Cassandra as its offline tools run it: schema and files, no memtables, no commit log. */
final class Offline
{
    private static final Pattern DROP = Pattern.compile("ALTER TABLE (\\w+)\\.(\\w+) DROP (\\w+) USING TIMESTAMP (-?\\d+);");

    private Offline() {}

    /** Lets the tools find a configuration without a file, with data below {@code folder}. */
    static void configure(Path folder)
    {
        Config.setOverrideLoadConfig(() -> {
            Config config = Engine.configuration(folder);
            // Damage is a finding here, no reason to end the process.
            config.disk_failure_policy = Config.DiskFailurePolicy.ignore;
            config.commit_failure_policy = Config.CommitFailurePolicy.ignore;
            return config;
        });
    }

    static void start(Path folder)
    {
        configure(folder);
        DatabaseDescriptor.toolInitialization();
    }

    /**
     * Registers the keyspace, types and tables of a {@code schema.cql}: one statement a line. What was there under the
     * same name from another file gives way.
     */
    static void register(Path schema) throws IOException
    {
        DatabaseDescriptor.setColumnIndexSizeInKiB(64);
        for (String line : Files.readAllLines(schema))
        {
            if (line.startsWith(Fixture.COLUMN_INDEX_SIZE))
                DatabaseDescriptor.setColumnIndexSizeInKiB(Integer.parseInt(line.substring(Fixture.COLUMN_INDEX_SIZE.length())));
            if (line.isBlank() || line.startsWith("--"))
                continue;
            Matcher drop = DROP.matcher(line);
            if (drop.matches())
            {
                dropColumn(drop.group(1), drop.group(2), drop.group(3), Long.parseLong(drop.group(4)));
                continue;
            }
            CQLStatement statement = QueryProcessor.parseStatement(line, ClientState.forInternalCalls());
            if (!(statement instanceof AlterSchemaStatement change))
                throw new IOException(schema + ": not a statement of schema: " + line);
            if (change instanceof CreateKeyspaceStatement)
                drop(change.keyspace());
            Schema.instance.transform(change);
        }
    }

    /** What the statement does to the schema; the statement itself asks the table's store, which needs a node. */
    private static void dropColumn(String keyspace, String table, String column, long timestamp)
    {
        Schema.instance.transform(schema -> {
            KeyspaceMetadata before = schema.getNullable(keyspace);
            TableMetadata metadata = before.getTableNullable(table);
            ColumnMetadata dropped = metadata.getColumn(ColumnIdentifier.getInterned(column, true));
            TableMetadata after = metadata.unbuild().removeRegularOrStaticColumn(dropped.name).recordColumnDrop(dropped, timestamp).build();
            return schema.withAddedOrUpdated(before.withSwapped(before.tables.withSwapped(after)));
        });
    }

    private static void drop(String keyspace)
    {
        if (Schema.instance.getKeyspaceMetadata(keyspace) != null)
            Schema.instance.transform(schema -> schema.without(keyspace));
    }

    /** The table of a folder named {@code <table>-<32 hex digits>}, or null if no schema has it. */
    static TableMetadata table(Path folder)
    {
        String name = folder.getFileName().toString();
        String hex = name.substring(name.lastIndexOf('-') + 1);
        return Schema.instance.getTableMetadata(TableId.fromString(hex.replaceFirst(
            "(.{8})(.{4})(.{4})(.{4})(.{12})", "$1-$2-$3-$4-$5")));
    }

    /** A store of a table whose files lie below {@code data}, with none of them loaded. */
    static ColumnFamilyStore store(TableMetadata table, Path data)
    {
        KeyspaceMetadata keyspace = Schema.instance.getKeyspaceMetadata(table.keyspace);
        Directories.DataDirectory[] folders = { new Directories.DataDirectory(new File(data)) };
        return ColumnFamilyStore.createColumnFamilyStore(Keyspace.mockKS(keyspace), table.name, TableMetadataRef.forOfflineTools(table),
                                                         new Directories(table, folders), false, false, true);
    }
}

package thymbra.referee;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import org.apache.cassandra.config.CassandraRelevantProperties;
import org.apache.cassandra.io.sstable.CQLSSTableWriter;

import static thymbra.referee.Fixture.T;

/**
 * A table written by CQLSSTableWriter, as bulk loaders write: no commit log stands behind it, so its statistics have no
 * interval and no host id.
 */
final class Bulk
{
    private static final int ROWS = 40;

    private Bulk() {}

    static Fixture fixture()
    {
        Fixture fixture = new Fixture("bulk", "pk text, ck int, v text, s set<text>, PRIMARY KEY (pk, ck)", Fixture.LZ4);
        for (int row = 0; row < ROWS; row++)
            fixture.run("INSERT INTO TABLE (pk, ck, v, s) VALUES ('" + key(row) + "', " + row + ", 'bulk " + row + "', {'a', '" + row
                        + "'}) USING TIMESTAMP " + (T + row));
        return fixture;
    }

    private static String key(int row)
    {
        return "key" + row % 7;
    }

    static void write(Path out) throws IOException
    {
        FixtureClock.setSeconds(Fixture.NOW);
        CassandraRelevantProperties.FORCE_LOAD_LOCAL_KEYSPACES.setBoolean(true);
        Fixture fixture = fixture();
        Path folder = Files.createDirectories(out.resolve(fixture.folder()));
        Files.writeString(folder.resolve("schema.cql"), Fixture.schema(List.of(fixture)));
        Files.writeString(folder.resolve("statements.cql"), fixture.script());
        try (CQLSSTableWriter writer = CQLSSTableWriter.builder()
                 .inDirectory(folder.toString())
                 .forTable(fixture.create().replace(";", ""))
                 .using("INSERT INTO " + Fixture.KEYSPACE + ".bulk (pk, ck, v, s) VALUES (?, ?, ?, ?) USING TIMESTAMP ?")
                 .build())
        {
            for (int row = 0; row < ROWS; row++)
                writer.addRow(Map.of("pk", key(row), "ck", row, "v", "bulk " + row, "s", java.util.Set.of("a", String.valueOf(row)),
                                     "[timestamp]", T + row));
        }
    }
}

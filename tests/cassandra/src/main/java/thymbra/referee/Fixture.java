package thymbra.referee;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;

/** A table, the statements that fill it, and when it is flushed. */
final class Fixture
{
    static final String KEYSPACE = "thymbra";

    /** Timestamps of writes begin here; microseconds. */
    static final long T = 1_700_000_000_000_000L;

    /** What the clock says first; seconds. */
    static final long NOW = 1_700_000_000L;

    static final String LZ4 = "compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 16}";
    static final String PLAIN = "compression = {'enabled': 'false'}";

    /** A line of schema.cql that says how large blocks of the promoted index are, where that is not the default. */
    static final String COLUMN_INDEX_SIZE = "-- column_index_size_in_kb ";

    /** One line of a script. */
    sealed interface Step permits Now, Statement, Flush, Compact, Sync {}

    /** The clock says this from here on. */
    record Now(long seconds) implements Step {}

    /** One statement of CQL. */
    record Statement(String text) implements Step {}

    /** The memtable becomes an SSTable. */
    record Flush() implements Step {}

    /** All SSTables become one, beside copies of the old ones. */
    record Compact() implements Step {}

    /** What the commit log has so far is on disk. */
    record Sync() implements Step {}

    final String table;
    final List<String> types = new ArrayList<>();
    final List<Step> steps = new ArrayList<>();
    private final String columns;
    private final String options;

    /** Size of the blocks of the promoted index; KiB, zero for Cassandra's default of 64. */
    int columnIndexKib = 0;

    /** False where Cassandra's sstabledump fails. */
    boolean isDumpable = true;

    Fixture(String table, String columns, String... options)
    {
        this.table = table;
        this.columns = columns;
        this.options = String.join(" AND ", Arrays.asList(options));
    }

    Fixture type(String name, String fields)
    {
        types.add("CREATE TYPE " + KEYSPACE + '.' + name + " (" + fields + ");");
        return this;
    }

    Fixture now(long seconds)
    {
        steps.add(new Now(seconds));
        return this;
    }

    /** Adds a statement; {@code TABLE} stands for the table's name with its keyspace. */
    Fixture run(String statement)
    {
        steps.add(new Statement(statement.replace("TABLE", KEYSPACE + '.' + table) + ';'));
        return this;
    }

    Fixture flush()
    {
        steps.add(new Flush());
        return this;
    }

    Fixture compact()
    {
        steps.add(new Compact());
        return this;
    }

    Fixture sync()
    {
        steps.add(new Sync());
        return this;
    }

    /** The same in every run. */
    UUID id()
    {
        return UUID.nameUUIDFromBytes((KEYSPACE + '.' + table).getBytes(StandardCharsets.UTF_8));
    }

    /** The name of the table's folder. */
    String folder()
    {
        return table + '-' + id().toString().replace("-", "");
    }

    String create()
    {
        return "CREATE TABLE " + KEYSPACE + '.' + table + " (" + columns + ") WITH id = " + id()
               + (options.isEmpty() ? "" : " AND " + options) + ';';
    }

    /** The text of {@code schema.cql}: one statement a line. */
    static String schema(List<Fixture> fixtures)
    {
        StringBuilder text = new StringBuilder();
        text.append("CREATE KEYSPACE ").append(KEYSPACE)
            .append(" WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};\n");
        for (Fixture fixture : fixtures)
        {
            fixture.types.forEach(type -> text.append(type).append('\n'));
            text.append(fixture.create()).append('\n');
            if (fixture.columnIndexKib != 0)
                text.append(COLUMN_INDEX_SIZE).append(fixture.columnIndexKib).append('\n');
        }
        return text.toString();
    }

    /** The text of {@code statements.cql}: one statement or event a line, events as comments. */
    String script()
    {
        StringBuilder text = new StringBuilder();
        text.append("-- now ").append(NOW).append('\n');
        for (Step step : steps)
        {
            if (step instanceof Now now)
                text.append("-- now ").append(now.seconds());
            else if (step instanceof Statement statement)
                text.append(statement.text());
            else if (step instanceof Flush)
                text.append("-- flush");
            else if (step instanceof Sync)
                text.append("-- sync");
            else
                text.append("-- compact");
            text.append('\n');
        }
        return text.toString();
    }
}

package thymbra.referee;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/** The command line; README.md of this folder describes it. */
public final class Main
{
    private static final String USAGE =
        """
        referee generate OUT_DIR             write fixtures with Cassandra's classes
        referee judge DIR [OPTIONS]          judge the SSTables and commit logs below DIR
                --now SECONDS                the clock, 1700000000 unless given
                --out OUT_DIR                write what was found there
                --strict                     count what Cassandra would write otherwise as an error
        referee commitlogdump DIR            print the mutations of the segments of DIR, which has a schema.cql
        referee values CASES JUDGED          say of the values of the file CASES what Cassandra's types do
        referee sstabledump ARGS             Cassandra's own sstabledump, at the clock of the fixtures
        referee sstablemetadata ARGS         Cassandra's own sstablemetadata, likewise
        """;

    private Main() {}

    /** Cassandra's threads outlive main, so every way out is an exit. */
    public static void main(String[] args)
    {
        try
        {
            run(args);
        }
        catch (Throwable e)
        {
            e.printStackTrace();
            System.exit(1);
        }
    }

    private static void run(String[] args) throws Exception
    {
        FixtureClock.install();
        String[] rest = args.length == 0 ? args : Arrays.copyOfRange(args, 1, args.length);
        switch (args.length == 0 ? "" : args[0])
        {
            case "generate" -> generate(rest);
            case "generate-part" -> {
                Generate.runPart(rest[0], Path.of(rest[1]), Path.of(rest[2]));
                System.exit(0);
            }
            case "judge" -> judge(rest);
            case "commitlogdump" -> {
                useTools();
                Offline.start(Path.of(System.getProperty("java.io.tmpdir"), "referee"));
                Offline.register(Path.of(rest[0], "schema.cql"));
                System.out.print(CommitLogs.text(CommitLogs.document(Path.of(rest[0]))));
                System.exit(0);
            }
            case "values" -> {
                Values.judge(Path.of(rest[0]), Path.of(rest[1]));
                System.exit(0);
            }
            case "sstabledump" -> {
                useTools();
                org.apache.cassandra.tools.SSTableExport.main(rest);
            }
            case "sstablemetadata" -> {
                useTools();
                org.apache.cassandra.tools.SSTableMetadataViewer.main(rest);
                System.exit(0);
            }
            default -> {
                System.err.print(USAGE);
                System.exit(2);
            }
        }
    }

    private static void generate(String[] args) throws Exception
    {
        if (args.length != 1)
        {
            System.err.print(USAGE);
            System.exit(2);
        }
        Generate.all(Path.of(args[0]).toAbsolutePath());
        System.exit(0);
    }

    private static void judge(String[] args) throws Exception
    {
        Path folder = null;
        Path out = null;
        long now = Fixture.NOW;
        boolean isStrict = false;
        for (int at = 0; at < args.length; at++)
        {
            switch (args[at])
            {
                case "--now" -> now = Long.parseLong(args[++at]);
                case "--out" -> out = Path.of(args[++at]).toAbsolutePath();
                case "--strict" -> isStrict = true;
                default -> folder = Path.of(args[at]).toAbsolutePath();
            }
        }
        if (folder == null)
        {
            System.err.print(USAGE);
            System.exit(2);
        }
        System.exit(Judge.run(folder, out, now, isStrict));
    }

    private static void useTools() throws IOException
    {
        FixtureClock.setSeconds(Fixture.NOW);
        Offline.configure(Path.of(System.getProperty("java.io.tmpdir"), "referee"));
    }
}

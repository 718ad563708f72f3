package thymbra.referee;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

import org.apache.cassandra.config.Config;

/** The command line; README.md of this folder describes it. */
public final class Main
{
    private static final String USAGE =
        """
        referee generate OUT_DIR             write fixtures with Cassandra's classes
        referee judge DIR [--now SECONDS]    judge the SSTables and commit logs below DIR
        referee sstabledump ARGS             Cassandra's own sstabledump, at the clock of the fixtures
        referee sstablemetadata ARGS         Cassandra's own sstablemetadata, likewise
        """;

    private Main() {}

    public static void main(String[] args) throws Exception
    {
        FixtureClock.install();
        String[] rest = args.length == 0 ? args : Arrays.copyOfRange(args, 1, args.length);
        switch (args.length == 0 ? "" : args[0])
        {
            case "generate" -> generate(rest);
            case "generate-part" -> Generate.part(rest[0], Path.of(rest[1]));
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

    /** Lets the tools of Cassandra find a configuration without a file. */
    static Path useTools() throws IOException
    {
        Path folder = Files.createTempDirectory("referee");
        folder.toFile().deleteOnExit();
        Config.setOverrideLoadConfig(() -> Engine.configuration(folder));
        return folder;
    }
}

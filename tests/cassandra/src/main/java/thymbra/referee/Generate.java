package thymbra.referee;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.db.ColumnFamilyStore;
import org.apache.cassandra.io.sstable.format.SSTableReader;

/** Writes the fixtures: the files, the statements they come from, and what Cassandra's tools print of them. */
final class Generate
{
    private Generate() {}

    /** All of them; the engine is one per process, so parts run in processes of their own. */
    static void all(Path out) throws IOException, InterruptedException
    {
        for (String old : List.of("sstables", "commitlog"))
            delete(out.resolve(old));
        Files.createDirectories(out);
        child("generate-part", "sstables", out.toString());
        documents(out.resolve("sstables"));
    }

    /** One part, in this process. */
    static void part(String part, Path out) throws IOException
    {
        Path scratch = Files.createTempDirectory("referee");
        switch (part)
        {
            case "sstables" -> sstables(scratch, out.resolve("sstables").resolve(Fixture.KEYSPACE));
            default -> throw new IllegalArgumentException(part);
        }
        delete(scratch);
        System.exit(0);
    }

    private static void sstables(Path scratch, Path out) throws IOException
    {
        FixtureClock.setSeconds(Fixture.NOW);
        Engine.start(scratch, null);
        List<Fixture> fixtures = Tables.all();
        boolean first = true;
        for (Fixture fixture : fixtures)
        {
            String schema = Fixture.schema(List.of(fixture));
            for (String line : schema.split("\n"))
                if (first || !line.startsWith("CREATE KEYSPACE"))
                    Engine.execute(line);
            first = false;
            Path folder = Files.createDirectories(out.resolve(fixture.folder()));
            Files.writeString(folder.resolve("schema.cql"), schema);
            Files.writeString(folder.resolve("statements.cql"), fixture.script());
            DatabaseDescriptor.setColumnIndexSizeInKiB(fixture.columnIndexKib == 0 ? 64 : fixture.columnIndexKib);
            FixtureClock.setSeconds(Fixture.NOW);
            fill(fixture, folder);
        }
    }

    private static void fill(Fixture fixture, Path folder) throws IOException
    {
        ColumnFamilyStore store = Engine.table(Fixture.KEYSPACE, fixture.table);
        for (Fixture.Step step : fixture.steps)
        {
            if (step instanceof Fixture.Now now)
                FixtureClock.setSeconds(now.seconds());
            else if (step instanceof Fixture.Statement statement)
                Engine.execute(statement.text());
            else
            {
                if (step instanceof Fixture.Flush)
                    Engine.flush(Fixture.KEYSPACE, fixture.table);
                else
                    store.forceMajorCompaction();
                copyLive(store, folder);
            }
        }
    }

    /** Copies the files of the table's SSTables; those of generations that are gone stay. */
    private static void copyLive(ColumnFamilyStore store, Path folder) throws IOException
    {
        for (SSTableReader sstable : store.getLiveSSTables())
            for (var component : sstable.getComponents())
            {
                Path file = sstable.descriptor.fileFor(component).toPath();
                Path copy = folder.resolve(file.getFileName().toString());
                if (!Files.exists(copy))
                    Files.copy(file, copy);
            }
    }

    /** Prints what Cassandra's own tools say of each SSTable. */
    private static void documents(Path folder) throws IOException, InterruptedException
    {
        for (Path data : dataFiles(folder))
        {
            String stem = stem(data);
            Files.write(data.resolveSibling("dump-" + stem + ".json"), child("sstabledump", data.toString()));
            String text = new String(child("sstablemetadata", data.toString()), StandardCharsets.UTF_8);
            Files.writeString(data.resolveSibling("metadata-" + stem + ".txt"),
                              text.replace(folder.getParent().toString() + '/', ""));
        }
    }

    /** {@code nb-1} of {@code nb-1-big-Data.db}. */
    static String stem(Path data)
    {
        return data.getFileName().toString().replace("-big-Data.db", "");
    }

    /** Every Data.db below a folder, in order of path. */
    static List<Path> dataFiles(Path folder) throws IOException
    {
        try (Stream<Path> files = Files.walk(folder))
        {
            return files.filter(file -> file.getFileName().toString().endsWith("-big-Data.db")).sorted().toList();
        }
    }

    /** Runs a command of {@link Main} in a process of its own and gives what it prints. */
    private static byte[] child(String... args) throws IOException, InterruptedException
    {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(Main.class.getName());
        command.addAll(List.of(args));
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        byte[] output = process.getInputStream().readAllBytes();
        if (process.waitFor() != 0)
            throw new IOException(String.join(" ", args) + ": exit " + process.exitValue());
        return output;
    }

    static void delete(Path folder) throws IOException
    {
        if (!Files.exists(folder))
            return;
        try (Stream<Path> files = Files.walk(folder))
        {
            files.sorted(Comparator.reverseOrder()).forEach(file -> {
                try
                {
                    Files.delete(file);
                }
                catch (IOException e)
                {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }
}

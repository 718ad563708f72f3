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
import java.util.Map;
import java.util.stream.Stream;

import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.config.ParameterizedClass;
import org.apache.cassandra.db.ColumnFamilyStore;
import org.apache.cassandra.db.commitlog.CommitLog;
import org.apache.cassandra.db.commitlog.CommitLogDescriptor;
import org.apache.cassandra.io.sstable.format.SSTableReader;

/** Writes the fixtures: the files, the statements they come from, and what Cassandra's tools print of them. */
final class Generate
{
    private static final ParameterizedClass LZ4 = new ParameterizedClass("LZ4Compressor", Map.of());

    private Generate() {}

    /** All of them; the engine is one per process, so parts run in processes of their own. */
    static void all(Path out) throws IOException, InterruptedException
    {
        for (String old : List.of("sstables", "commitlog", "foreign"))
            delete(out.resolve(old));
        Files.createDirectories(out);
        part("sstables", out);
        part("bulk", out);
        part("foreign", out);
        documents(out.resolve("sstables"));
        for (String kind : List.of("plain", "lz4"))
        {
            part("commitlog-" + kind, out);
            Path folder = out.resolve("commitlog").resolve(kind);
            Files.write(folder.resolve("mutations.json"), child("commitlogdump", folder.toString()));
        }
    }

    /** Runs one part in a process of its own, with a scratch folder that is gone after it. */
    private static void part(String part, Path out) throws IOException, InterruptedException
    {
        Path scratch = Files.createTempDirectory("referee");
        try
        {
            child("generate-part", part, out.toString(), scratch.toString());
        }
        finally
        {
            delete(scratch);
        }
    }

    /** One part, in this process. */
    static void runPart(String part, Path out, Path scratch) throws IOException
    {
        switch (part)
        {
            case "commitlog-plain" -> commitLog(scratch, out.resolve("commitlog/plain"), null);
            case "commitlog-lz4" -> commitLog(scratch, out.resolve("commitlog/lz4"), LZ4);
            case "bulk" -> {
                Offline.start(scratch);
                Bulk.write(out.resolve("sstables").resolve(Fixture.KEYSPACE));
            }
            // A client of Cassandra knows no compatibility mode: it writes 5.0's own version, oa.
            case "foreign" -> Bulk.write(out.resolve("foreign").resolve(Fixture.KEYSPACE));
            case "sstables" -> sstables(scratch, out.resolve("sstables").resolve(Fixture.KEYSPACE));
            default -> throw new IllegalArgumentException(part);
        }
    }

    private static void sstables(Path scratch, Path out) throws IOException
    {
        FixtureClock.setSeconds(Fixture.NOW);
        // A compressed commit log has a sync marker per sync only, not one every 100 ms: positions are the same in every run.
        Engine.start(scratch, LZ4);
        List<Fixture> fixtures = Tables.all();
        boolean first = true;
        for (Fixture fixture : fixtures)
        {
            String schema = Fixture.schema(List.of(fixture));
            for (String line : schema.split("\n"))
                if (!line.startsWith("--") && (first || !line.startsWith("CREATE KEYSPACE")))
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

    /** Segments of 8 KiB: those that were written, and the spare one that was ready. */
    private static void commitLog(Path scratch, Path out, ParameterizedClass compression) throws IOException
    {
        FixtureClock.setSeconds(Fixture.NOW);
        Engine.start(scratch, compression);
        List<Fixture> tables = LogScript.tables();
        String schema = Fixture.schema(tables);
        for (String line : schema.split("\n"))
            Engine.execute(line);
        Engine.shrinkSegments(8);
        // The spare segment has the old size, so the second new one is the first small one.
        CommitLog.instance.forceRecycleAllSegments();
        CommitLog.instance.forceRecycleAllSegments();
        long first = CommitLog.instance.getCurrentPosition().segmentId;
        Files.createDirectories(out);
        Files.writeString(out.resolve("schema.cql"), schema);
        Files.writeString(out.resolve("statements.cql"), tables.get(0).script());
        FixtureClock.setSeconds(Fixture.NOW);
        fill(tables.get(0), out);
        for (Path segment : CommitLogs.segments(scratch.resolve("commitlog")))
            if (CommitLogDescriptor.fromFileName(segment.getFileName().toString()).id >= first)
                Files.copy(segment, out.resolve(segment.getFileName()));
    }

    private static void fill(Fixture fixture, Path folder) throws IOException
    {
        ColumnFamilyStore store = Engine.table(Fixture.KEYSPACE, fixture.table);
        for (Fixture.Step step : fixture.steps)
        {
            if (step instanceof Fixture.Now now)
                FixtureClock.setSeconds(now.seconds());
            else if (step instanceof Fixture.Statement statement)
            {
                FixtureClock.tick();
                Engine.execute(statement.text());
            }
            else if (step instanceof Fixture.Sync)
                CommitLog.instance.sync(true);
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
            Path table = data.getParent();
            boolean isDumpable = Tables.all().stream().noneMatch(fixture -> !fixture.isDumpable && table.endsWith(fixture.folder()));
            if (isDumpable)
                Files.write(table.resolve("dump-" + stem + ".json"), child("sstabledump", data.toString()));
        }
        metadata(folder, dataFiles(folder));
    }

    /** One process prints all; every part begins with the name of its SSTable. */
    private static void metadata(Path folder, List<Path> dataFiles) throws IOException, InterruptedException
    {
        List<String> command = new ArrayList<>(List.of("sstablemetadata"));
        dataFiles.forEach(data -> command.add(data.toString()));
        String text = new String(child(command.toArray(String[]::new)), StandardCharsets.UTF_8).replace(folder.toString() + '/', "");
        String[] parts = text.split("(?m)^(?=SSTable: )");
        for (int at = 0; at < parts.length; at++)
        {
            Path data = dataFiles.get(at);
            Files.writeString(data.resolveSibling("metadata-" + stem(data) + ".txt"), parts[at]);
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

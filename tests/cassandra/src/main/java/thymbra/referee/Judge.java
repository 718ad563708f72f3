package thymbra.referee;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.cassandra.schema.TableMetadata;

/** Judges every SSTable and commit log below a folder, in one process, and prints one line of JSON for each. */
final class Judge
{
    private final Path root;
    private final Path out;
    private final boolean isStrict;
    private final Path scratch;
    private final PrintStream lines = System.out;
    private int bad = 0;
    private int judged = 0;

    private Judge(Path root, Path out, boolean isStrict, Path scratch)
    {
        this.root = root;
        this.out = out;
        this.isStrict = isStrict;
        this.scratch = scratch;
    }

    /** Exit status: 0 if all is good, 1 if something is bad or there is nothing to judge. */
    static int run(Path root, Path out, long nowSeconds, boolean isStrict) throws IOException
    {
        Path scratch = Files.createTempDirectory("referee");
        try
        {
            FixtureClock.setSeconds(nowSeconds);
            Offline.start(scratch);
            Judge judge = new Judge(root, out, isStrict, scratch);
            for (Path folder : folders(root))
            {
                List<Path> data = list(folder, "-big-Data.db");
                if (!data.isEmpty())
                    judge.table(folder, data, nowSeconds, Files.createTempDirectory(scratch, "data"));
                if (!CommitLogs.segments(folder).isEmpty())
                    judge.commitLog(folder);
                if (Files.exists(folder.resolve("seen.json")))
                    judge.node(folder);
            }
            if (judge.judged == 0)
            {
                System.err.println("nothing to judge below " + root);
                return 1;
            }
            return judge.bad == 0 ? 0 : 1;
        }
        finally
        {
            Generate.delete(scratch);
        }
    }

    private static List<Path> folders(Path root) throws IOException
    {
        try (Stream<Path> all = Files.walk(root))
        {
            return all.filter(Files::isDirectory).sorted().toList();
        }
    }

    private static List<Path> list(Path folder, String suffix) throws IOException
    {
        try (Stream<Path> files = Files.list(folder))
        {
            return files.filter(file -> file.getFileName().toString().endsWith(suffix)).sorted().toList();
        }
    }

    /** Registers the schema of a folder or of the nearest one above it that has one. */
    private void register(Path folder) throws IOException
    {
        for (Path at = folder; at != null && at.startsWith(root); at = at.getParent())
            if (Files.exists(at.resolve("schema.cql")))
            {
                Offline.register(at.resolve("schema.cql"));
                return;
            }
        throw new IOException("no schema.cql in the folder or above it");
    }

    private void table(Path folder, List<Path> data, long nowSeconds, Path copies) throws IOException
    {
        SSTables tables;
        try
        {
            register(folder);
            TableMetadata metadata = Offline.table(folder);
            if (metadata == null)
                throw new IOException("schema.cql has no table with the id in the folder's name");
            tables = new SSTables(metadata, folder, copies);
        }
        catch (IOException | RuntimeException e)
        {
            ObjectNode line = line(folder);
            error(line, e.toString());
            print(line);
            return;
        }
        for (Path file : data)
        {
            ObjectNode line = line(file);
            String stem = Generate.stem(file);
            try
            {
                JsonNode dump = tables.judge(file, line, isStrict);
                if (dump != null)
                    compare(line, folder, "dump-" + stem + ".json", dump);
            }
            catch (IOException | RuntimeException | AssertionError e)
            {
                error(line, SSTables.reason(e));
            }
            print(line);
        }
        ObjectNode line = line(folder);
        try
        {
            compare(line, folder, "merged.json", tables.merged());
            compare(line, folder, "live.json", tables.live(nowSeconds));
        }
        catch (NullPointerException e)
        {
            line.put("undumpable", SSTables.reason(e));
        }
        catch (IOException | RuntimeException | AssertionError e)
        {
            error(line, SSTables.reason(e));
        }
        print(line);
        tables.close();
    }

    private void node(Path folder) throws IOException
    {
        ObjectNode line = line(folder);
        try
        {
            register(folder);
            NodeFiles.judge(folder, line, scratch);
        }
        catch (IOException | RuntimeException | AssertionError e)
        {
            error(line, SSTables.reason(e));
        }
        print(line);
    }

    private void commitLog(Path folder) throws IOException
    {
        ObjectNode line = line(folder);
        try
        {
            register(folder);
            ObjectNode document = CommitLogs.document(folder);
            document.get("errors").forEach(error -> error(line, error.asText()));
            line.put("segments", CommitLogs.segments(folder).size()).put("mutations", document.get("mutations").size());
            line.set("unknown tables", document.get("unknown tables"));
            Path oracle = folder.resolve("mutations.json");
            write(folder, "mutations.json", CommitLogs.text(document));
            if (Files.exists(oracle))
                compareMutations(line, Documents.JSON.readTree(oracle.toFile()).get("mutations"), (ArrayNode) document.get("mutations"));
        }
        catch (IOException | RuntimeException | AssertionError e)
        {
            error(line, SSTables.reason(e));
        }
        print(line);
    }

    /** What the oracle does not say of a mutation (segment, position, size) is not compared. */
    private static void compareMutations(ObjectNode line, JsonNode expected, ArrayNode found)
    {
        for (int at = 0; at < Math.min(expected.size(), found.size()); at++)
            for (String name : List.of("segment", "position", "size"))
                if (!expected.get(at).has(name))
                    ((ObjectNode) found.get(at)).remove(name);
        report(line, "mutations.json", Documents.difference(expected, found, ""));
    }

    /** Writes what was found and compares it with the file of this name beside what is judged, if there is one. */
    private void compare(ObjectNode line, Path folder, String name, JsonNode found) throws IOException
    {
        write(folder, name, found.toPrettyString());
        Path oracle = folder.resolve(name);
        if (Files.exists(oracle))
            report(line, name, Documents.difference(Documents.read(oracle), Documents.withoutPositions(found), ""));
    }

    private static void report(ObjectNode line, String name, String difference)
    {
        line.withArray("compared").add(name);
        if (difference != null)
            error(line, name + difference);
    }

    private void write(Path folder, String name, String text) throws IOException
    {
        if (out == null)
            return;
        Path target = out.resolve(root.relativize(folder)).resolve(name);
        Files.createDirectories(target.getParent());
        Files.writeString(target, text);
    }

    private ObjectNode line(Path file)
    {
        ObjectNode line = Documents.object(new TreeMap<>());
        line.put("file", root.relativize(file).toString()).put("verdict", "good");
        return line;
    }

    static void error(ObjectNode line, String text)
    {
        line.put("verdict", "bad");
        line.withArray("errors").add(text);
    }

    private void print(ObjectNode line)
    {
        judged++;
        if (!line.get("verdict").asText().equals("good"))
            bad++;
        lines.println(line.toString().replaceAll(java.util.regex.Pattern.quote(scratch.toString()) + "/data[0-9]+/", ""));
        lines.flush();
    }
}

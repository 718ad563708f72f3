package thymbra.referee;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.db.marshal.AbstractType;
import org.apache.cassandra.db.marshal.TypeParser;
import org.apache.cassandra.transport.ProtocolVersion;
import org.apache.cassandra.utils.ByteBufferUtil;
import org.apache.cassandra.utils.JsonUtils;

/**
 * What Cassandra's types say of values: the judgement that {@code impl/format/tests/judged_values.rs} compares with.
 *
 * <p>A case is a line of three fields between tabs: the class name of a type, and two values in hexadecimal. The
 * judgement repeats it and adds the name that Cassandra gives the type, its CQL name, whether the first value is valid,
 * the order of the two, the first as text and as JSON. Classes stand without their package. A field is "!" where
 * Cassandra throws and "-" where there is no valid value to ask about; text and JSON are escaped as inside a JSON
 * string.
 *
 * <p>{@code tests/cassandra/values} draws cases, has them judged and compares.
 */
final class Values
{
    private static final String PACKAGE = "org.apache.cassandra.db.marshal.";
    private static final String THROWS = "!";
    private static final String NOT_ASKED = "-";

    private Values() {}

    /** Judges the cases of a file. */
    static void judge(Path cases, Path judged) throws IOException
    {
        DatabaseDescriptor.clientInitialization();
        List<String> lines = new ArrayList<>();
        for (String line : Files.readAllLines(cases))
            lines.add(judge(line.split("\t", -1)));
        Files.write(judged, lines);
    }

    private static String judge(String[] fields)
    {
        AbstractType<?> type = TypeParser.parse(fields[0]);
        ByteBuffer left = ByteBufferUtil.hexToBytes(fields[1]);
        ByteBuffer right = ByteBufferUtil.hexToBytes(fields[2]);
        boolean isValid = isValid(type, left);
        boolean areValid = isValid && isValid(type, right);
        return String.join("\t",
                           fields[0],
                           fields[1],
                           fields[2],
                           type.toString().replace(PACKAGE, ""),
                           type.asCQL3Type().toString().replace(PACKAGE, ""),
                           Boolean.toString(isValid),
                           ask(areValid, () -> Integer.toString(Integer.signum(type.compare(left, right)))),
                           ask(isValid, () -> type.getString(left)),
                           ask(isValid, () -> type.toJSONString(left, ProtocolVersion.CURRENT)));
    }

    private static boolean isValid(AbstractType<?> type, ByteBuffer value)
    {
        try
        {
            type.validate(value);
            return true;
        }
        catch (Throwable invalid)
        {
            return false;
        }
    }

    private static String ask(boolean isAsked, Callable<String> question)
    {
        if (!isAsked)
            return NOT_ASKED;
        try
        {
            return JsonUtils.quoteAsJsonString(question.call());
        }
        catch (Throwable refused)
        {
            return THROWS;
        }
    }
}

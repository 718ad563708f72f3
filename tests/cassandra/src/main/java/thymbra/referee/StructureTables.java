package thymbra.referee;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

import static thymbra.referee.Fixture.T;

/** Tables about the shape of partitions: keys, statics, many columns, wide partitions, many partitions. */
final class StructureTables
{
    private StructureTables() {}

    static List<Fixture> all()
    {
        return List.of(keyOnly(), statics(), compositeKeys(), descending(), manyColumns("columns_63", 63), manyColumns("columns_64", 64),
                       manyColumns("columns_70", 70), wide("wide_lz4", Fixture.LZ4, 4, 9), wide("wide_plain", Fixture.PLAIN, 1, 3),
                       wideDescending(), keys("keys_300", 300, "", Fixture.PLAIN), keys("keys_lz4", 130, "", Fixture.LZ4),
                       keys("keys_no_filter", 20, "bloom_filter_fp_chance = 1.0 AND ", Fixture.PLAIN), chunks(), timestamps(), generations());
    }

    private static Fixture keyOnly()
    {
        return new Fixture("key_only", "a int, b int, PRIMARY KEY (a, b)", Fixture.PLAIN)
            .run("INSERT INTO TABLE (a, b) VALUES (1, 1) USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (a, b) VALUES (1, 2) USING TIMESTAMP " + (T + 1) + " AND TTL 100")
            .flush();
    }

    private static Fixture statics()
    {
        return new Fixture("statics", "pk int, ck int, s int static, st text static, sl list<int> static, v int, PRIMARY KEY (pk, ck)",
                           Fixture.PLAIN)
            .run("INSERT INTO TABLE (pk, ck, s, st, v) VALUES (1, 1, 10, 'static', 1) USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 2, 2) USING TIMESTAMP " + (T + 1))
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (2, 1, 3) USING TIMESTAMP " + (T + 2))
            .run("INSERT INTO TABLE (pk, s) VALUES (3, 30) USING TIMESTAMP " + (T + 3) + " AND TTL 5000")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 4) + " SET sl = [1, 2] WHERE pk = 4")
            .run("DELETE st FROM TABLE USING TIMESTAMP " + (T + 5) + " WHERE pk = 5")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 6) + " WHERE pk = 6 AND ck > 3")
            .run("INSERT INTO TABLE (pk, s) VALUES (6, 60) USING TIMESTAMP " + (T + 7))
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 8) + " WHERE pk = 7")
            .flush();
    }

    private static Fixture compositeKeys()
    {
        return new Fixture("composite_keys", "a text, b int, c uuid, ck1 text, ck2 bigint, v text, PRIMARY KEY ((a, b, c), ck1, ck2)",
                           Fixture.PLAIN)
            .run("INSERT INTO TABLE (a, b, c, ck1, ck2, v) VALUES ('p', 1, 123e4567-e89b-42d3-a456-426614174000, 'x', 1, 'v1') USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (a, b, c, ck1, ck2, v) VALUES ('p', 1, 123e4567-e89b-42d3-a456-426614174000, 'x', -1, 'v2') USING TIMESTAMP " + (T + 1))
            .run("INSERT INTO TABLE (a, b, c, ck1, ck2, v) VALUES ('', 0, 00000000-0000-0000-0000-000000000000, '', 0, '') USING TIMESTAMP " + (T + 2))
            .run("INSERT INTO TABLE (a, b, c, ck1, ck2, v) VALUES ('a:b', -1, ffffffff-ffff-ffff-ffff-ffffffffffff, 'y', 5, 'colon') USING TIMESTAMP " + (T + 3))
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 4) + " WHERE a = 'p' AND b = 2 AND c = 123e4567-e89b-42d3-a456-426614174000 AND ck1 = 'x'")
            .flush();
    }

    /** Clustering columns in falling order, with ranges that begin and end in them. */
    private static Fixture descending()
    {
        Fixture fixture = new Fixture("descending", "pk text, a int, b text, c bigint, v int, PRIMARY KEY (pk, a, b, c)",
                                      Fixture.PLAIN, "CLUSTERING ORDER BY (a DESC, b ASC, c DESC)");
        int at = 0;
        for (int a = 1; a <= 3; a++)
            for (String b : List.of("", "m", "z"))
                for (long c : new long[]{ -5, 0, 5 })
                    fixture.run("INSERT INTO TABLE (pk, a, b, c, v) VALUES ('p', " + a + ", '" + b + "', " + c + ", " + at + ") USING TIMESTAMP " + (T + at++));
        return fixture
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 5) + " WHERE pk = 'p' AND a > 1 AND a <= 2")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 50) + " WHERE pk = 'p' AND a = 3 AND b = 'm' AND c >= 0")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 51) + " WHERE pk = 'p' AND a = 3 AND b > 'm'")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 52) + " WHERE pk = 'q' AND a < 7")
            .flush();
    }

    /** Rows with few, half, most and all of the columns; two of each number are collections. */
    private static Fixture manyColumns(String table, int count)
    {
        StringBuilder columns = new StringBuilder("pk int, ck int, ");
        for (int column = 0; column < count - 2; column++)
            columns.append(name(column)).append(" int, ");
        columns.append("la list<int>, lb set<int>, PRIMARY KEY (pk, ck)");
        Fixture fixture = new Fixture(table, columns.toString(), Fixture.PLAIN);
        List<IntPredicate> rows = new ArrayList<>();
        rows.add(column -> true);
        rows.add(column -> false);
        rows.add(column -> column == 0);
        rows.add(column -> column == count - 3);
        rows.add(column -> column != 0);
        rows.add(column -> column % 2 == 0);
        rows.add(column -> column % 2 == 1);
        rows.add(column -> column < count / 2 - 1);
        rows.add(column -> column < count / 2);
        rows.add(column -> column < count / 2 + 1);
        rows.add(column -> column % 7 != 3);
        for (int row = 0; row < rows.size(); row++)
        {
            IntPredicate present = rows.get(row);
            StringBuilder names = new StringBuilder("pk, ck");
            StringBuilder values = new StringBuilder("1, " + row);
            IntStream.range(0, count - 2).filter(present).forEach(column -> {
                names.append(", ").append(name(column));
                values.append(", ").append(column);
            });
            if (row == 0 || row == 4)
            {
                names.append(", la, lb");
                values.append(", [1], {2}");
            }
            fixture.run("INSERT INTO TABLE (" + names + ") VALUES (" + values + ") USING TIMESTAMP " + (T + row));
        }
        return fixture
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 100) + " WHERE pk = 1 AND ck = 100")
            .run("DELETE la FROM TABLE USING TIMESTAMP " + (T + 101) + " WHERE pk = 2 AND ck = 1")
            .flush();
    }

    private static String name(int column)
    {
        return String.format("c%02d", column);
    }

    /**
     * One partition of several blocks of the promoted index, between two narrow ones. A range deletion is open across
     * block boundaries, another begins and ends inside a block, a third meets it.
     */
    private static Fixture wide(String table, String compression, int columnIndexKib, int valueLength)
    {
        Fixture fixture = new Fixture(table, "pk text, ck int, cl text, s text static, v text, PRIMARY KEY (pk, ck, cl)", compression);
        fixture.columnIndexKib = columnIndexKib;
        String filling = "abcdefghij".repeat(valueLength);
        fixture.run("INSERT INTO TABLE (pk, ck, cl, v) VALUES ('before', 1, 'x', 'narrow') USING TIMESTAMP " + T);
        fixture.run("INSERT INTO TABLE (pk, s) VALUES ('wide', 'static') USING TIMESTAMP " + T);
        for (int row = 0; row < 180; row++)
            fixture.run("INSERT INTO TABLE (pk, ck, cl, v) VALUES ('wide', " + row + ", 'c" + row % 7 + "', '" + filling + "') USING TIMESTAMP " + (T + 1000 + row));
        fixture.run("INSERT INTO TABLE (pk, ck, cl, v) VALUES ('after', 1, 'x', 'narrow') USING TIMESTAMP " + T);
        return fixture
            .now(Fixture.NOW + 60)
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 10) + " WHERE pk = 'wide' AND ck >= 20 AND ck < 150")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 20) + " WHERE pk = 'wide' AND ck >= 150 AND ck <= 152")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 30) + " WHERE pk = 'wide' AND ck = 160 AND cl > 'c0'")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 40) + " WHERE pk = 'wide' AND ck > 175")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T - 1) + " WHERE pk = 'wide'")
            .flush();
    }

    private static Fixture wideDescending()
    {
        Fixture fixture = new Fixture("wide_descending", "pk int, ck bigint, v text, PRIMARY KEY (pk, ck)", Fixture.PLAIN,
                                      "CLUSTERING ORDER BY (ck DESC)");
        fixture.columnIndexKib = 1;
        for (int row = 0; row < 120; row++)
            fixture.run("INSERT INTO TABLE (pk, ck, v) VALUES (1, " + row * 10 + ", '" + "0123456789".repeat(4) + "') USING TIMESTAMP " + (T + row));
        return fixture
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T - 5) + " WHERE pk = 1 AND ck > 105 AND ck <= 900")
            .flush();
    }

    private static Fixture keys(String table, int count, String option, String compression)
    {
        Fixture fixture = new Fixture(table, "pk int PRIMARY KEY, v text", option + compression);
        for (int key = 0; key < count; key++)
            fixture.run("INSERT INTO TABLE (pk, v) VALUES (" + key * 7 + ", 'value " + key + "') USING TIMESTAMP " + (T + key % 10));
        return fixture.flush();
    }

    /** Several chunks of 4 KiB: some compress, some do not and are stored as they are. */
    private static Fixture chunks()
    {
        Fixture fixture = new Fixture("chunks", "pk int PRIMARY KEY, v blob",
                                      "compression = {'class': 'LZ4Compressor', 'chunk_length_in_kb': 4, 'min_compress_ratio': 1.1}");
        java.util.Random random = new java.util.Random(1);
        for (int key = 0; key < 8; key++)
        {
            byte[] value = new byte[1500];
            if (key % 3 != 0)
                random.nextBytes(value);
            StringBuilder hex = new StringBuilder("0x");
            for (byte b : value)
                hex.append(String.format("%02x", b));
            fixture.run("INSERT INTO TABLE (pk, v) VALUES (" + key + ", " + hex + ") USING TIMESTAMP " + (T + key));
        }
        return fixture.flush();
    }

    /** Timestamps far from the epoch of the encoding, before and after. */
    private static Fixture timestamps()
    {
        return new Fixture("timestamps", "pk int, ck int, v int, w int, PRIMARY KEY (pk, ck)", Fixture.PLAIN)
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 1, 1) USING TIMESTAMP 1")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 2, 1) USING TIMESTAMP 0")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 3, 1) USING TIMESTAMP -1")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 4, 1) USING TIMESTAMP 1442880000000000")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 5, 1) USING TIMESTAMP 4611686018427387904")
            .run("UPDATE TABLE USING TIMESTAMP 1000 SET w = 2 WHERE pk = 1 AND ck = 1")
            .now(1_000_000_000L)
            .run("DELETE FROM TABLE USING TIMESTAMP 5 WHERE pk = 1 AND ck = 6")
            .now(1)
            .run("DELETE v FROM TABLE USING TIMESTAMP 7 WHERE pk = 2 AND ck = 1")
            .now(Fixture.NOW)
            .run("DELETE FROM TABLE USING TIMESTAMP 9 WHERE pk = 3")
            .flush();
    }

    /** Three SSTables of the same partitions, then the one that a major compaction makes of them. */
    private static Fixture generations()
    {
        return new Fixture("generations", "pk int, ck int, v text, s set<int>, st int static, PRIMARY KEY (pk, ck)", Fixture.PLAIN,
                           "gc_grace_seconds = 3600")
            .run("INSERT INTO TABLE (pk, ck, v, s, st) VALUES (1, 1, 'old', {1, 2}, 1) USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 2, 'deleted later') USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 3, 'expires and is purged') USING TIMESTAMP " + T + " AND TTL 10")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 4, 'expires and stays') USING TIMESTAMP " + T + " AND TTL 5000")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (2, 1, 'partition deleted') USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (3, 1, 'a tie') USING TIMESTAMP " + T)
            .flush()
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 10) + " WHERE pk = 1 AND ck = 2")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 10) + " WHERE pk = 2")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 10) + " SET s = s + {3}, v = 'new' WHERE pk = 1 AND ck = 1")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (3, 1, 'b tie') USING TIMESTAMP " + T)
            .flush()
            .now(Fixture.NOW + 4000)
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 20) + " WHERE pk = 1 AND ck >= 8")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 20) + " SET s = {9} WHERE pk = 1 AND ck = 1")
            .run("DELETE v FROM TABLE USING TIMESTAMP " + T + " WHERE pk = 3 AND ck = 1")
            .flush()
            .compact();
    }
}

package thymbra.referee;

import java.util.List;

import static thymbra.referee.Fixture.T;

/** Tables about values: every type, collections, tuples, user types, counters, empty values. */
final class ValueTables
{
    private static final String SCALARS =
        "pk int, a ascii, bi bigint, bl blob, bo boolean, da date, de decimal, dbl double, du duration, f float, "
        + "ine inet, i int, si smallint, t text, ti time, ts timestamp, tu timeuuid, tiny tinyint, u uuid, v varint, "
        + "PRIMARY KEY (pk)";

    private static final String SCALAR_NAMES =
        "pk, a, bi, bl, bo, da, de, dbl, du, f, ine, i, si, t, ti, ts, tu, tiny, u, v";

    private ValueTables() {}

    static List<Fixture> all()
    {
        return List.of(scalars("scalars_lz4", Fixture.LZ4), scalars("scalars_plain", Fixture.PLAIN),
                       keyTypes(), collections(), frozen(), userTypes(), vectors(), counters(), empties(), undumpable(), texts());
    }

    private static Fixture scalars(String table, String compression)
    {
        String[] rows = {
            "1, 'plain ascii', 9223372036854775807, 0x00ff10, true, '2024-02-29', -123.4500, 3.141592653589793, "
            + "1y2mo3d4h5m6s7ms8us9ns, 2.5, '192.168.1.1', 2147483647, 32767, 'na\u00efve \u2713 \ud83d\ude00', '13:14:15.123456789', "
            + "'2024-02-29T12:34:56.789+0000', 50554d6e-29bb-11e5-b345-feff819cdc9f, 127, "
            + "123e4567-e89b-42d3-a456-426614174000, 123456789012345678901234567890",
            "2, '', -9223372036854775808, 0x, false, '1969-12-31', 0, -0.0, -89h4m48s, -1.5e-30, "
            + "'2001:db8::ff00:42:8329', -2147483648, -32768, '', '00:00:00', '1969-12-31T23:59:59.999+0000', "
            + "00000000-0000-1000-8080-808080808080, -128, 00000000-0000-0000-0000-000000000000, 0",
            "3, 'low', 0, 0x80, true, '1970-01-01', 1E+3, NaN, 0s, Infinity, '::', 0, 0, 'tab\tquote\"backslash\\', "
            + "'23:59:59.999999999', 0, ffffffff-ffff-1fff-bf7f-7f7f7f7f7f7f, 0, "
            + "ffffffff-ffff-ffff-ffff-ffffffffffff, -128",
            "4, 'high', -1, 0xffffffffffffffffffffffffffffffff, false, 4294967295, "
            + "12345678901234567890.123456789, 1.7976931348623157E308, 178956970y7mo2147483647d2562047h47m16s854ms775us807ns, "
            + "-Infinity, '0.0.0.0', -1, -1, 'null', '00:00:00.000000001', 253402300799999, "
            + "50554d6e-29bb-11e5-b345-feff819cdc9f, -1, 50554d6e-29bb-11e5-b345-feff819cdc9f, 128",
        };
        Fixture fixture = new Fixture(table, SCALARS, compression);
        for (int row = 0; row < rows.length; row++)
            fixture.run("INSERT INTO TABLE (" + SCALAR_NAMES + ") VALUES (" + rows[row] + ") USING TIMESTAMP " + (T + row));
        return fixture.flush();
    }

    /** Every type that may be a key, as clustering columns in both orders, and a key that is not ASCII. */
    private static Fixture keyTypes()
    {
        Fixture fixture = new Fixture("key_types",
                           "pk text, a ascii, bi bigint, bl blob, bo boolean, da date, de decimal, dbl double, f float, ine inet, "
                           + "si smallint, ti time, ts timestamp, tu timeuuid, tiny tinyint, u uuid, v varint, li frozen<list<int>>, "
                           + "x int, PRIMARY KEY (pk, a, bi, bl, bo, da, de, dbl, f, ine, si, ti, ts, tu, tiny, u, v, li)",
                           Fixture.PLAIN,
                           "CLUSTERING ORDER BY (a ASC, bi DESC, bl ASC, bo DESC, da ASC, de DESC, dbl ASC, f DESC, ine ASC, "
                           + "si DESC, ti ASC, ts DESC, tu ASC, tiny DESC, u ASC, v DESC, li ASC)");
        String names = "(pk, a, bi, bl, bo, da, de, dbl, f, ine, si, ti, ts, tu, tiny, u, v, li, x)";
        String[][] rows = {
            { "a", "1", "0x01", "true", "'2024-01-01'", "1.0", "1.0", "1.0", "'1.2.3.4'", "1", "'01:00:00'", "1",
              "50554d6e-29bb-11e5-b345-feff819cdc9f", "1", "123e4567-e89b-42d3-a456-426614174000", "1", "[1]" },
            { "a", "-1", "0x", "false", "'1960-01-01'", "-1.000", "-1.0", "-1.0", "'::1'", "-1", "'23:00:00'", "-1",
              "60554d6e-29bb-11e5-b345-feff819cdc9f", "-1", "50554d6e-29bb-11e5-b345-feff819cdc9f", "-1", "[]" },
            { "b", "1", "0xff", "true", "'2024-01-01'", "1E-5", "0.0", "NaN", "'255.255.255.255'", "300", "'12:00:00'",
              "1000", "70554d6e-29bb-11e5-b345-feff819cdc9f", "100", "ffffffff-ffff-4fff-bfff-ffffffffffff", "1000000000000", "[-1, 2]" },
        };
        String[] keys = { "\u00fcber", "plain", "\u4e2d\u6587\u952e\u503c\u952e\u503c" };
        int at = 0;
        for (String key : keys)
            for (String[] row : rows)
            {
                StringBuilder values = new StringBuilder("'" + key + "', '" + row[0] + '\'');
                for (int column = 1; column < row.length; column++)
                    values.append(", ").append(row[column]);
                fixture.run("INSERT INTO TABLE " + names + " VALUES (" + values + ", " + at + ") USING TIMESTAMP " + (T + at));
                at++;
            }
        return fixture.flush();
    }

    /** Collections of which each element is a cell. */
    private static Fixture collections()
    {
        return new Fixture("collections",
                           "pk int, ck int, l list<int>, lt list<text>, s set<text>, si set<int>, m map<text, int>, "
                           + "mt map<timestamp, frozen<list<text>>>, v int, PRIMARY KEY (pk, ck)", Fixture.PLAIN)
            .run("INSERT INTO TABLE (pk, ck, l, s, m, v) VALUES (1, 1, [3, 1, 2], {'b', 'a', ''}, {'k1': 1, 'k2': 2}, 7) USING TIMESTAMP " + T)
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 1) + " SET l = l + [4, 5], s = s + {'c'}, m['k3'] = 3 WHERE pk = 1 AND ck = 1")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 2) + " SET l = [0] + l WHERE pk = 1 AND ck = 2")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 3) + " SET s = s - {'a'}, m = m - {'k1'} WHERE pk = 1 AND ck = 1")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 4) + " SET m = {'only': 9} WHERE pk = 1 AND ck = 3")
            .run("DELETE m['gone'] FROM TABLE USING TIMESTAMP " + (T + 5) + " WHERE pk = 1 AND ck = 3")
            .run("DELETE l, s FROM TABLE USING TIMESTAMP " + (T + 6) + " WHERE pk = 1 AND ck = 4")
            .run("INSERT INTO TABLE (pk, ck, l, s, m) VALUES (2, 1, [], {}, {}) USING TIMESTAMP " + (T + 7))
            .run("INSERT INTO TABLE (pk, ck, si, mt) VALUES (2, 2, {5, -5, 0}, {'2024-01-01T00:00:00+0000': ['x', 'y'], 0: []}) "
                 + "USING TIMESTAMP " + (T + 8))
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 9) + " AND TTL 1000 SET lt = lt + ['expires'], m['t'] = 1 WHERE pk = 2 AND ck = 2")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 10) + " SET l = null, v = 1 WHERE pk = 2 AND ck = 3")
            .run("INSERT INTO TABLE (pk, ck, lt) VALUES (3, 1, ['line\nfeed', 'nul\u0001', '\u00e9']) USING TIMESTAMP " + (T + 11))
            .flush();
    }

    /** Frozen collections, nested, and tuples: one cell each. */
    private static Fixture frozen()
    {
        return new Fixture("frozen",
                           "pk frozen<tuple<int, text>>, ck frozen<set<int>>, l frozen<list<text>>, s frozen<set<blob>>, "
                           + "m frozen<map<int, frozen<map<text, boolean>>>>, t tuple<int, text, frozen<list<double>>>, "
                           + "tt tuple<frozen<tuple<int, int>>, date>, PRIMARY KEY (pk, ck)",
                           Fixture.PLAIN)
            .run("INSERT INTO TABLE (pk, ck, l, s, m, t, tt) VALUES ((1, 'one'), {3, 1, 2}, ['a', '', 'b'], {0x02, 0x01, 0x}, "
                 + "{2: {'x': true, 'w': false}, 1: {}}, (7, 'seven', [7.0, 0.5]), ((1, 2), '2024-02-29')) USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (pk, ck, l, s, m, t, tt) VALUES ((1, 'one'), {}, [], {}, {}, (null, 'x', null), ((null, null), null)) "
                 + "USING TIMESTAMP " + (T + 1))
            .run("INSERT INTO TABLE (pk, ck, t) VALUES ((2, null), {-1}, (1, '', [])) USING TIMESTAMP " + (T + 2))
            .flush();
    }

    private static Fixture userTypes()
    {
        return new Fixture("user_types",
                           "pk int, ck frozen<point>, p point, fp frozen<point>, a address, fa frozen<address>, "
                           + "lp list<frozen<point>>, mp map<text, frozen<point>>, st point static, PRIMARY KEY (pk, ck)",
                           Fixture.PLAIN)
            .type("point", "x int, y int")
            .type("address", "\"Street\" text, zip int, tags frozen<set<text>>, at frozen<point>")
            .run("INSERT INTO TABLE (pk, ck, p, fp, a, fa, lp, mp, st) VALUES (1, {x: 1, y: 2}, {x: 3, y: 4}, {x: 5, y: 6}, "
                 + "{\"Street\": 'Main \"1\"', zip: 12345, tags: {'b', 'a'}, at: {x: 0, y: -1}}, "
                 + "{\"Street\": 'Side', zip: null, tags: {}, at: {x: 1, y: null}}, [{x: 7, y: 8}], {'home': {x: 9, y: 10}}, {x: -1, y: -2}) "
                 + "USING TIMESTAMP " + T)
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 1) + " SET p.y = 44, a.zip = null WHERE pk = 1 AND ck = {x: 1, y: 2}")
            .run("INSERT INTO TABLE (pk, ck, p, fp) VALUES (1, {x: 1, y: null}, {x: 1, y: null}, {x: null, y: null}) USING TIMESTAMP " + (T + 2))
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 3) + " SET st.x = 100 WHERE pk = 2")
            .run("DELETE p FROM TABLE USING TIMESTAMP " + (T + 4) + " WHERE pk = 2 AND ck = {x: 0, y: 0}")
            .flush();
    }

    /** Vectors are of 5.0: a node in compatibility mode writes them all the same. */
    private static Fixture vectors()
    {
        return new Fixture("vectors", "pk int PRIMARY KEY, v vector<float, 3>, vi vector<int, 2>, vt vector<text, 2>", Fixture.PLAIN)
            .run("INSERT INTO TABLE (pk, v, vi, vt) VALUES (1, [1.5, -2.0, 0], [1, -1], ['', 'long enough to matter']) USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (pk, v) VALUES (2, [0.1, 0.2, 0.3]) USING TIMESTAMP " + (T + 1))
            .flush();
    }

    private static Fixture counters()
    {
        return new Fixture("counters", "pk text, ck int, c counter, d counter, sc counter static, PRIMARY KEY (pk, ck)", Fixture.PLAIN)
            .run("UPDATE TABLE SET c = c + 1 WHERE pk = 'a' AND ck = 1")
            .run("UPDATE TABLE SET c = c + 41, d = d - 5 WHERE pk = 'a' AND ck = 1")
            .run("UPDATE TABLE SET d = d + 9223372036854775807 WHERE pk = 'a' AND ck = 2")
            .run("UPDATE TABLE SET sc = sc + 3 WHERE pk = 'b'")
            .run("UPDATE TABLE SET c = c - 1 WHERE pk = 'b' AND ck = 1")
            .run("DELETE c FROM TABLE WHERE pk = 'b' AND ck = 2")
            .flush();
    }

    /** Values of length zero, which are not null: of types with a fixed length, too. */
    private static Fixture empties()
    {
        return new Fixture("empties",
                           "pk text, ck text, ci int, i int, bi bigint, si smallint, d double, f float, de decimal, t text, a ascii, b blob, "
                           + "u uuid, tu timeuuid, ts timestamp, v varint, l list<int>, PRIMARY KEY (pk, ck, ci)", Fixture.PLAIN)
            .run("INSERT INTO TABLE (pk, ck, ci, i, bi, d, f, de, t, a, b, u, tu, ts, v) VALUES ('p', '', 1, blobAsInt(0x), blobAsBigint(0x), "
                 + "blobAsDouble(0x), blobAsFloat(0x), blobAsDecimal(0x), '', '', 0x, blobAsUuid(0x), blobAsTimeuuid(0x), "
                 + "blobAsTimestamp(0x), blobAsVarint(0x)) USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (pk, ck, ci, i) VALUES ('p', '', blobAsInt(0x), 0) USING TIMESTAMP " + (T + 1))
            .run("INSERT INTO TABLE (pk, ck, ci) VALUES ('p', 'only key', 2) USING TIMESTAMP " + (T + 2))
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 3) + " SET t = '' WHERE pk = 'p' AND ck = 'update' AND ci = 3")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 4) + " SET l = l + [1] WHERE pk = 'p' AND ck = 'update' AND ci = 4")
            .flush();
    }

    /** Empty values of the types for which sstabledump fails: the file is sound, there is no dump of it. */
    private static Fixture undumpable()
    {
        Fixture fixture = new Fixture("empties_undumpable", "pk int PRIMARY KEY, bo boolean, ine inet", Fixture.PLAIN)
            .run("INSERT INTO TABLE (pk, bo, ine) VALUES (1, blobAsBoolean(0x), blobAsInet(0x)) USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (pk, bo, ine) VALUES (2, true, '::1') USING TIMESTAMP " + T)
            .flush();
        fixture.isDumpable = false;
        return fixture;
    }

    /** Names and texts that JSON and CQL must quote. */
    private static Fixture texts()
    {
        Fixture fixture = new Fixture("texts", "pk text, \"Ck\" text, \"quoted \"\"name\"\"\" text, \"select\" text, \u0076al text, PRIMARY KEY (pk, \"Ck\")",
                                      Fixture.PLAIN);
        String[] texts = { "", " ", "\"", "\\", "/", "\t\n\r\f\b", "\u0000\u0001\u001f\u007f", "\u0080\u00ff", "\u2028\u2029", "\ud83d\ude00", "''" };
        for (int at = 0; at < texts.length; at++)
            fixture.run(line("INSERT INTO TABLE (pk, \"Ck\", \"quoted \"\"name\"\"\", \"select\", val) VALUES ('k" + at % 3 + "', textAsBlobText(" + at + "), 'q', 's', 'v') USING TIMESTAMP " + (T + at),
                             "textAsBlobText(" + at + ")", texts[at]));
        return fixture.flush();
    }

    /** Puts a text into a statement as the blob of its UTF-8 bytes, so that a script stays one statement a line. */
    private static String line(String statement, String place, String text)
    {
        StringBuilder hex = new StringBuilder("blobAsText(0x");
        for (byte b : text.getBytes(java.nio.charset.StandardCharsets.UTF_8))
            hex.append(String.format("%02x", b));
        return statement.replace(place, hex.append(')'));
    }
}

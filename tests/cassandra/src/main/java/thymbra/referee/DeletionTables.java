package thymbra.referee;

import java.util.List;

import static thymbra.referee.Fixture.T;

/** Tables about what is deleted or expires. */
final class DeletionTables
{
    private DeletionTables() {}

    static List<Fixture> all()
    {
        return List.of(tombstones(), ranges(), expiring(), defaultTtl());
    }

    /** Deletions of partitions, rows, cells, collections and elements, with data that is newer and older. */
    private static Fixture tombstones()
    {
        return new Fixture("tombstones", "pk int, ck int, v text, w text, m map<text, int>, s text static, PRIMARY KEY (pk, ck)",
                           Fixture.PLAIN)
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 10) + " WHERE pk = 1")
            .now(Fixture.NOW + 100)
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 10) + " WHERE pk = 2")
            .run("INSERT INTO TABLE (pk, ck, v, s) VALUES (2, 1, 'newer than the partition deletion', 'st') USING TIMESTAMP " + (T + 11))
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (2, 2, 'older, shadowed') USING TIMESTAMP " + (T + 9))
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 20) + " WHERE pk = 3 AND ck = 1")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 21) + " SET v = 'newer than the row deletion' WHERE pk = 3 AND ck = 1")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 22) + " WHERE pk = 3 AND ck = 2")
            .run("DELETE v, w FROM TABLE USING TIMESTAMP " + (T + 23) + " WHERE pk = 3 AND ck = 3")
            .run("INSERT INTO TABLE (pk, ck, v, w) VALUES (3, 4, null, 'beside a null') USING TIMESTAMP " + (T + 24))
            .run("DELETE m FROM TABLE USING TIMESTAMP " + (T + 25) + " WHERE pk = 3 AND ck = 5")
            .run("DELETE m['gone'] FROM TABLE USING TIMESTAMP " + (T + 26) + " WHERE pk = 3 AND ck = 6")
            .now(Fixture.NOW + 200)
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 27) + " SET m = m + {'new': 1} WHERE pk = 3 AND ck = 5")
            .run("DELETE s FROM TABLE USING TIMESTAMP " + (T + 28) + " WHERE pk = 3")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 29) + " WHERE pk = 4 AND ck = 1")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (4, 1, 'a row with deletion and newer liveness') USING TIMESTAMP " + (T + 30))
            .flush();
    }

    /** Range deletions: inclusive and exclusive, open at one end, over prefixes, overlapping, adjacent, nested. */
    private static Fixture ranges()
    {
        Fixture fixture = new Fixture("ranges", "pk int, a int, b int, v int, PRIMARY KEY (pk, a, b)", Fixture.PLAIN);
        String[][] deletions = {
            { "1", "a >= 1 AND a <= 2" },
            { "1", "a > 3 AND a < 5" },
            { "1", "a = 7 AND b > 1 AND b <= 3" },
            { "2", "a < 0" },
            { "2", "a >= 10" },
            { "3", "a >= 1 AND a < 5" },
            { "3", "a >= 5 AND a < 9" },
            { "4", "a > 1 AND a <= 5" },
            { "4", "a > 5 AND a < 9" },
            { "5", "a >= 1 AND a <= 6" },
            { "5", "a >= 4 AND a <= 9" },
            { "6", "a >= 1 AND a <= 9" },
            { "6", "a >= 4 AND a <= 5" },
            { "7", "a = 1" },
            { "7", "a = 2" },
            { "8", "a = 3 AND b < 2" },
            { "8", "a = 3 AND b >= 2" },
            { "9", "(a, b) > (1, 5) AND (a, b) <= (3, 2)" },
        };
        for (int at = 0; at < deletions.length; at++)
            fixture.now(Fixture.NOW + 60L * at)
                   .run("DELETE FROM TABLE USING TIMESTAMP " + (T + at) + " WHERE pk = " + deletions[at][0] + " AND " + deletions[at][1]);
        for (int pk = 1; pk <= 9; pk++)
            for (int a = 0; a < 10; a += 3)
                fixture.run("INSERT INTO TABLE (pk, a, b, v) VALUES (" + pk + ", " + a + ", 2, " + a + ") USING TIMESTAMP " + (T + 100));
        return fixture
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 200) + " WHERE pk = 5 AND a = 6 AND b = 2")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T - 1) + " WHERE pk = 6")
            .flush();
    }

    /** Rows and cells that expire: before, at and after the clock of the dumps, alone and beside others. */
    private static Fixture expiring()
    {
        return new Fixture("expiring", "pk int, ck int, v text, w text, m map<text, int>, s text static, PRIMARY KEY (pk, ck)",
                           Fixture.PLAIN)
            .now(Fixture.NOW - 1000)
            .run("INSERT INTO TABLE (pk, ck, v, w) VALUES (1, 1, 'expired', 'expired') USING TIMESTAMP " + T + " AND TTL 500")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 2, 'expires at the clock') USING TIMESTAMP " + (T + 1) + " AND TTL 1000")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 3, 'alive for a second') USING TIMESTAMP " + (T + 2) + " AND TTL 1001")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 4, 'long') USING TIMESTAMP " + (T + 3) + " AND TTL 315360000")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES (1, 5, 'row stays') USING TIMESTAMP " + (T + 4))
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 5) + " AND TTL 2000 SET w = 'cell expires' WHERE pk = 1 AND ck = 5")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 6) + " AND TTL 2000 SET w = 'another time' WHERE pk = 1 AND ck = 4")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 7) + " SET w = 'stays' WHERE pk = 1 AND ck = 3")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 8) + " AND TTL 300 SET m = m + {'a': 1, 'b': 2} WHERE pk = 1 AND ck = 6")
            .run("INSERT INTO TABLE (pk, ck, m) VALUES (1, 7, {'whole': 1}) USING TIMESTAMP " + (T + 9) + " AND TTL 3000")
            .run("INSERT INTO TABLE (pk, s) VALUES (2, 'static expires') USING TIMESTAMP " + (T + 10) + " AND TTL 4000")
            .now(Fixture.NOW)
            .flush();
    }

    private static Fixture defaultTtl()
    {
        return new Fixture("default_ttl", "pk int PRIMARY KEY, v text", Fixture.PLAIN, "default_time_to_live = 3600")
            .run("INSERT INTO TABLE (pk, v) VALUES (1, 'by default') USING TIMESTAMP " + T)
            .run("INSERT INTO TABLE (pk, v) VALUES (2, 'never') USING TIMESTAMP " + (T + 1) + " AND TTL 0")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 2) + " SET v = 'no liveness' WHERE pk = 3")
            .flush();
    }
}

package thymbra.referee;

import java.util.List;

import static thymbra.referee.Fixture.T;

/** What the commit log fixtures record. */
final class LogScript
{
    private LogScript() {}

    /** The table that the script below begins with; the others come after it in the schema. */
    static List<Fixture> tables()
    {
        return List.of(script(),
                       new Fixture("log_other", "pk text, ck int, w bigint, PRIMARY KEY (pk, ck)", "compression = {'enabled': 'false'}"),
                       new Fixture("log_counter", "pk text PRIMARY KEY, c counter"));
    }

    /** Mutations of every kind, a batch over two tables, syncs between them, and enough to fill segments of 8 KiB. */
    static Fixture script()
    {
        Fixture fixture = new Fixture("log", "pk text, ck int, v text, l list<int>, m map<text, int>, s text static, PRIMARY KEY (pk, ck)")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES ('a', 1, 'first') USING TIMESTAMP " + T)
            .sync()
            .run("INSERT INTO TABLE (pk, ck, v, l, m, s) VALUES ('a', 2, 'all', [3, 4], {'k': 1}, 'static') USING TIMESTAMP " + (T + 1))
            .run("INSERT INTO TABLE (pk, ck, v) VALUES ('a', 3, 'expires') USING TIMESTAMP " + (T + 2) + " AND TTL 600")
            .run("UPDATE TABLE USING TIMESTAMP " + (T + 3) + " SET m['k2'] = 2, l = l + [5] WHERE pk = 'a' AND ck = 2")
            .run("DELETE v FROM TABLE USING TIMESTAMP " + (T + 4) + " WHERE pk = 'a' AND ck = 1")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 5) + " WHERE pk = 'a' AND ck = 2")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 6) + " WHERE pk = 'b' AND ck >= 4 AND ck < 12")
            .run("DELETE FROM TABLE USING TIMESTAMP " + (T + 7) + " WHERE pk = 'c'")
            .run("INSERT INTO TABLE (pk, ck, v) VALUES ('old', 1, 'timestamp one') USING TIMESTAMP 1")
            .sync()
            .run("BEGIN UNLOGGED BATCH USING TIMESTAMP " + (T + 50) + " INSERT INTO TABLE (pk, ck, v) VALUES ('both', 1, 'log'); "
                 + "INSERT INTO " + Fixture.KEYSPACE + ".log_other (pk, ck, w) VALUES ('both', 1, 7); "
                 + "DELETE FROM TABLE WHERE pk = 'both' AND ck > 5; APPLY BATCH")
            .run("UPDATE " + Fixture.KEYSPACE + ".log_counter SET c = c + 5 WHERE pk = 'n'")
            .sync();
        for (int row = 0; row < 60; row++)
        {
            fixture.run("INSERT INTO TABLE (pk, ck, v) VALUES ('many" + row % 3 + "', " + row + ", '" + ("row " + row + ' ').repeat(20) + "') USING TIMESTAMP " + (T + 1000 + row));
            if (row % 17 == 0)
                fixture.sync();
        }
        return fixture.run("INSERT INTO TABLE (pk, ck, v) VALUES ('last', 1, 'after the last sync but one') USING TIMESTAMP " + (T + 2000)).sync();
    }
}

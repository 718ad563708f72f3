package thymbra.referee;

import java.util.List;

/** Every table of the fixtures. */
final class Tables
{
    private Tables() {}

    static List<Fixture> all()
    {
        return List.of(
            new Fixture("first", "pk text, ck int, v text, PRIMARY KEY (pk, ck)", Fixture.PLAIN)
            .run("INSERT INTO TABLE (pk, ck, v) VALUES ('a', 1, 'x') USING TIMESTAMP " + Fixture.T)
            .flush());
    }
}

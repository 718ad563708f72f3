package thymbra.referee;

import java.util.ArrayList;
import java.util.List;

/** Every table of the fixtures. */
final class Tables
{
    private Tables() {}

    static List<Fixture> all()
    {
        List<Fixture> all = new ArrayList<>();
        all.addAll(ValueTables.all());
        all.addAll(StructureTables.all());
        all.addAll(DeletionTables.all());
        return all;
    }
}

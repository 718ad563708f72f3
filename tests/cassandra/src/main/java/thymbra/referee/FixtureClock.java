package thymbra.referee;

import org.apache.cassandra.utils.Clock;

/**
 * The wall clock that Cassandra sees: it moves by {@link #setSeconds} and {@link #tick} only, so that deletion times,
 * expiration times, list element ids and segment ids are the same in every run. Durations stay real.
 */
public final class FixtureClock implements Clock
{
    private static volatile long millis = 1_700_000_000_000L;

    /** Makes it the clock of this process; to be called before the first use of a class of Cassandra. */
    public static void install()
    {
        System.setProperty("cassandra.clock", FixtureClock.class.getName());
        System.setProperty("cassandra.unsafe.timeuuidnode", "0");
    }

    public static void setSeconds(long seconds)
    {
        millis = Math.multiplyExact(seconds, 1000L);
    }

    /** Moves it on by a millisecond, so that the time UUIDs of a statement do not depend on those drawn before. */
    public static void tick()
    {
        millis++;
    }

    @Override
    public long nanoTime()
    {
        return System.nanoTime();
    }

    @Override
    public long currentTimeMillis()
    {
        return millis;
    }
}

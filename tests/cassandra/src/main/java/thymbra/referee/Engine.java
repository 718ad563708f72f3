package thymbra.referee;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;

import org.apache.cassandra.config.Config;
import org.apache.cassandra.config.DataStorageSpec;
import org.apache.cassandra.config.DatabaseDescriptor;
import org.apache.cassandra.config.DurationSpec;
import org.apache.cassandra.config.ParameterizedClass;
import org.apache.cassandra.cql3.QueryProcessor;
import org.apache.cassandra.db.ColumnFamilyStore;
import org.apache.cassandra.db.Keyspace;
import org.apache.cassandra.db.SystemKeyspace;
import org.apache.cassandra.db.commitlog.CommitLog;
import org.apache.cassandra.utils.StorageCompatibilityMode;

/**
 * Cassandra's storage engine in this process: commit log, memtables and flush, without sockets or gossip.
 * Statements run as a replica runs them; there is one engine per process.
 */
final class Engine
{
    /** The host id that flushed SSTables carry. */
    static final UUID HOST_ID = UUID.fromString("7b7e0f3a-55a1-4c1e-9b1d-2f0c5d3a9e11");

    private static Config config;

    private Engine() {}

    /** The configuration of a node whose files are below {@code folder}; the one of 5.0 as it is installed, where files show it. */
    static Config configuration(Path folder)
    {
        Config config = new Config();
        config.cluster_name = "thymbra";
        config.listen_address = "127.0.0.1";
        config.partitioner = "org.apache.cassandra.dht.Murmur3Partitioner";
        config.endpoint_snitch = "SimpleSnitch";
        config.seed_provider = new ParameterizedClass("org.apache.cassandra.locator.SimpleSeedProvider",
                                                      Map.of("seeds", "127.0.0.1"));
        config.storage_compatibility_mode = StorageCompatibilityMode.CASSANDRA_4;
        config.data_file_directories = new String[]{ folder.resolve("data").toString() };
        config.commitlog_directory = folder.resolve("commitlog").toString();
        config.saved_caches_directory = folder.resolve("saved_caches").toString();
        config.hints_directory = folder.resolve("hints").toString();
        config.cdc_raw_directory = folder.resolve("cdc_raw").toString();
        config.commitlog_sync = Config.CommitLogSync.periodic;
        config.commitlog_sync_period = new DurationSpec.IntMillisecondsBound("1h");
        config.commitlog_segment_size = new DataStorageSpec.IntMebibytesBound("1MiB");
        config.memtable_heap_space = new DataStorageSpec.IntMebibytesBound("256MiB");
        config.memtable_allocation_type = Config.MemtableAllocationType.heap_buffers;
        config.key_cache_size = new DataStorageSpec.LongMebibytesBound("0MiB");
        config.disk_failure_policy = Config.DiskFailurePolicy.die;
        config.commit_failure_policy = Config.CommitFailurePolicy.die;
        return config;
    }

    /** Starts the engine on the empty {@code folder}. */
    static void start(Path folder, ParameterizedClass commitLogCompression)
    {
        config = configuration(folder);
        config.commitlog_compression = commitLogCompression;
        Config.setOverrideLoadConfig(() -> config);
        DatabaseDescriptor.daemonInitialization();
        DatabaseDescriptor.createAllDirectories();
        CommitLog.instance.start();
        SystemKeyspace.setLocalHostId(HOST_ID);
        SystemKeyspace.persistLocalMetadata();
        Keyspace.setInitialized();
        Keyspace.all().forEach(keyspace -> keyspace.getColumnFamilyStores().forEach(ColumnFamilyStore::disableAutoCompaction));
    }

    /** Runs one statement, locally, now by {@link FixtureClock}. */
    static void execute(String statement)
    {
        try
        {
            QueryProcessor.executeOnceInternal(statement);
        }
        catch (RuntimeException e)
        {
            throw new IllegalStateException(statement, e);
        }
    }

    static ColumnFamilyStore table(String keyspace, String table)
    {
        ColumnFamilyStore store = Keyspace.open(keyspace).getColumnFamilyStore(table);
        store.disableAutoCompaction();
        return store;
    }

    /** Writes the memtable of a table as an SSTable. */
    static void flush(String keyspace, String table)
    {
        table(keyspace, table).forceBlockingFlush(ColumnFamilyStore.FlushReason.UNIT_TESTS);
    }

    /**
     * Makes commit log segments that are allocated from now on smaller than the least size the configuration can say.
     * The size is a number and a unit; the unit becomes KiB.
     */
    static void shrinkSegments(int kibibytes) throws IOException
    {
        try
        {
            DataStorageSpec.IntMebibytesBound size = new DataStorageSpec.IntMebibytesBound(kibibytes);
            Field unit = DataStorageSpec.class.getDeclaredField("unit");
            unit.setAccessible(true);
            unit.set(size, DataStorageSpec.DataStorageUnit.KIBIBYTES);
            config.commitlog_segment_size = size;
        }
        catch (ReflectiveOperationException e)
        {
            throw new IOException("this version of Cassandra keeps the segment size differently", e);
        }
    }
}

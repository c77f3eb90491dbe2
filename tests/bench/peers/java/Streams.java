import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The counter on Kafka Streams, by the Processor API. Ends on SIGTERM. Prints when a restore began and when it runs, in ms
 * since 1970. Arguments: BOOTSTRAP IN OUT APPLICATION_ID GUARANTEE COMMIT_INTERVAL_MS THREADS STATE_DIR VALUE_BYTES
 * [PROPERTY=VALUE of its consumers]...
 */
public final class Streams {
  static final class Count implements Processor<String, Records.Clicked, String, Records.Counted> {
    private ProcessorContext<String, Records.Counted> context;
    private KeyValueStore<String, Long> counts;

    @Override
    public void init(ProcessorContext<String, Records.Counted> context) {
      this.context = context;
      counts = context.getStateStore("counts");
    }

    @Override
    public void process(Record<String, Records.Clicked> record) {
      Long before = counts.get(record.key());
      long count = before == null ? 1 : before + 1;
      counts.put(record.key(), count);
      context.forward(record.withValue(Records.counted(record.value(), record.key(), count)));
    }
  }

  /** A count in so many bytes. */
  static Serde<Long> padded(int bytes) {
    return Serdes.serdeFrom(
        (topic, count) -> count == null ? null : ByteBuffer.allocate(bytes).putLong(count).array(),
        (topic, value) -> value == null ? null : ByteBuffer.wrap(value).getLong());
  }

  static final class Restores implements StateRestoreListener {
    final AtomicLong began = new AtomicLong(), replayed = new AtomicLong();

    @Override
    public void onRestoreStart(TopicPartition partition, String store, long start, long end) {
      if (began.compareAndSet(0, System.currentTimeMillis())) System.out.println("restore began " + began);
    }

    @Override
    public void onBatchRestored(TopicPartition partition, String store, long end, long count) {}

    @Override
    public void onRestoreEnd(TopicPartition partition, String store, long total) {
      replayed.addAndGet(total);
    }
  }

  public static void main(String[] args) throws InterruptedException {
    Properties p = new Properties();
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, args[3]);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, args[4]);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, args[5]);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[6]);
    p.put(StreamsConfig.STATE_DIR_CONFIG, args[7]);
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    p.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    for (int i = 9; i < args.length; ++i) {
      String[] property = args[i].split("=", 2);
      p.put(StreamsConfig.consumerPrefix(property[0]), property[1]);
    }

    var strings = Serdes.String();
    Topology topology = new Topology();
    topology.addSource("in", strings.deserializer(), Records.DESERIALIZER, args[1]);
    topology.addProcessor("count", Count::new, "in");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("counts"), strings, padded(Integer.parseInt(args[8])))
            .withCachingDisabled()
            .withLoggingEnabled(Map.of()),
        "count");
    topology.addSink("out", args[2], strings.serializer(), Records.SERIALIZER, "count");

    KafkaStreams streams = new KafkaStreams(topology, p);
    Restores restores = new Restores();
    streams.setGlobalStateRestoreListener(restores);
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.RUNNING) {
            System.out.println("running " + System.currentTimeMillis() + " replayed " + restores.replayed);
          }
        });
    CountDownLatch stopped = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  streams.close(Duration.ofSeconds(20));
                  stopped.countDown();
                }));
    streams.start();
    stopped.await();
  }
}

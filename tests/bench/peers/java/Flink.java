import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The counter on Flink in its local environment: state on the heap, checkpoints into files, exactly once by the sink's
 * transactions. Arguments: BOOTSTRAP IN OUT GROUP CHECKPOINT_INTERVAL_MS PARALLELISM CHECKPOINTS_DIR
 */
public final class Flink {
  private static final String TRANSACTION_TIMEOUT_MS = "600000"; // the broker allows 15 minutes

  /** The key of a record lies in its value too, so nothing else is taken along. */
  static final class Read implements KafkaRecordDeserializationSchema<Records.Clicked> {
    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Records.Clicked> out) {
      out.collect(Records.clicked(record.topic(), record.value()));
    }

    @Override
    public TypeInformation<Records.Clicked> getProducedType() {
      return TypeInformation.of(Records.Clicked.class);
    }
  }

  static final class Count extends KeyedProcessFunction<String, Records.Clicked, Records.Counted> {
    private transient ValueState<Long> counts;

    @Override
    public void open(OpenContext context) {
      counts = getRuntimeContext().getState(new ValueStateDescriptor<>("counts", Long.class));
    }

    @Override
    public void processElement(Records.Clicked clicked, Context context, Collector<Records.Counted> out)
        throws Exception {
      Long before = counts.value();
      long count = before == null ? 1 : before + 1;
      counts.update(count);
      out.collect(Records.counted(clicked, context.getCurrentKey(), count));
    }
  }

  static final class Write implements KafkaRecordSerializationSchema<Records.Counted> {
    private final String topic;

    Write(String topic) {
      this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(
        Records.Counted counted, KafkaSinkContext context, Long timestamp) {
      return new ProducerRecord<>(
          topic, counted.partition_key.getBytes(StandardCharsets.UTF_8), Records.bytes(topic, counted));
    }
  }

  private static Configuration configuration(String[] args) {
    Configuration c = new Configuration();
    c.set(StateBackendOptions.STATE_BACKEND, "hashmap");
    c.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
    c.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + args[6]);
    c.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(Long.parseLong(args[4])));
    c.set(PipelineOptions.OBJECT_REUSE, true);
    c.set(PipelineOptions.GENERIC_TYPES, false); // an error in place of a slow serializer
    return c;
  }

  public static void main(String[] args) throws Exception {
    var env = StreamExecutionEnvironment.getExecutionEnvironment(configuration(args));
    env.setParallelism(Integer.parseInt(args[5]));
    var source =
        KafkaSource.<Records.Clicked>builder()
            .setBootstrapServers(args[0])
            .setTopics(args[1])
            .setGroupId(args[3])
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setProperty("isolation.level", "read_committed")
            .setDeserializer(new Read())
            .build();
    var sink =
        KafkaSink.<Records.Counted>builder()
            .setBootstrapServers(args[0])
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(args[3])
            .setProperty("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS)
            .setRecordSerializer(new Write(args[2]))
            .build();
    env.fromSource(source, WatermarkStrategy.noWatermarks(), "in")
        .keyBy(clicked -> clicked.partition_key)
        .process(new Count())
        .returns(Records.Counted.class)
        .sinkTo(sink);
    env.execute("counter");
  }
}

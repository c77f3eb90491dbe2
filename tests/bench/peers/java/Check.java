import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads all of IN and OUT as a reader of committed records, and compares: as many outputs as inputs, and those of each
 * key count 1, 2, 3 up to the number of its inputs. Prints outputs, and the broker's time in milliseconds of the first
 * and the last one; exit code 1 with the difference. Arguments: BOOTSTRAP IN OUT
 */
public final class Check {
  static final int PARTITIONS = 8;

  interface Visitor {
    void visit(String key, byte[] value, long time) throws IOException;
  }

  static void readAll(String bootstrap, String topic, Visitor visitor) throws IOException {
    Map<String, Object> p =
        Map.of("bootstrap.servers", bootstrap, "isolation.level", "read_committed", "max.poll.records", 10000);
    try (var consumer = new KafkaConsumer<>(p, new StringDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> all = IntStream.range(0, PARTITIONS).mapToObj(i -> new TopicPartition(topic, i)).toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      Map<TopicPartition, Long> ends = consumer.endOffsets(all);
      while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
        for (var record : consumer.poll(Duration.ofMillis(100))) {
          visitor.visit(record.key(), record.value(), record.timestamp());
        }
      }
    }
  }

  static void wrong(String what) {
    System.err.println("Check: " + what);
    System.exit(1);
  }

  public static void main(String[] args) throws IOException {
    Map<String, Long> inputs = new HashMap<>();
    long[] total = {0};
    readAll(
        args[0],
        args[1],
        (key, value, time) -> {
          ++total[0];
          inputs.merge(key, 1L, Long::sum);
        });
    Map<String, Long> counts = new HashMap<>();
    long[] outputs = {0, Long.MAX_VALUE, 0};
    readAll(
        args[0],
        args[2],
        (key, value, time) -> {
          ++outputs[0];
          outputs[1] = Math.min(outputs[1], time);
          outputs[2] = Math.max(outputs[2], time);
          Records.Counted counted = Records.COUNTED.readValue(value);
          long expected = counts.merge(key, 1L, Long::sum);
          if (counted.data.count != expected || !counted.data.key.equals(key)) {
            wrong("key " + key + ": " + counted.data.key + " " + counted.data.count + " in place of " + expected);
          }
        });
    if (outputs[0] != total[0]) wrong(outputs[0] + " outputs of " + total[0] + " inputs");
    if (!counts.equals(inputs)) wrong("some keys' last counts are not the numbers of their inputs");
    System.out.println(outputs[0] + " " + outputs[1] + " " + outputs[2]);
  }
}

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/** The two records of the workload, bound to classes by Jackson. */
public final class Records {
  @JsonIgnoreProperties(ignoreUnknown = true)
  public static final class Clicked {
    public String uuid, correlation_id, partition_key, date_iso8601;
    public Data data;

    public static final class Data {
      public long n;
      public String page;
    }
  }

  public static final class Counted {
    public String type = "EVENT", namespace = "urn:counter", name = "Counted";
    public String protocol_version = "3.0.0", version = "1.0.0", source = "urn:counter";
    public String uuid, correlation_id, partition_key;
    public long date_timestamp;
    public String date_iso8601;
    public Map<String, String> context = Map.of();
    public Data data = new Data();

    public static final class Data {
      public String key;
      public long count;
    }
  }

  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSSxxx").withZone(ZoneOffset.UTC);
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final ObjectReader CLICKED = MAPPER.readerFor(Clicked.class);
  static final ObjectReader COUNTED = MAPPER.readerFor(Counted.class);
  private static final ObjectWriter WRITER = MAPPER.writerFor(Counted.class);

  static Clicked clicked(String topic, byte[] bytes) {
    try {
      return CLICKED.readValue(bytes);
    } catch (IOException e) {
      throw new IllegalArgumentException(e);
    }
  }

  static Counted counted(Clicked from, String key, long count) {
    Counted out = new Counted();
    ThreadLocalRandom random = ThreadLocalRandom.current();  // UUID.randomUUID() is slow, and not asked for
    out.uuid = new UUID(random.nextLong() & ~0xf000L | 0x4000L, random.nextLong() >>> 2 | Long.MIN_VALUE).toString();
    out.correlation_id = from.correlation_id;
    out.partition_key = key;
    out.date_timestamp = System.currentTimeMillis();
    out.date_iso8601 = DATE.format(Instant.ofEpochMilli(out.date_timestamp));
    out.data.key = key;
    out.data.count = count;
    return out;
  }

  static byte[] bytes(String topic, Counted counted) {
    try {
      return WRITER.writeValueAsBytes(counted);
    } catch (IOException e) {
      throw new IllegalArgumentException(e);
    }
  }

  static final Deserializer<Clicked> DESERIALIZER = Records::clicked;
  static final Serializer<Counted> SERIALIZER = Records::bytes;

  private Records() {}
}

// Looks at a broker with Kafka's own Java client, so that tests do not judge our client by itself; also writes
// their input and does to topics what an administrator might. One process answers all questions of a test:
// a JVM for each would cost a second or two every time. Started by kafka_observer.py as
// `java -cp LIBS KafkaObserver.java BOOTSTRAP`.
//
// Reads a question a line from standard input, words separated by tabs, and answers lines of JSON, the last
// one {"done":true} or {"error":"..."}. Keys and values of records are in base64.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class KafkaObserver {
  static final Duration PATIENCE = Duration.ofSeconds(60);
  static final Duration MARKERS = Duration.ofSeconds(3);
  final String bootstrap;
  final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
  final Admin admin;
  final Map<String, Feed> feeds = new HashMap<>();
  final List<Follower> followers = new ArrayList<>();

  KafkaObserver(String bootstrap) {
    this.bootstrap = bootstrap;
    Properties p = base();
    p.put("default.api.timeout.ms", "30000");
    admin = Admin.create(p);
  }

  public static void main(String[] arguments) throws Exception {
    new KafkaObserver(arguments[0]).serve();
    System.exit(0);
  }

  void serve() throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = in.readLine()) != null; ) {
      try {
        answer(line.split("\t", -1));  // -1: also an empty last word
        out.println("{\"done\":true}");
      } catch (Exception e) {
        Throwable cause = e instanceof ExecutionException && e.getCause() != null ? e.getCause() : e;
        out.println("{\"error\":" + text(cause.toString()) + "}");
      }
      out.flush();
    }
    for (Feed feed : feeds.values()) feed.stop();
    for (Follower follower : followers) follower.stop();
  }

  void answer(String[] q) throws Exception {
    switch (q[0]) {
      case "create" -> create(q[1], Integer.parseInt(q[2]), q.length > 3 ? q[3] : "");
      case "delete" -> admin.deleteTopics(List.of(q[1])).all().get();
      case "config" -> configure(q[1], q[2]);
      case "delete-records" -> deleteRecords(q[1], Integer.parseInt(q[2]), Long.parseLong(q[3]));
      case "topics" -> topics(q[1]);
      case "records" -> records(q[1], tail(q, 2));
      case "ends" -> ends(tail(q, 1));
      case "positions" -> positions(q[1]);
      case "members" -> members(q[1]);
      case "join" -> join(q[1], q[2], Duration.ofMillis(Long.parseLong(q[3])));
      case "transactions" -> transactions(q[1]);
      case "producers" -> producers(tail(q, 1));
      case "writers" -> writers(tail(q, 1));
      case "feed" -> feed(q);
      case "spread" -> spread(q[1], Path.of(q[2]));
      case "put" -> put(q[1], Path.of(q[2]));
      case "fed" -> out.println("{\"fed\":" + feeds.get(q[1]).written() + "}");
      case "end-feed" -> out.println("{\"fed\":" + feeds.remove(q[1]).stop() + "}");
      case "drop-feed" -> feeds.remove(q[1]).ends.set(true);
      case "follow" -> followers.add(new Follower(q[1], Path.of(q[2])));
      default -> throw new IllegalArgumentException("unknown question " + q[0]);
    }
  }

  static List<String> tail(String[] q, int from) {
    return Arrays.asList(q).subList(from, q.length);
  }

  Properties base() {
    Properties p = new Properties();
    p.put("bootstrap.servers", bootstrap);
    p.put("reconnect.backoff.max.ms", "200");
    return p;
  }

  // --- what an administrator might do ---

  static Map<String, String> pairs(String list) {
    Map<String, String> result = new HashMap<>();
    for (String pair : list.split(","))
      if (!pair.isEmpty()) result.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
    return result;
  }

  void create(String topic, int partitions, String config) throws Exception {
    NewTopic wanted = new NewTopic(topic, Optional.of(partitions), Optional.empty()).configs(pairs(config));
    admin.createTopics(List.of(wanted)).all().get();
    Instant deadline = Instant.now().plus(PATIENCE);
    while (!isServed(topic, partitions)) {
      if (Instant.now().isAfter(deadline)) throw new IllegalStateException(topic + " is created, but not served");
      Thread.sleep(20);
    }
  }

  // A topic is created before every broker has made its partitions; one of a name just deleted, even later.
  boolean isServed(String topic, int partitions) throws Exception {
    try {
      List<TopicPartition> places = partitions(List.of(topic));
      return places.size() == partitions
          && offsets(places, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED).size() == partitions;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RetriableException) return false;
      throw e;
    }
  }

  void configure(String topic, String config) throws Exception {
    List<AlterConfigOp> changes = new ArrayList<>();
    pairs(config).forEach((key, value) -> changes.add(
        new AlterConfigOp(new ConfigEntry(key, value.isEmpty() ? null : value),
            value.isEmpty() ? AlterConfigOp.OpType.DELETE : AlterConfigOp.OpType.SET)));
    ConfigResource where = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    admin.incrementalAlterConfigs(Map.of(where, changes)).all().get();
    Instant deadline = Instant.now().plus(PATIENCE);
    while (!changes.stream().allMatch(change -> change.opType() == AlterConfigOp.OpType.DELETE
        || change.configEntry().value().equals(told(where, change.configEntry().name())))) {
      if (Instant.now().isAfter(deadline)) throw new IllegalStateException(topic + " does not take " + config);
      Thread.sleep(20);
    }
  }

  // What the broker tells everyone; it changes a moment after it was told to.
  String told(ConfigResource where, String name) {
    try {
      return admin.describeConfigs(List.of(where)).all().get().get(where).get(name).value();
    } catch (InterruptedException | ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  // The log itself may learn of a new policy later than the broker tells it.
  void deleteRecords(String topic, int partition, long before) throws Exception {
    var what = Map.of(new TopicPartition(topic, partition), RecordsToDelete.beforeOffset(before));
    Instant deadline = Instant.now().plus(PATIENCE);
    while (true) {
      try {
        admin.deleteRecords(what).all().get();
        return;
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof PolicyViolationException) || Instant.now().isAfter(deadline)) throw e;
        Thread.sleep(20);
      }
    }
  }

  void topics(String prefix) throws Exception {
    for (String name : admin.listTopics().names().get())
      if (name.startsWith(prefix)) out.println("{\"topic\":" + text(name) + "}");
  }

  // --- reading ---

  List<TopicPartition> partitions(Collection<String> topics) throws Exception {
    List<TopicPartition> result = new ArrayList<>();
    for (var topic : admin.describeTopics(topics).allTopicNames().get().values())
      for (var p : topic.partitions()) result.add(new TopicPartition(topic.name(), p.partition()));
    return result;
  }

  KafkaConsumer<byte[], byte[]> consumer(String isolation) {
    Properties p = base();
    p.put("isolation.level", isolation);
    p.put("enable.auto.commit", "false");
    p.put("auto.offset.reset", "none");
    p.put("max.poll.records", "5000");
    p.put("fetch.max.wait.ms", "20");
    return new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  // All that there is, up to the ends of now.
  void records(String isolation, List<String> topics) throws Exception {
    try (var consumer = consumer(isolation)) {
      List<TopicPartition> places = partitions(topics);
      if (isolation.equals("read_committed")) awaitDecision(places);
      consumer.assign(places);
      consumer.seekToBeginning(places);
      Map<TopicPartition, Long> ends = consumer.endOffsets(places);
      Instant deadline = Instant.now().plus(PATIENCE);
      while (places.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        if (Instant.now().isAfter(deadline)) throw new IllegalStateException("the end of " + topics + " does not come");
        for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(100)))
          if (r.offset() < ends.get(new TopicPartition(r.topic(), r.partition()))) out.println(json(r));
      }
    }
  }

  // A commit is acknowledged, and its positions may be there, before its markers are in all partitions: until then a reader
  // of what is committed sees an earlier end. What stays open longer than this is none of it.
  void awaitDecision(List<TopicPartition> places) throws Exception {
    var written = offsets(places, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED);
    Instant deadline = Instant.now().plus(MARKERS);
    while (true) {
      var decided = offsets(places, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED);
      if (places.stream().allMatch(p -> decided.get(p) >= written.get(p)) || Instant.now().isAfter(deadline)) return;
      Thread.sleep(20);
    }
  }

  static String json(ConsumerRecord<byte[], byte[]> r) {
    StringBuilder headers = new StringBuilder();
    for (Header h : r.headers())
      headers.append(headers.length() == 0 ? "" : ",").append(text(h.key())).append(":").append(bytes(h.value()));
    return "{\"topic\":" + text(r.topic()) + ",\"partition\":" + r.partition() + ",\"offset\":" + r.offset()
        + ",\"timestamp\":" + r.timestamp() + ",\"key\":" + bytes(r.key()) + ",\"value\":" + bytes(r.value())
        + ",\"headers\":{" + headers + "}}";
  }

  // Of each partition: the first offset, the end of what is decided, the end of all.
  void ends(List<String> topics) throws Exception {
    List<TopicPartition> places = partitions(topics);
    var first = offsets(places, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED);
    var decided = offsets(places, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED);
    var all = offsets(places, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED);
    for (TopicPartition p : places)
      out.println("{\"topic\":" + text(p.topic()) + ",\"partition\":" + p.partition() + ",\"first\":" + first.get(p)
          + ",\"decided\":" + decided.get(p) + ",\"end\":" + all.get(p) + "}");
  }

  Map<TopicPartition, Long> offsets(List<TopicPartition> places, OffsetSpec spec, IsolationLevel isolation)
      throws Exception {
    Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
    for (TopicPartition p : places) wanted.put(p, spec);
    Map<TopicPartition, Long> result = new HashMap<>();
    admin.listOffsets(wanted, new ListOffsetsOptions(isolation)).all().get()
        .forEach((place, found) -> result.put(place, found.offset()));
    return result;
  }

  void positions(String group) throws Exception {
    for (var at : admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().entrySet())
      if (at.getValue() != null)
        out.println("{\"topic\":" + text(at.getKey().topic()) + ",\"partition\":" + at.getKey().partition()
            + ",\"offset\":" + at.getValue().offset() + ",\"metadata\":" + text(at.getValue().metadata()) + "}");
  }

  void members(String group) throws Exception {
    var groups = admin.listGroups().all().get().stream().map(g -> g.groupId()).toList();
    if (!groups.contains(group)) return;
    var found = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
    for (var m : found.members()) {
      StringBuilder owned = new StringBuilder();
      for (var p : m.assignment().topicPartitions()) owned.append(owned.length() == 0 ? "" : ",").append(p.partition());
      out.println("{\"instance\":" + text(m.groupInstanceId().orElse("")) + ",\"partitions\":[" + owned
          + "],\"state\":" + text(found.groupState().toString()) + "}");
    }
  }

  // A member of a group that is no node, for so long; how many partitions it was given.
  void join(String group, String topic, Duration time) {
    Properties p = base();
    p.put("group.id", group);
    p.put("client.id", "stranger");
    p.put("enable.auto.commit", "false");
    p.put("auto.offset.reset", "earliest");
    p.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
    int most = 0;
    try (var consumer = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of(topic));
      for (Instant end = Instant.now().plus(time); Instant.now().isBefore(end); most = Math.max(most, consumer.assignment().size()))
        consumer.poll(Duration.ofMillis(100));
    }
    out.println("{\"partitions\":" + most + "}");
  }

  void transactions(String prefix) throws Exception {
    for (var t : admin.listTransactions().all().get())
      if (t.transactionalId().startsWith(prefix))
        out.println("{\"id\":" + text(t.transactionalId()) + ",\"state\":" + text(t.state().toString())
            + ",\"producer\":" + t.producerId() + "}");
  }

  // Producers that have a transaction open in these topics, whatever their coordinator says.
  void producers(List<String> topics) throws Exception {
    for (var at : admin.describeProducers(partitions(topics)).all().get().entrySet())
      for (var p : at.getValue().activeProducers())
        if (p.currentTransactionStartOffset().isPresent())
          out.println("{\"topic\":" + text(at.getKey().topic()) + ",\"partition\":" + at.getKey().partition()
              + ",\"producer\":" + p.producerId() + ",\"start\":" + p.currentTransactionStartOffset().getAsLong() + "}");
  }

  // Producers that the partitions of these topics remember, transactional or not.
  void writers(List<String> topics) throws Exception {
    for (var at : admin.describeProducers(partitions(topics)).all().get().entrySet())
      for (var p : at.getValue().activeProducers())
        out.println("{\"topic\":" + text(at.getKey().topic()) + ",\"partition\":" + at.getKey().partition()
            + ",\"producer\":" + p.producerId() + ",\"epoch\":" + p.producerEpoch() + "}");
  }

  // --- input ---

  // Events `Given` of service `source`, numbered, over some keys, at a rate (0: as fast as it goes), until a
  // count (0: until it is told to end).
  final class Feed {
    final AtomicBoolean ends = new AtomicBoolean();
    final AtomicLong sent = new AtomicLong(), acknowledged = new AtomicLong();
    volatile Exception failure;
    final Thread thread;

    Feed(String topic, int partitions, int keys, long first, long count, int rate) {
      thread = new Thread(() -> run(topic, partitions, keys, first, count, rate));
      thread.start();
    }

    void run(String topic, int partitions, int keys, long first, long count, int rate) {
      Properties p = base();
      p.put("acks", "all");
      p.put("enable.idempotence", "true");
      p.put("max.in.flight.requests.per.connection", "1");  // else a batch refused by a new topic can block the others
      p.put("delivery.timeout.ms", "120000");
      p.put("linger.ms", "2");
      try (var producer = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
        long began = System.nanoTime();
        for (long n = 0; (count == 0 || n < count) && !ends.get() && failure == null; ++n) {
          String key = "key-" + (first + n) % keys;
          Integer place = partitions > 0 ? partition(key, partitions) : null;  // null: where Java's default has it
          var record = new ProducerRecord<>(topic, place, key.getBytes(StandardCharsets.UTF_8),
              given(key, first + n).getBytes(StandardCharsets.UTF_8));
          producer.send(record, (where, e) -> { if (e != null) failure = e; else acknowledged.incrementAndGet(); });
          sent.incrementAndGet();
          long due = rate == 0 ? 0 : began + (n + 1) * 1_000_000_000L / rate - System.nanoTime();
          if (due > 1_000_000) Thread.sleep(due / 1_000_000);
        }
        producer.flush();
      } catch (Exception e) {
        failure = e;
      }
    }

    long written() throws Exception {
      if (failure != null) throw failure;
      return acknowledged.get();
    }

    long stop() throws Exception {
      ends.set(true);
      thread.join();
      if (written() != sent.get()) throw new IllegalStateException("some input was not acknowledged");
      return written();
    }
  }

  void feed(String[] q) throws Exception {
    Feed feed = new Feed(q[1], Integer.parseInt(q[2]), Integer.parseInt(q[3]), Long.parseLong(q[4]),
        Long.parseLong(q[5]), Integer.parseInt(q[6]));
    feeds.put(q[1], feed);
    if (Long.parseLong(q[5]) > 0 && Integer.parseInt(q[6]) == 0) feed.thread.join();
  }

  // A record for each key of a file of lines in hexadecimal, where the producer's own partitioner has it.
  void spread(String topic, Path keys) throws Exception {
    Properties p = base();
    p.put("acks", "all");
    p.put("enable.idempotence", "false");  // else a batch refused by a new topic can block the others
    try (var producer = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (String key : Files.readAllLines(keys))
        sent.add(producer.send(new ProducerRecord<>(topic, HexFormat.of().parseHex(key), new byte[0])));
      for (var one : sent) one.get();
    }
  }

  // The records of a file: partition, key and value, these in Base64, of each.
  void put(String topic, Path file) throws Exception {
    Properties p = base();
    p.put("acks", "all");
    p.put("max.request.size", "4000000");
    try (var producer = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (String line : Files.readAllLines(file)) {
        String[] part = line.split("\t", -1);
        sent.add(producer.send(new ProducerRecord<>(topic, Integer.parseInt(part[0]), Base64.getDecoder().decode(part[1]),
            Base64.getDecoder().decode(part[2]))));
      }
      for (var one : sent) one.get();
    }
  }

  static int partition(String key, int partitions) {
    CRC32 crc = new CRC32();
    crc.update(key.getBytes(StandardCharsets.UTF_8));
    return (int) (crc.getValue() % partitions);
  }

  static String given(String key, long n) {
    Instant now = Instant.now();
    String date = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'000+00:00'").withZone(ZoneOffset.UTC).format(now);
    return "{\"type\":\"EVENT\",\"namespace\":\"urn:source\",\"name\":\"Given\",\"protocol_version\":\"3.0.0\","
        + "\"version\":\"1.0.0\",\"source\":\"urn:source\",\"uuid\":\"" + UUID.randomUUID() + "\",\"correlation_id\":"
        + "\"source:Given:" + n + "\",\"partition_key\":\"" + key + "\",\"date_timestamp\":" + now.toEpochMilli()
        + ",\"date_iso8601\":\"" + date + "\",\"context\":{},\"data\":{\"n\":" + n + "}}";
  }

  // --- when something becomes visible ---

  // Writes a line for each committed record of a topic as it comes: milliseconds since 1970, partition, offset,
  // timestamp, key.
  final class Follower {
    final AtomicBoolean ends = new AtomicBoolean();
    final Thread thread;

    Follower(String topic, Path file) throws Exception {
      List<TopicPartition> places = partitions(List.of(topic));
      PrintStream lines = new PrintStream(Files.newOutputStream(file), true, StandardCharsets.UTF_8);
      thread = new Thread(() -> {
        try (var consumer = consumer("read_committed"); lines) {
          consumer.assign(places);
          consumer.seekToBeginning(places);
          while (!ends.get()) {
            for (var r : consumer.poll(Duration.ofMillis(50)))
              lines.println(System.currentTimeMillis() + " " + r.partition() + " " + r.offset() + " " + r.timestamp()
                  + " " + new String(r.key(), StandardCharsets.UTF_8));
          }
        }
      });
      thread.setDaemon(true);
      thread.start();
    }

    void stop() throws Exception {
      ends.set(true);
      thread.join();
    }
  }

  // --- JSON ---

  static String bytes(byte[] value) {
    return value == null ? "null" : "\"" + Base64.getEncoder().encodeToString(value) + "\"";
  }

  static String text(String value) {
    StringBuilder result = new StringBuilder("\"");
    for (char c : value.toCharArray()) {
      if (c == '"' || c == '\\') result.append('\\').append(c);
      else if (c < 0x20) result.append(String.format("\\u%04x", (int) c));
      else result.append(c);
    }
    return result.append('"').toString();
  }
}

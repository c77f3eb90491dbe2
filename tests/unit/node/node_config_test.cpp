// The configuration: defaults, overrides, and what its mistakes say.
#define CAF_SUITE node_config
#include <caf/test/unit_test.hpp>

#include "actors/node/config.hpp"
#include "actors/node/node_id.hpp"
#include "adapters_for_tests.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace eventy {
namespace {

struct Files {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("eventy-config-" + std::to_string(getpid()));
  std::vector<Document::Override> overrides = {};

  Files() { std::filesystem::create_directories(folder); }
  ~Files() { std::filesystem::remove_all(folder); }

  std::string file(const std::string& text) const {
    const auto path = folder / "node.toml";
    std::ofstream(path) << text;
    return path.string();
  }
  void set(const std::string& argument) { overrides.push_back(Document::parse_set(argument)); }

  // Reads everything that a node reads.
  NodeConfig read(const std::optional<std::string>& path) const {
    Document document(path, overrides);
    return read(document);
  }
  NodeConfig read(Document& document) const {
    const auto adapters = adapters_for_tests();
    auto config = read_config(document, adapters);
    make_store(document, config, adapters, StoreAccess::none).value();
    document.finish();
    return config;
  }
  // What is said about the mistake in a file of this text.
  std::string complaint(const std::string& text) const {
    try {
      read(file(text));
    } catch (const Failure& e) {
      CAF_CHECK(e.error().code == ErrorCode::configuration);
      return e.what();
    }
    return "no complaint";
  }
  bool says(const std::string& text, const std::vector<std::string>& parts) const {
    const auto said = complaint(text);
    for (const auto& part : parts)
      if (said.find(part) == std::string::npos) {
        CAF_MESSAGE("\"" << said << "\" does not hold \"" << part << "\"");
        return false;
      }
    return true;
  }
};

template <class F>
bool refused(F f) {
  try {
    f();
  } catch (const Failure& e) {
    return e.error().code == ErrorCode::configuration;
  }
  return false;
}

const std::string written_out = EVENTY_SOURCE_DIR "/config/embedded.toml";

}  // namespace

CAF_TEST_FIXTURE_SCOPE(files, Files)

CAF_TEST(the file in config is the default) { CAF_CHECK(read(written_out) == read(std::nullopt)); }

CAF_TEST(the file in config writes out every key) {
  Document document(written_out, {});
  read(document);
  CAF_CHECK_EQUAL(document.absent(), std::vector<std::string>{});
}

CAF_TEST(the file for Kafka writes out what differs) {
  if (!adapters_for_tests().stores.contains("kafka")) return;
  Document document(EVENTY_SOURCE_DIR "/config/kafka.toml", {});
  CAF_CHECK_EQUAL(read(document).store_type, "kafka");
  for (const auto& key : document.absent())
    CAF_CHECK(!key.starts_with("kafka.") && !key.starts_with("store.") && key != "node.id");
}

CAF_TEST(the default id is of the host and the folder and is there again after a restart) {
  const auto id = [&](const std::string& path) {
    return read(file("[store]\npath = \"" + path + "\"\n")).id;
  };
  const auto here = id((folder / "data").string());
  CAF_MESSAGE(here);
  char host[65] = {};
  gethostname(host, sizeof host - 1);
  CAF_CHECK(here.starts_with(std::string(host).substr(0, 1)));
  CAF_CHECK_EQUAL(here[here.size() - 9], '-');
  CAF_CHECK(is_node_id(here));
  CAF_CHECK(here != id((folder / "other").string()));
  // However the folder is written, and when it has come to be meanwhile.
  std::filesystem::create_directories(folder / "data");
  std::filesystem::create_directory_symlink(folder, folder / "link");
  for (const char* path : {"data", "data/", "./data", "other/../data", "link/data"})
    CAF_CHECK_EQUAL(id((folder / path).string()), here);
  set("node.id=left");
  CAF_CHECK_EQUAL(id("data"), "left");
}

CAF_TEST(a folder set on the command line counts for the default id) {
  const auto before = read(std::nullopt).id;
  overrides.push_back({"--data", "store", "path", folder.string(), Document::Override::Kind::text});
  CAF_CHECK(read(std::nullopt).id != before);
  CAF_CHECK_EQUAL(read(std::nullopt).id, default_node_id(folder));
}

CAF_TEST(values are read) {
  const auto c = read(file("[engine]\ncommit_interval_ms = 7\n[namespaces]\n\"urn:shop\" = \"orders\"\n"));
  CAF_CHECK(c.commit_interval == Duration(7));
  CAF_CHECK_EQUAL(c.namespaces.at("urn:shop"), "orders");
}

CAF_TEST(limits of what is parked are read) {
  const auto c =
      read(file("[failures]\ndurable_wait_ms = 20\nmax_parked_records_per_key = 3\nmax_parked_records = 4\n"
                "max_parked_bytes = 5\nmax_parked_record_bytes = 6\n"));
  CAF_CHECK(c.durable_wait == Duration(20));
  CAF_CHECK(c.parking == (ParkingLimits{.records_per_key = 3, .records = 4, .bytes = 5, .record_bytes = 6}));
  CAF_CHECK(
      says("[failures]\nparked_keys = 3\n", {"node.toml:2: ", "\"parked_keys\"", "max_parked_records"}));
}

CAF_TEST(a key of an earlier release is refused with its new name) {
  for (const auto& [section, before, now] : {std::tuple("supervision", "most_backoff_ms", "max_backoff_ms"),
                                             {"engine", "batches_in_flight", "max_batches_in_flight"},
                                             {"failures", "parked_bytes", "max_parked_bytes"}})
    CAF_CHECK(says("[" + std::string(section) + "]\n" + before + " = 3\n",
                   {"node.toml:2: ", "it is called \"" + std::string(now) + "\" now."}));
}

CAF_TEST(partitioners are known by their names) {
  const auto c = read(file("[partitioners]\n\"orders-events\" = \"murmur2\"\n"));
  CAF_CHECK(c.partitioners.at("orders-events") == Partitioner::murmur2);
  CAF_CHECK(
      says("[partitioners]\na = \"murmur\"\n", {"node.toml:2: ", "did you mean \"murmur2\"?", "fnv1a"}));
}

CAF_TEST(serializers are known by their names alone or in a list) {
  const auto c = read(file("[format]\nrecords = \"json, msgpack\"\n[serializers]\norders = \"msgpack\"\n"));
  CAF_CHECK_EQUAL(c.records, "json, msgpack");
  CAF_CHECK_EQUAL(c.serializers.at("orders"), "msgpack");
  CAF_CHECK(says("[serializers]\n\"orders-events\" = \"jsno\"\n",
                 {"node.toml:2: ", "[serializers] orders-events", "did you mean \"json\"?", "msgpack"}));
  CAF_CHECK(says("[format]\nrecords = \"json, plain\"\n",
                 {"node.toml:2: ", "records of json and of plain may both begin with"}));
}

CAF_TEST(an unknown key names file and line and the nearest and all known keys) {
  CAF_CHECK(
      says("[node]\nid = \"a\"\n\n[engine]\ncommit_interval = 5\n",
           {"node.toml:5: ", "unknown key \"commit_interval\" in [engine]",
            "did you mean \"commit_interval_ms\"?", "Known keys: commit_interval_ms, max_cycle_bytes"}));
}

CAF_TEST(an unknown key of the store is named too) {
  CAF_CHECK(says("[store]\ntype = \"embedded\"\npaht = \"x\"\n",
                 {"node.toml:3: ", "\"paht\"", "\"path\"?", "Known keys: type, path, sync"}));
  CAF_CHECK(
      says("[store]\ntype = \"memory\"\npath = \"x\"\n", {"node.toml:3: ", "\"path\"", "Known keys: type"}));
}

CAF_TEST(an unknown section names the known ones) {
  CAF_CHECK(says(
      "[node]\n[topic]\npartitions = 3\n",
      {"node.toml:2: ", "unknown section [topic]", "did you mean \"topics\"?", "Known sections:", "engine"}));
}

CAF_TEST(a wrong type names file and line) {
  CAF_CHECK(says("[topics]\npartitions = \"eight\"\n",
                 {"node.toml:2: ", "[topics] partitions must be an integer, not a text"}));
  CAF_CHECK(says("[store]\nsync = 1\n", {"node.toml:2: ", "must be true or false, not an integer"}));
  CAF_CHECK(says("store = 1\n", {"node.toml:1: ", "must be a section [store]"}));
}

CAF_TEST(a value out of range is refused) {
  CAF_CHECK(says("[topics]\npartitions = 0\n", {"node.toml:2: ", "at least 1"}));
  CAF_CHECK(says("[engine]\ncommit_interval_ms = -1\n", {"node.toml:2: ", "at least 0"}));
  CAF_CHECK(says("[node]\nid = \"a b\"\n", {"node.toml:2: ", "[node] id must be letters, digits"}));
  CAF_CHECK(says("[node]\nid = \"" + std::string(129, 'n') + "\"\n", {"node.toml:2: ", "at most 128"}));
  CAF_CHECK(
      says("[supervision]\nfirst_backoff_ms = 10\nmax_backoff_ms = 5\n", {"node.toml:3: ", "less than"}));
}

CAF_TEST(a service has what it says of itself and else what is said of all) {
  const auto c =
      read(file("[supervision]\nintensity = 3\nperiod_ms = 7\nhandler_limit_ms = 0\n"
                "[services.orders.supervision]\nstrategy = \"rest_for_one\"\nperiod_ms = 9\n"
                "[services.\"a.b\".supervision]\nhandler_warning_ms = 5\n"));
  const auto& orders = c.supervision_of("orders");
  CAF_CHECK(orders.parts.strategy == Strategy::rest_for_one);
  CAF_CHECK_EQUAL(orders.parts.restarts.intensity, 3);
  CAF_CHECK(orders.parts.restarts.period == Duration(9));
  CAF_CHECK(orders.turns.limit == Duration(0));
  CAF_CHECK(c.supervision_of("a.b").turns.warning == Duration(5));
  CAF_CHECK(c.supervision_of("other") == c.supervision);
  CAF_CHECK(c.supervision.parts.strategy == Strategy::one_for_one);
}

CAF_TEST(how many misplaced records are too many is a key) {
  const auto c = read(file("[failures]\nmisplaced_records = 0\nmisplaced_percent = 50\n"));
  CAF_CHECK(c.misplaced == (MisplacedLimits{.records = 0, .percent = 50}));
  CAF_CHECK(says("[failures]\nmisplaced_percent = 101\n", {"node.toml:2: ", "misplaced_percent"}));
}

CAF_TEST(a service is declared as one whose handlers wait) {
  set("services.a.b.blocking=true");
  const auto c = read(file("[services.orders]\nblocking = true\n[services.other]\nblocking = false\n"));
  CAF_CHECK(c.blocking == (std::set<std::string>{"a.b", "orders"}));
  CAF_CHECK(c.supervision_of("orders") == c.supervision);
  overrides.clear();
  CAF_CHECK(says("[services.orders]\nblocking = 3\n", {"node.toml:2: ", "blocking", "true or false"}));
}

CAF_TEST(services of the node are supervised by keys of the node) {
  const auto c =
      read(file("[node]\nid = \"a\"\n[node.supervision]\nstrategy = \"one_for_all\"\nintensity = 2\n"));
  CAF_CHECK(c.node_supervision.strategy == Strategy::one_for_all);
  CAF_CHECK_EQUAL(c.node_supervision.restarts.intensity, 2);
  CAF_CHECK_EQUAL(c.id, "a");
  CAF_CHECK_EQUAL(c.supervision.parts.restarts.intensity, RestartOptions{}.intensity);
}

CAF_TEST(set reaches tables in tables) {
  set("services.orders.supervision.intensity=4");
  set("services.a.b.supervision.strategy=one_for_all");
  set("node.supervision.calm_ms=8");
  const auto c = read(file("[services.orders.supervision]\nintensity = 3\ncalm_ms = 6\n"));
  CAF_CHECK_EQUAL(c.supervision_of("orders").parts.restarts.intensity, 4);
  CAF_CHECK(c.supervision_of("orders").parts.restarts.calm == Duration(6));
  CAF_CHECK(c.supervision_of("a.b").parts.strategy == Strategy::one_for_all);
  CAF_CHECK(c.node_supervision.restarts.calm == Duration(8));
}

CAF_TEST(a mistake in a table in a table names the key and the known ones) {
  CAF_CHECK(says("[supervision]\nstrategy = \"one_for_al\"\n",
                 {"node.toml:2: ", "[supervision] strategy", "did you mean \"one_for_all\"?",
                  "one_for_one, one_for_all, rest_for_one"}));
  CAF_CHECK(says("[services.orders.supervision]\nintesity = 3\n",
                 {"node.toml:2: ", "unknown key \"intesity\" in [services.orders.supervision]",
                  "did you mean \"intensity\"?", "Known keys: strategy, intensity, period_ms"}));
  CAF_CHECK(says("[services.orders.supervison]\nintensity = 3\n",
                 {"node.toml:1: ", "unknown key \"supervison\" in [services.orders]", "\"supervision\"?"}));
  CAF_CHECK(
      says("[services.orders]\nsupervision = 3\n", {"node.toml:2: ", "must be a table, not an integer"}));
  CAF_CHECK(says("[node.supervision]\nhandler_limit_ms = 3\n",
                 {"node.toml:2: ", "unknown key \"handler_limit_ms\" in [node.supervision]"}));
  CAF_CHECK(says("[supervision]\nhandler_warning_ms = 5\nhandler_limit_ms = 4\n",
                 {"node.toml:3: ", "handler_limit_ms", "0: no limit"}));
  set("services.orders.supervision.strategy=all");
  CAF_CHECK(says("", {"--set services.orders.supervision.strategy: ", "one_for_all"}));
  overrides.clear();
  set("services.orders.supervision.intesity=1");
  CAF_CHECK(says("", {"--set services.orders.supervision.intesity: ", "unknown key \"intesity\""}));
  overrides.clear();
  set("services.orders.strategy=one_for_all");
  CAF_CHECK(says("", {"--set services.orders.strategy: ", "unknown key"}));
}

CAF_TEST(an unknown name lists the known ones) {
  CAF_CHECK(says("[store]\ntype = \"embeded\"\n", {"node.toml:2: ", "did you mean \"embedded\"?", "memory"}));
  CAF_CHECK(says("[format]\nrecords = \"xml\"\n", {"node.toml:2: ", "json"}));
  CAF_CHECK(says("[log]\nlevel = \"loud\"\n", {"node.toml:2: ", "warning"}));
}

CAF_TEST(what is no TOML names file and line) { CAF_CHECK(says("[node]\nid = \n", {"node.toml:2: "})); }

CAF_TEST(a missing file is an error) {
  CAF_CHECK(refused([&] { (void)read((folder / "absent.toml").string()); }));
  CAF_CHECK(refused([&] { (void)read(folder.string()); }));
}

CAF_TEST(set goes over the file) {
  set("topics.partitions=3");
  set("node.id=left");
  set("store.path='here'");
  set("engine.commit_interval_ms=1");
  set("engine.commit_interval_ms=2");
  const auto c = read(file("[topics]\npartitions = 5\n"));
  CAF_CHECK_EQUAL(c.partitions, 3u);
  CAF_CHECK_EQUAL(c.id, "left");
  CAF_CHECK(c.commit_interval == Duration(2));
}

CAF_TEST(a mistake in set names the option) {
  set("topics.partitons=3");
  CAF_CHECK(says("", {"--set topics.partitons: ", "did you mean \"partitions\"?"}));
  overrides.clear();
  set("topics.partitions=many");
  CAF_CHECK(says("", {"--set topics.partitions: ", "must be an integer, not a text"}));
  overrides.clear();
  set("topic.partitions=3");
  CAF_CHECK(says("", {"--set topic.partitions: ", "unknown section"}));
  CAF_CHECK(refused([&] { (void)Document::parse_set("partitions=3"); }));
  CAF_CHECK(refused([&] { (void)Document::parse_set("topics.partitions"); }));
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy

// The configuration: defaults, overrides, and what its mistakes say.
#define CAF_SUITE node_config
#include <caf/test/unit_test.hpp>

#include "actors/node/config.hpp"
#include "actors/node/node_id.hpp"
#include "adapters_for_tests.hpp"
#include "eventy/core/date.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace eventy {
namespace {

struct Files {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("eventy-config-" + std::to_string(getpid()));
  std::vector<std::function<void(Config&)>> overrides = {};

  Files() { std::filesystem::create_directories(folder); }
  ~Files() { std::filesystem::remove_all(folder); }

  std::string file(const std::string& text) const {
    const auto path = folder / "node.toml";
    std::ofstream(path) << text;
    return path.string();
  }
  void set(const std::string& argument) {
    overrides.push_back([argument](Config& config) { set_from_argument(config, argument); });
  }

  // Reads everything that a node reads.
  NodeConfig read(const std::optional<std::string>& path) const {
    Config config = path ? Config::file(*path) : Config();
    for (const auto& override : overrides) override(config);
    Document document(config);
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

CAF_TEST(the_file_in_config_is_the_default) { CAF_CHECK(read(written_out) == read(std::nullopt)); }

CAF_TEST(the_file_in_config_writes_out_every_key) {
  Document document(Config::file(written_out));
  read(document);
  CAF_CHECK_EQUAL(document.absent(), std::vector<std::string>{});
}

CAF_TEST(the_file_for_Kafka_writes_out_what_differs) {
  if (!adapters_for_tests().stores.contains("kafka")) return;
  Document document(Config::file(EVENTY_SOURCE_DIR "/config/kafka.toml"));
  CAF_CHECK_EQUAL(read(document).store_type, "kafka");
  for (const auto& key : document.absent())
    CAF_CHECK(!key.starts_with("kafka.") && !key.starts_with("store.") && key != "node.id");
}

CAF_TEST(the_default_id_is_of_the_host_and_the_folder_and_is_there_again_after_a_restart) {
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

CAF_TEST(a_folder_set_on_the_command_line_counts_for_the_default_id) {
  const auto before = read(std::nullopt).id;
  overrides.push_back([this](Config& config) { config.set("store.path", folder.string(), "--data"); });
  CAF_CHECK(read(std::nullopt).id != before);
  CAF_CHECK_EQUAL(read(std::nullopt).id, default_node_id(folder));
}

CAF_TEST(values_are_read) {
  const auto c = read(file("[engine]\ncommit_interval_ms = 7\n[namespaces]\n\"urn:shop\" = \"orders\"\n"));
  CAF_CHECK(c.commit_interval == Duration(7));
  CAF_CHECK_EQUAL(c.namespaces.at("urn:shop"), "orders");
}

CAF_TEST(limits_of_what_is_parked_are_read) {
  const auto c =
      read(file("[failures]\ndurable_wait_ms = 20\nmax_parked_records_per_key = 3\nmax_parked_records = 4\n"
                "max_parked_bytes = 5\nmax_parked_record_bytes = 6\n"));
  CAF_CHECK(c.durable_wait == Duration(20));
  CAF_CHECK(c.parking == (ParkingLimits{.records_per_key = 3, .records = 4, .bytes = 5, .record_bytes = 6}));
  CAF_CHECK(
      says("[failures]\nparked_keys = 3\n", {"node.toml:2: ", "\"parked_keys\"", "max_parked_records"}));
}

CAF_TEST(a_key_of_an_earlier_release_is_refused_with_its_new_name) {
  for (const auto& [section, before, now] : {std::tuple("supervision", "most_backoff_ms", "max_backoff_ms"),
                                             {"supervision", "calm_ms", "reset_backoff_after_ms"},
                                             {"engine", "batches_in_flight", "max_batches_in_flight"},
                                             {"failures", "parked_bytes", "max_parked_bytes"}})
    CAF_CHECK(says("[" + std::string(section) + "]\n" + before + " = 3\n",
                   {"node.toml:2: ", "it is called \"" + std::string(now) + "\" now."}));
}

CAF_TEST(partitioners_are_known_by_their_names) {
  const auto c = read(file("[partitioners]\n\"orders-events\" = \"murmur2\"\n"));
  CAF_CHECK(c.partitioners.at("orders-events") == Partitioner::murmur2);
  CAF_CHECK(
      says("[partitioners]\na = \"murmur\"\n", {"node.toml:2: ", "did you mean \"murmur2\"?", "fnv1a"}));
}

CAF_TEST(topics_are_named_by_service_and_role) {
  using Names = std::map<std::string, std::string>;
  set("topics.names.bill.dead-letters=graveyard");
  const auto c =
      read(file("[topics.names]\norders.events = \"legacy.orders.v2\"\n\"a.b.requests\" = \"in\"\n"));
  CAF_CHECK(c.topic_names == (Names{{"orders-events", "legacy.orders.v2"},
                                    {"a.b-requests", "in"},
                                    {"bill-dead-letters", "graveyard"}}));
  overrides.clear();
  CAF_CHECK(says("[topics]\npartitions = 2\n[topics.names]\norders.evnts = \"x\"\n",
                 {"node.toml:3: ", "\"orders.evnts\"", "did you mean \"events\"?", "dead-letters, returns"}));
  CAF_CHECK(says("[topics.names]\nevents = \"x\"\n", {"\"events\"", "no SERVICE.ROLE"}));
  CAF_CHECK(says("[topics.names]\norders.events = \"\"\n", {"has no topic for \"orders.events\""}));
  set("topics.names.orders.evnts=x");
  CAF_CHECK(says("", {"--set topics.names.orders.evnts: "}));
}

CAF_TEST(a_start_is_the_earliest_the_latest_a_date_or_an_offset_of_each_partition) {
  using At = StartPosition::At;
  set("start.bills=2026-01-31");
  set("start.bills.shop-events=[3]");
  auto c =
      read(file("[start]\norders = \"latest\"\nstock = \"earliest\"\nday = 2026-01-31\n"
                "[start.web]\n\"shop.events\" = [0, 12]\nhour = \"2026-01-31T12:00:00+01:00\"\n"));
  CAF_CHECK(c.starts.at("orders") == StartPosition{.at = At::latest});
  CAF_CHECK(c.starts.at("stock") == StartPosition{});
  CAF_CHECK(c.starts.at("web.shop.events") ==
            (StartPosition{.at = At::offsets, .offsets = {Offset{0}, Offset{12}}}));
  CAF_CHECK(c.starts.at("bills.shop-events") == (StartPosition{.at = At::offsets, .offsets = {Offset{3}}}));
  const auto day = *parse_iso8601("2026-01-31T00:00:00Z");
  for (const char* path : {"day", "bills"})
    CAF_CHECK(c.starts.at(path) == (StartPosition{.at = At::date, .date = day}));
  CAF_CHECK(c.starts.at("web.hour").date == day + std::chrono::hours(11));
  overrides.clear();
  CAF_CHECK(says("[start]\norders = \"lately\"\n", {"node.toml:2: ", "\"lately\"", "a date such as"}));
  CAF_CHECK(says("[start.web]\n\"a.b\" = [1, -1]\n", {"node.toml:", "web.a.b", "-1, which is negative"}));
  CAF_CHECK(
      says("[start]\norders = 12\n", {"node.toml:2: ", "must be a text, a date or a list", "an integer"}));
}

CAF_TEST(serializers_are_known_by_their_names_alone_or_in_a_list) {
  const auto c = read(file("[format]\nrecords = \"json, msgpack\"\n[serializers]\norders = \"msgpack\"\n"));
  CAF_CHECK_EQUAL(c.records, "json, msgpack");
  CAF_CHECK_EQUAL(c.serializers.at("orders"), "msgpack");
  CAF_CHECK(says("[serializers]\n\"orders-events\" = \"jsno\"\n",
                 {"node.toml:2: ", "[serializers] orders-events", "did you mean \"json\"?", "msgpack"}));
  CAF_CHECK(says("[format]\nrecords = \"json, plain\"\n",
                 {"node.toml:2: ", "records of json and of plain may both begin with"}));
}

CAF_TEST(an_unknown_key_names_file_and_line_and_the_nearest_and_all_known_keys) {
  CAF_CHECK(
      says("[node]\nid = \"a\"\n\n[engine]\ncommit_interval = 5\n",
           {"node.toml:5: ", "unknown key \"commit_interval\" in [engine]",
            "did you mean \"commit_interval_ms\"?", "Known keys: commit_interval_ms, max_cycle_bytes"}));
}

CAF_TEST(an_unknown_key_of_the_store_is_named_too) {
  CAF_CHECK(says("[store]\ntype = \"embedded\"\npaht = \"x\"\n",
                 {"node.toml:3: ", "\"paht\"", "\"path\"?", "Known keys: type, path, sync"}));
  CAF_CHECK(
      says("[store]\ntype = \"memory\"\npath = \"x\"\n", {"node.toml:3: ", "\"path\"", "Known keys: type"}));
}

CAF_TEST(an_unknown_section_names_the_known_ones) {
  CAF_CHECK(says(
      "[node]\n[topic]\npartitions = 3\n",
      {"node.toml:2: ", "unknown section [topic]", "did you mean \"topics\"?", "Known sections:", "engine"}));
}

CAF_TEST(a_wrong_type_names_file_and_line) {
  CAF_CHECK(says("[topics]\npartitions = \"eight\"\n",
                 {"node.toml:2: ", "[topics] partitions must be an integer, not a text"}));
  CAF_CHECK(says("[store]\nsync = 1\n", {"node.toml:2: ", "must be true or false, not an integer"}));
  CAF_CHECK(says("store = 1\n", {"node.toml:1: ", "must be a section [store]"}));
}

CAF_TEST(a_value_out_of_range_is_refused) {
  CAF_CHECK(says("[topics]\npartitions = 0\n", {"node.toml:2: ", "at least 1"}));
  CAF_CHECK(says("[engine]\ncommit_interval_ms = -1\n", {"node.toml:2: ", "at least 0"}));
  CAF_CHECK(says("[node]\nid = \"a b\"\n", {"node.toml:2: ", "[node] id must be letters, digits"}));
  CAF_CHECK(says("[node]\nid = \"" + std::string(129, 'n') + "\"\n", {"node.toml:2: ", "at most 128"}));
  CAF_CHECK(
      says("[supervision]\nfirst_backoff_ms = 10\nmax_backoff_ms = 5\n", {"node.toml:3: ", "less than"}));
}

CAF_TEST(a_service_has_what_it_says_of_itself_and_else_what_is_said_of_all) {
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

CAF_TEST(how_many_misplaced_records_are_too_many_is_a_key) {
  const auto c = read(file("[failures]\nmisplaced_records = 0\nmisplaced_percent = 50\n"));
  CAF_CHECK(c.misplaced == (MisplacedLimits{.records = 0, .percent = 50}));
  CAF_CHECK(says("[failures]\nmisplaced_percent = 101\n", {"node.toml:2: ", "misplaced_percent"}));
}

CAF_TEST(a_service_is_declared_as_one_whose_handlers_wait) {
  set("services.a.b.blocking=true");
  const auto c = read(file("[services.orders]\nblocking = true\n[services.other]\nblocking = false\n"));
  CAF_CHECK(c.blocking == (std::set<std::string>{"a.b", "orders"}));
  CAF_CHECK(c.supervision_of("orders") == c.supervision);
  overrides.clear();
  CAF_CHECK(says("[services.orders]\nblocking = 3\n", {"node.toml:2: ", "blocking", "true or false"}));
}

CAF_TEST(services_of_the_node_are_supervised_by_keys_of_the_node) {
  const auto c =
      read(file("[node]\nid = \"a\"\n[node.supervision]\nstrategy = \"one_for_all\"\nintensity = 2\n"));
  CAF_CHECK(c.node_supervision.strategy == Strategy::one_for_all);
  CAF_CHECK_EQUAL(c.node_supervision.restarts.intensity, 2);
  CAF_CHECK_EQUAL(c.id, "a");
  CAF_CHECK_EQUAL(c.supervision.parts.restarts.intensity, RestartOptions{}.intensity);
}

CAF_TEST(set_reaches_tables_in_tables) {
  set("services.orders.supervision.intensity=4");
  set("services.a.b.supervision.strategy=one_for_all");
  set("node.supervision.reset_backoff_after_ms=8");
  const auto c = read(file("[services.orders.supervision]\nintensity = 3\nreset_backoff_after_ms = 6\n"));
  CAF_CHECK_EQUAL(c.supervision_of("orders").parts.restarts.intensity, 4);
  CAF_CHECK(c.supervision_of("orders").parts.restarts.reset_backoff_after == Duration(6));
  CAF_CHECK(c.supervision_of("a.b").parts.strategy == Strategy::one_for_all);
  CAF_CHECK(c.node_supervision.restarts.reset_backoff_after == Duration(8));
}

CAF_TEST(a_mistake_in_a_table_in_a_table_names_the_key_and_the_known_ones) {
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

CAF_TEST(an_unknown_name_lists_the_known_ones) {
  CAF_CHECK(says("[store]\ntype = \"embeded\"\n", {"node.toml:2: ", "did you mean \"embedded\"?", "memory"}));
  CAF_CHECK(says("[format]\nrecords = \"xml\"\n", {"node.toml:2: ", "json"}));
  CAF_CHECK(says("[log]\nlevel = \"loud\"\n", {"node.toml:2: ", "warning"}));
}

CAF_TEST(the_log_has_a_format_and_a_place) {
  const auto c =
      read(file("[log]\nformat = \"json\"\nto = \"logs/node.log\"\nmax_file_bytes = 5\nmax_files = 0\n"));
  CAF_CHECK(c.log ==
            (LogConfig{.format = "json", .to = "logs/node.log", .max_file_bytes = 5, .max_files = 0}));
  CAF_CHECK(says("[log]\nformat = \"jsno\"\n",
                 {"node.toml:2: ", "[log] format", "did you mean \"json\"?", "text"}));
  CAF_CHECK(says("[log]\nto = \"\"\n", {"node.toml:2: ", "[log] to must not be empty", "stdout"}));
  CAF_CHECK(says("[log]\nto = \"stdder\"\n", {"node.toml:2: ", "did you mean \"stderr\"?", "\"./stdder\""}));
  CAF_CHECK(says("[log]\nmax_file_bytes = 0\n", {"node.toml:2: ", "[log] max_file_bytes", "at least 1"}));
  CAF_CHECK(says("[log]\nmax_files = 1001\n", {"node.toml:2: ", "[log] max_files", "at most 1000"}));
  CAF_CHECK(says("[log]\nfile = \"a\"\n", {"node.toml:2: ", "unknown key \"file\" in [log]", "max_files"}));
  CAF_CHECK_EQUAL(read(file("[log]\nto = \"./stdder\"\n")).log.to, "./stdder");
}

CAF_TEST(what_is_no_TOML_names_file_and_line) { CAF_CHECK(says("[node]\nid = \n", {"node.toml:2: "})); }

CAF_TEST(a_missing_file_is_an_error) {
  CAF_CHECK(refused([&] { (void)read((folder / "absent.toml").string()); }));
  CAF_CHECK(refused([&] { (void)read(folder.string()); }));
}

CAF_TEST(set_goes_over_the_file) {
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

CAF_TEST(a_mistake_in_set_names_the_option) {
  set("topics.partitons=3");
  CAF_CHECK(says("", {"--set topics.partitons: ", "did you mean \"partitions\"?"}));
  overrides.clear();
  set("topics.partitions=many");
  CAF_CHECK(says("", {"--set topics.partitions: ", "must be an integer, not a text"}));
  overrides.clear();
  set("topic.partitions=3");
  CAF_CHECK(says("", {"--set topic.partitions: ", "unknown section"}));
  CAF_CHECK(refused([&] {
    Config config;
    set_from_argument(config, "partitions=3");
  }));
  CAF_CHECK(refused([&] {
    Config config;
    set_from_argument(config, "topics.partitions");
  }));
}

CAF_TEST_FIXTURE_SCOPE_END()

}  // namespace eventy

#include "eventy/msgpack/msgpack.hpp"

#include <msgpack.hpp>

#include <span>

#include "tests/bench/serializers/formats.hpp"
#include "tests/bench/serializers/read_by_hand.hpp"
#include "tests/bench/serializers/write_by_hand.hpp"

namespace eventy::benchmark {

namespace {

// The objects of msgpack-c. Texts are views into the bytes, and the memory of the objects is kept from record
// to record. It checks no UTF-8.
class MsgpackDom {
 public:
  using Value = const ::msgpack::object&;
  static constexpr std::string_view date_name = "date_timestamp";

  Value parse(std::string_view bytes) {
    constexpr auto refer = [](::msgpack::type::object_type, std::size_t, void*) { return true; };
    zone_.clear();
    std::size_t end = 0;
    root_ = ::msgpack::unpack(zone_, bytes.data(), bytes.size(), end, refer);
    need(end == bytes.size());
    return root_;
  }
  static auto members(Value value) {
    constexpr auto entry = [](const auto& e) { return Member<Value>{text(e.key), e.val}; };
    need(value.type == ::msgpack::type::MAP);
    const auto& map = value.via.map;
    return Entries<const ::msgpack::object_kv*, entry>{map.ptr, map.ptr + map.size};
  }
  static std::span<const ::msgpack::object> items(Value value) {
    need(value.type == ::msgpack::type::ARRAY);
    return {value.via.array.ptr, value.via.array.size};
  }
  static std::string_view text(Value value) {
    need(value.type == ::msgpack::type::STR);
    return {value.via.str.ptr, value.via.str.size};
  }
  static std::int64_t integer(Value value) { return value.as<std::int64_t>(); }
  static double real(Value value) { return value.as<double>(); }
  static bool boolean(Value value) { return value.as<bool>(); }
  static bool is_null(Value value) { return value.is_nil(); }
  static Instant date(Value value) { return Instant(Duration(integer(value))); }
  static Instant instant(Value value) {
    const auto t = value.as<timespec>();
    return Instant(Duration(t.tv_sec * 1000 + t.tv_nsec / 1'000'000));
  }
  static ContextValue scalar(Value value) {
    if (value.type == ::msgpack::type::STR) return std::string(text(value));
    if (value.type == ::msgpack::type::BOOLEAN) return boolean(value);
    if (value.type == ::msgpack::type::FLOAT64) return real(value);
    if (!value.is_nil()) return integer(value);
    return nullptr;
  }

 private:
  ::msgpack::zone zone_;
  ::msgpack::object root_;
};

// The packer of msgpack-c, straight to the string. It checks no UTF-8.
class MsgpackSink {
 public:
  static constexpr std::size_t date_members = 1;

  explicit MsgpackSink(std::string& out) : target_{&out} {}
  void open_map(std::size_t members) { packer_.pack_map(static_cast<std::uint32_t>(members)); }
  void close_map() {}
  void open_list(std::size_t items) { packer_.pack_array(static_cast<std::uint32_t>(items)); }
  void close_list() {}
  void name(std::string_view name) { text(name); }
  void text(std::string_view utf8) { packer_.pack(utf8); }
  void integer(std::int64_t value) { packer_.pack(value); }
  void real(double value) { packer_.pack(value); }
  void boolean(bool value) { packer_.pack(value); }
  void null() { packer_.pack_nil(); }
  void instant(Instant value) {
    const auto ms = value.time_since_epoch().count();
    packer_.pack(timespec{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000});
  }
  void envelope_date(Instant date) { name("date_timestamp"), integer(date.time_since_epoch().count()); }

 private:
  struct Target {
    std::string* out;
    void write(const char* data, std::size_t size) { out->append(data, size); }
  };
  Target target_;
  ::msgpack::packer<Target> packer_{target_};
};

template <class Data>
std::vector<Way<Data>> ways() {
  return {ours<Data>(*msgpack::serializer()),
          {"msgpack-c by hand", reading<Data, MsgpackDom>(),
           [](const Whole<Data>& record, std::string& out) {
             MsgpackSink sink(out);
             write_by_hand(sink, record);
           },
           1.25}};
}

}  // namespace

bool run_msgpack(const Options& options) {
  const bool small = Contest("MessagePack", small_samples(), ways<Clicked>()).run(options);
  return Contest("MessagePack", large_samples(), ways<Placed>()).run(options) && small;
}

}  // namespace eventy::benchmark

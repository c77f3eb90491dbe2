#include "eventy/testing/plain_format.hpp"

#include <cstring>

namespace eventy::testing {

namespace {

// A value is a tag and its bytes; numbers and lengths are 8 bytes in the machine's byte order.
class PlainWriter final : public Writer {
 public:
  void into(std::string& out) { out_ = &out; }
  void open_map(std::size_t members) override { number('m', members); }
  void member(std::string_view name) override { chars('s', name); }
  void close_map() override {}
  void open_list(std::size_t items) override { number('l', items); }
  void item() override {}
  void close_list() override {}
  void null() override { out_->push_back('n'); }
  void boolean(bool v) override { out_->push_back(v ? 't' : 'f'); }
  void integer(std::int64_t v) override { number('i', static_cast<std::uint64_t>(v)); }
  void unsigned_integer(std::uint64_t v) override { number('u', v); }
  void real(double v) override {
    std::uint64_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    number('d', bits);
  }
  void text(std::string_view v) override { chars('s', v); }
  void bytes(std::span<const std::byte> v) override {
    chars('b', {reinterpret_cast<const char*>(v.data()), v.size()});
  }
  void instant(Instant v) override { number('T', static_cast<std::uint64_t>(v.time_since_epoch().count())); }

 private:
  void number(char tag, std::uint64_t v) {
    char b[9] = {tag};
    std::memcpy(b + 1, &v, sizeof v);
    out_->append(b, sizeof b);
  }
  void chars(char tag, std::string_view v) {
    number(tag, v.size());
    out_->append(v);
  }
  std::string* out_ = nullptr;
};

class PlainReader final : public Reader {
 public:
  void at(std::string_view bytes) { rest_ = bytes, open_.clear(); }
  std::string_view rest() const { return rest_; }

  ValueType type() override {
    switch (peek()) {
      case 'n':
        return ValueType::null;
      case 't':
      case 'f':
        return ValueType::boolean;
      case 'i':
        return ValueType::integer;
      case 'u':
        return ValueType::unsigned_integer;
      case 'd':
        return ValueType::real;
      case 's':
        return ValueType::text;
      case 'b':
        return ValueType::bytes;
      case 'T':
        return ValueType::integer;
      case 'm':
        return ValueType::map;
      case 'l':
        return ValueType::list;
      default:
        throw DecodeError("no such tag");
    }
  }
  void open_map() override { open('m', "a map"); }
  bool member(std::string_view& name) override {
    if (!next()) return false;
    name = chars('s', "a name");
    return true;
  }
  void open_list() override { open('l', "a list"); }
  bool item() override { return next(); }
  bool null() override {
    if (peek() != 'n') return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool boolean() override {
    const char tag = peek();
    if (tag != 't' && tag != 'f') throw DecodeError("expected a boolean");
    rest_.remove_prefix(1);
    return tag == 't';
  }
  std::int64_t integer() override {
    const char tag = peek();
    const std::uint64_t v = number(tag == 'u' ? 'u' : 'i', "an integer");
    if (tag == 'u' && v > INT64_MAX) throw DecodeError("integer out of range");
    return static_cast<std::int64_t>(v);
  }
  std::uint64_t unsigned_integer() override {
    const char tag = peek();
    const std::uint64_t v = number(tag == 'i' ? 'i' : 'u', "an unsigned integer");
    if (tag == 'i' && static_cast<std::int64_t>(v) < 0) throw DecodeError("integer out of range");
    return v;
  }
  double real() override {
    if (peek() != 'd') return static_cast<double>(integer());
    const std::uint64_t bits = number('d', "a number");
    double v;
    std::memcpy(&v, &bits, sizeof v);
    return v;
  }
  std::string_view text() override { return chars('s', "a text"); }
  void bytes(std::vector<std::byte>& out) override {
    const auto v = chars('b', "bytes");
    const auto* at = reinterpret_cast<const std::byte*>(v.data());
    out.assign(at, at + v.size());
  }
  Instant instant() override { return Instant(Duration(static_cast<std::int64_t>(number('T', "a time")))); }
  void skip() override {
    std::string_view name;
    switch (type()) {
      case ValueType::map:
        open_map();
        while (member(name)) skip();
        break;
      case ValueType::list:
        open_list();
        while (item()) skip();
        break;
      case ValueType::text:
      case ValueType::bytes:
        chars(peek(), "chars");
        break;
      case ValueType::null:
      case ValueType::boolean:
        rest_.remove_prefix(1);
        break;
      default:
        number(peek(), "a number");
    }
  }

 private:
  char peek() const {
    if (rest_.empty()) throw DecodeError("the bytes end too early");
    return rest_.front();
  }
  std::uint64_t number(char tag, const char* what) {
    if (peek() != tag) throw DecodeError("expected " + std::string(what));
    if (rest_.size() < 9) throw DecodeError("the bytes end too early");
    std::uint64_t v;
    std::memcpy(&v, rest_.data() + 1, sizeof v);
    rest_.remove_prefix(9);
    return v;
  }
  std::string_view chars(char tag, const char* what) {
    const std::uint64_t size = number(tag, what);
    if (rest_.size() < size) throw DecodeError("the bytes end too early");
    const auto v = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return v;
  }
  void open(char tag, const char* what) {
    if (open_.size() == 32) throw DecodeError("nested too deeply");
    open_.push_back(number(tag, what));
  }
  bool next() {
    if (open_.back() == 0) return open_.pop_back(), false;
    --open_.back();
    return true;
  }
  std::string_view rest_;
  std::vector<std::uint64_t> open_;
};

class PlainEncoder final : public Encoder {
 public:
  Writer& begin(const Envelope& e, const OutgoingContext& context, std::string& out) override {
    writer_.into(out);
    writer_.open_map(16);
    const auto text = [&](std::string_view name, std::string_view value) {
      writer_.member(name), writer_.text(value);
    };
    text("type", to_string(e.kind)), text("namespace", e.ns), text("name", e.name);
    text("protocol_version", e.protocol_version), text("version", e.version), text("source", e.source);
    text("uuid", e.uuid), text("correlation_id", e.correlation_id);
    writer_.member("partition_key"), write(writer_, e.partition_key);
    writer_.member("date"), writer_.instant(e.date);
    text("destination", e.destination), text("request_uuid", e.request_uuid);
    writer_.member("ok"), writer_.boolean(e.ok);
    writer_.member("error_code"), write(writer_, e.error_code);
    writer_.member("error_message"), write(writer_, e.error_message);
    Context all = context.common ? *context.common : Context{};
    if (!context.extra_name.empty())
      all[std::string(context.own_namespace)][std::string(context.extra_name)] =
          std::string(context.extra_value);
    writer_.member("context"), write(writer_, all);
    return writer_;  // the data closes the record
  }
  void end() override {}

 private:
  PlainWriter writer_;
};

class PlainDecoder final : public Decoder {
 public:
  const Envelope& decode(std::string_view bytes) override {
    reader_.at(bytes);
    e_ = {};
    reader_.open_map();
    std::string_view name;
    data_ = {};
    while (reader_.member(name)) {
      if (name == "context") {
        context_ = reader_.rest();
        reader_.skip();
        data_ = reader_.rest();
        break;
      }
      field(name);
    }
    if (data_.data() == nullptr) throw DecodeError("context: missing");
    reader_.at(data_);
    reader_.skip();
    if (!reader_.rest().empty()) throw DecodeError("bytes are left over");
    if (const auto broken = broken_rule(e_)) throw DecodeError(*broken);
    return e_;
  }
  bool context_is_empty() override {
    reader_.at(context_);
    reader_.open_map();
    std::string_view name;
    return !reader_.member(name);
  }
  void read_context(Context& out) override {
    reader_.at(context_);
    read(reader_, out);
  }
  Reader& data() override {
    reader_.at(data_);
    return reader_;
  }

 private:
  void field(std::string_view name) {
    const auto text = [&](std::string_view& to) { to = reader_.text(); };
    if (name == "type") {
      const auto kind = kind_of(reader_.text());
      if (!kind) throw DecodeError("type: no such type");
      e_.kind = *kind;
    } else if (name == "namespace") {
      text(e_.ns);
    } else if (name == "name") {
      text(e_.name);
    } else if (name == "protocol_version") {
      text(e_.protocol_version);
    } else if (name == "version") {
      text(e_.version);
    } else if (name == "source") {
      text(e_.source);
    } else if (name == "uuid") {
      text(e_.uuid);
    } else if (name == "correlation_id") {
      text(e_.correlation_id);
    } else if (name == "partition_key") {
      read(reader_, e_.partition_key, Absent::is_error);
    } else if (name == "date") {
      e_.date = reader_.instant();
    } else if (name == "destination") {
      text(e_.destination);
    } else if (name == "request_uuid") {
      text(e_.request_uuid);
    } else if (name == "ok") {
      e_.ok = reader_.boolean();
    } else if (name == "error_code") {
      read(reader_, e_.error_code, Absent::is_error);
    } else if (name == "error_message") {
      read(reader_, e_.error_message, Absent::is_error);
    } else {
      reader_.skip();
    }
  }
  PlainReader reader_;
  Envelope e_;
  std::string_view context_, data_;
};

class Plain final : public Serializer {
 public:
  std::string_view name() const override { return "plain"; }
  std::unique_ptr<Decoder> make_decoder(const DecodeLimits&) const override {
    return std::make_unique<PlainDecoder>();
  }
  std::unique_ptr<Encoder> make_encoder() const override { return std::make_unique<PlainEncoder>(); }
};

class PlainValueDecoder final : public ValueDecoder {
 public:
  Reader& start(std::string_view bytes) override { return reader_.at(bytes), reader_; }
  void finish() override {
    if (!reader_.rest().empty()) throw DecodeError("bytes are left over");
  }

 private:
  PlainReader reader_;
};

class PlainValueEncoder final : public ValueEncoder {
 public:
  Writer& start(std::string& out) override { return writer_.into(out), writer_; }

 private:
  PlainWriter writer_;
};

class PlainState final : public StateFormat {
 public:
  std::string_view name() const override { return "plain"; }
  std::unique_ptr<ValueDecoder> make_decoder(const DecodeLimits&) const override {
    return std::make_unique<PlainValueDecoder>();
  }
  std::unique_ptr<ValueEncoder> make_encoder() const override {
    return std::make_unique<PlainValueEncoder>();
  }
};

}  // namespace

std::shared_ptr<const Serializer> plain_serializer() { return std::make_shared<Plain>(); }
std::shared_ptr<const StateFormat> plain_state_format() { return std::make_shared<PlainState>(); }

}  // namespace eventy::testing

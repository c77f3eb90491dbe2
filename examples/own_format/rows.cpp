#include "rows.hpp"

#include "eventy/core/record_serializer.hpp"
#include "eventy/core/value_codec.hpp"
#include "eventy/json/json.hpp"

namespace own_format {

using namespace eventy;

class Rows final : public RecordSerializer {
 public:
  std::string_view name() const override { return "rows"; }
  FirstBytes first_bytes() const override { return FirstBytes().set('['); }

  void encode(const Record& r, std::string& out) const override {
    const std::int64_t date = r.date().time_since_epoch().count();
    out += json::to_text(ValueList{
        to_value(to_string(r.kind())), to_value(r.ns()), to_value(r.name()), to_value(r.source()),
        to_value(r.version()), to_value(r.uuid()), to_value(r.correlation_id()), to_value(date),
        to_value(r.partition_key()), to_value(r.context), to_value(r.data), to_value(r.destination()),
        to_value(r.request_uuid()), to_value(r.ok()), to_value(r.error_code()), to_value(r.error_message())});
  }

  Record decode(std::string_view bytes) const override {
    const auto row = from_value<ValueList>(json::parse(bytes));
    std::size_t at = 0;
    const auto next = [&]<class T>(T) { return from_value<T>(row.at(at++)); };
    const auto text = [&] { return next(std::string()); };
    const auto kind = kind_of(text());
    if (!kind) throw DecodeError("unknown type of record");
    Record r{*kind, text(), text(), text()};
    r.set_version(text()).set_uuid(text()).set_correlation_id(text());
    r.set_date(next(Instant())).set_partition_key(next(std::optional<std::string>()));
    ValueReader context(row.at(at++));
    read(context, r.context);
    r.data = next(ValueMap());
    if (*kind != Kind::response) return r;
    r.set_destination(text()).set_request_uuid(text());
    const bool ok = next(bool());
    const auto code = next(std::optional<std::int64_t>());
    if (!ok) r.set_refusal(code, next(std::optional<std::string>()));
    return r;
  }
};

std::shared_ptr<const Serializer> rows() { return std::make_shared<const Rows>(); }

}  // namespace own_format

#include "yaml_text.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "eventy/core/one_line.hpp"
#include "schema.hpp"

namespace eventy::avro::detail {

namespace {

// Limits, because aliases can repeat a large value many times, and can refer to a value that contains them.
constexpr std::size_t max_values = 1u << 16, max_text = 4 * max_schema_bytes,
                      max_depth = 4 * max_schema_depth;

bool one_of(std::string_view text, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

bool consists_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == text.npos;
}

[[noreturn]] void fail_beyond(std::string_view number) {
  eventy::detail::fail_out_of_range(one_line(number, 80));
}

Value integer_of(std::string_view sign, std::string_view digits, int base) {
  std::string plain(sign == "-" ? "-" : "");
  for (const char c : digits) {
    if (c != '_') plain += c;
  }
  std::int64_t value = 0;
  const auto* last = plain.data() + plain.size();
  if (std::from_chars(plain.data(), last, value, base).ec == std::errc()) return Value{value};
  std::uint64_t large = 0;
  if (std::from_chars(plain.data(), last, large, base).ec == std::errc()) return Value{large};
  fail_beyond(plain);
}

std::optional<Value> number_of(std::string_view text) {
  const std::string_view sign = text.substr(0, text.starts_with('-') || text.starts_with('+'));
  const auto digits = text.substr(sign.size());
  if (digits.empty()) return {};
  const bool starts_with_digit = digits[0] >= '0' && digits[0] <= '9';
  if (digits == "0" || (digits[0] != '0' && starts_with_digit && consists_of(digits, "0123456789_")))
    return integer_of(sign, digits, 10);
  if (digits.starts_with("0x") && consists_of(digits.substr(2), "0123456789abcdefABCDEF_"))
    return integer_of(sign, digits.substr(2), 16);
  if (digits.starts_with("0b") && consists_of(digits.substr(2), "01_"))
    return integer_of(sign, digits.substr(2), 2);
  if (digits[0] == '0' && consists_of(digits.substr(1), "01234567_")) return integer_of(sign, digits, 8);
  return {};
}

// In YAML 1.1 a real needs a point, and its exponent a sign.
std::optional<Value> real_of(std::string_view text) {
  const std::string_view sign = text.substr(0, text.starts_with('-') || text.starts_with('+'));
  auto rest = text.substr(sign.size());
  const auto exponent = rest.find_first_of("eE");
  if (exponent != rest.npos) {
    const auto tail = rest.substr(exponent + 1);
    if (tail.size() < 2 || (tail[0] != '+' && tail[0] != '-') || !consists_of(tail.substr(1), "0123456789"))
      return {};
  }
  const auto mantissa = rest.substr(0, exponent);
  const auto point = mantissa.find('.');
  if (point == mantissa.npos || mantissa.size() < 2 || (point == 0 && !sign.empty())) return {};
  if (mantissa[0] == '_' || mantissa.find('.', point + 1) != mantissa.npos || mantissa == "._") return {};
  if (!consists_of(mantissa, "0123456789_.")) return {};
  std::string plain(sign == "-" ? "-" : "");
  for (const char c : rest) {
    if (c != '_') plain += c;
  }
  double value = 0;
  const auto* last = plain.data() + plain.size();
  const auto done = std::from_chars(plain.data(), last, value);
  if (done.ec == std::errc::result_out_of_range) fail_beyond(plain);
  if (done.ptr != last) return {};
  return Value{value};
}

Value scalar_of(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  const auto& tag = node.Tag();
  if (tag == "!" || tag == "tag:yaml.org,2002:str") return {text};  // quoted, or tagged as a string
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return {};
  if (one_of(text, {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) return {true};
  if (one_of(text, {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) return {false};
  if (auto number = number_of(text)) return *std::move(number);
  if (auto number = real_of(text)) return *std::move(number);
  return {text};
}

class YamlReader {
 public:
  Value read(const YAML::Node& node) {
    if (++values_ > max_values) throw DecodeError("too many values");
    if (depth_ == max_depth) fail(node, "nested too deep");
    ++depth_;
    auto value = read_any(node);
    --depth_;
    return value;
  }

 private:
  Value read_any(const YAML::Node& node) {
    switch (node.Type()) {
      case YAML::NodeType::Sequence: {
        ValueList list;
        for (const auto& item : node) list.push_back(read(item));
        return {std::move(list)};
      }
      case YAML::NodeType::Map: {
        ValueMap map;
        std::set<std::string> names;
        for (const auto& member : node) add(map, names, member.first, member.second);
        return {std::move(map)};
      }
      case YAML::NodeType::Scalar:
        count(node);
        try {
          return scalar_of(node);
        } catch (const DecodeError& e) {
          fail(node, e.reason());
        }
      default:
        return {};
    }
  }

  void count(const YAML::Node& scalar) {
    if ((text_ += scalar.Scalar().size()) > max_text) throw DecodeError("too much text");
  }

  void add(ValueMap& map, std::set<std::string>& names, const YAML::Node& name, const YAML::Node& value) {
    if (!name.IsScalar()) fail(name, "the name of a member must be text");
    if (name.Scalar() == "<<" && name.Tag() == "?") fail(name, "merging with << is not supported");
    count(name);
    if (!names.insert(name.Scalar()).second) fail(name, "\"" + name.Scalar() + "\" occurs twice");
    map.emplace_back(name.Scalar(), read(value));
  }

  [[noreturn]] static void fail(const YAML::Node& node, const std::string& reason) {
    const auto at = node.Mark();
    throw DecodeError("line " + std::to_string(at.line + 1) + ": " + reason);
  }

  std::size_t values_ = 0, text_ = 0, depth_ = 0;
};

}  // namespace

Value parse_yaml(const std::string& text) {
  if (text.size() > max_schema_bytes)
    throw DecodeError("more than the limit of " + std::to_string(max_schema_bytes) + " bytes");
  try {
    return YamlReader().read(YAML::Load(text));
  } catch (const YAML::Exception& e) {
    throw DecodeError("line " + std::to_string(e.mark.line + 1) + ", column " +
                      std::to_string(e.mark.column + 1) + ": " + e.msg);
  }
}

}  // namespace eventy::avro::detail

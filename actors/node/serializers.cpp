#include "serializers.hpp"

#include <algorithm>

#include "document.hpp"

namespace eventy {

namespace {

Error unknown_name(const Adapters& adapters, const std::string& name) {
  std::vector<std::string> names;
  std::string known;
  for (const auto& entry : adapters.serializers) {
    names.push_back(entry.first);
    known += (known.empty() ? "" : ", ") + entry.first;
  }
  const auto near = nearest(name, names);
  return {ErrorCode::configuration, "there is no serializer \"" + name + "\"" +
                                        (near ? "; did you mean \"" + *near + "\"?" : ".") +
                                        " Known: " + (known.empty() ? "none" : known)};
}

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from <= names.size();) {
    const auto comma = std::min(names.find(',', from), names.size());
    auto first = names.find_first_not_of(' ', from), last = comma;
    first = std::min(first, comma);
    while (last > first && names[last - 1] == ' ') --last;
    out.push_back(names.substr(first, last - first));
    from = comma + 1;
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const Serializer>> make_serializer(const Adapters& adapters, const std::string& names,
                                                          const FormatOptions& options) {
  std::vector<std::shared_ptr<const Serializer>> made;
  for (const auto& name : split(names)) {
    const auto known = adapters.serializers.find(name);
    if (known == adapters.serializers.end()) return unknown_name(adapters, name);
    auto serializer = known->second(options);
    if (!serializer)
      return Error{ErrorCode::configuration, "serializer " + name + ": " + serializer.error().message};
    made.push_back(*std::move(serializer));
  }
  if (made.size() == 1) return made.front();
  try {
    return by_first_byte(std::move(made));
  } catch (const std::invalid_argument& e) {
    return Error{ErrorCode::configuration, e.what()};
  }
}

}  // namespace eventy

// The message types that records may hold: those compiled into the program, and those of a folder of schemas.
// Immutable; threads may share it.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>

#include <memory>
#include <string>
#include <string_view>

#include "eventy/core/result.hpp"
#include "eventy/core/serializer.hpp"

namespace eventy::protobuf::detail {

class Schemas {
 public:
  Schemas() : Schemas(std::make_unique<google::protobuf::SimpleDescriptorDatabase>()) {}  // without a folder
  explicit Schemas(std::unique_ptr<google::protobuf::SimpleDescriptorDatabase> files);

  // An empty message of that type. Null: the type is unknown.
  std::unique_ptr<google::protobuf::Message> make(std::string_view type) const;
  // Throws DecodeError if `out` has another type, the bytes are not such a message, or a limit is exceeded.
  static void parse(std::string_view type, std::string_view bytes, const DecodeLimits& limits,
                    google::protobuf::Message& out);

 private:
  std::unique_ptr<google::protobuf::SimpleDescriptorDatabase> files_;
  google::protobuf::DescriptorPool pool_;
  mutable google::protobuf::DynamicMessageFactory factory_;  // has its own lock
};

// The error (ErrorCode::configuration) names file and line.
Result<std::shared_ptr<const Schemas>> read_schemas(const std::string& folder);

}  // namespace eventy::protobuf::detail

// Protocol Buffers: the protocol's records as messages of record.proto, which is installed beside this
// header. The serializer is immutable and any thread may share it; what it makes belongs to one thread.
#pragma once

#include <memory>
#include <string>

#include "eventy/core/result.hpp"
#include "eventy/core/serializer.hpp"

namespace eventy::protobuf {

// Data are written as `fields`, by the names of their members, or, where a handler writes a generated message
// (message.hpp), as `message`. Both are read into either. A message in a record that is read member by member
// must be compiled into the program, or be one of the schemas.
std::shared_ptr<const Serializer> serializer();

// The same with the messages of a folder, which is searched through: .proto files, their imports relative to
// the folder, and descriptor sets (protoc --descriptor_set_out --include_imports) that end in .pb or .desc.
// Error (ErrorCode::configuration): the folder or a file cannot be read; it names file and line.
Result<std::shared_ptr<const Serializer>> serializer(const std::string& schemas);

}  // namespace eventy::protobuf

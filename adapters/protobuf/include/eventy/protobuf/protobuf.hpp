// Protocol Buffers: the protocol's records as messages of record.proto, which is installed beside this
// header. The serializer is immutable and threads may share it. An encoder or decoder belongs to one thread.
#pragma once

#include <memory>
#include <string>

#include "eventy/core/result.hpp"
#include "eventy/core/serializer.hpp"

namespace eventy::protobuf {

// Writes data as `fields`, by the names of its members, or as `message` if a handler writes a generated
// message (message.hpp). Reads either one into structs and into generated messages. To read a `message`
// member by member, its type must be compiled into the program or be among the schemas.
std::shared_ptr<const Serializer> serializer();

// The same with the schemas in a folder and its subfolders: .proto files, with imports relative to the
// folder, and descriptor sets (protoc --descriptor_set_out --include_imports) named *.pb or *.desc. Error
// (ErrorCode::configuration): the folder or a file is not readable; names file and line.
Result<std::shared_ptr<const Serializer>> serializer(const std::string& schemas);

}  // namespace eventy::protobuf

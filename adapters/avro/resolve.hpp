// Lenient schema resolution (Avro 1.11.1 specification, "Schema Resolution"): types that do not match stay as
// written, and fields that only the writer has are kept. The handler that reads the data decides what fits.
#pragma once

#include "schema.hpp"

namespace eventy::avro::detail {

// The written node resolved to the reader's: fields have the reader's names, unwritten fields their defaults,
// numbers and texts are promoted, and symbols that the reader lacks become its default symbol. Adds new nodes
// to `into`; the result refers to all three schemas.
const Node& resolve(const Node& written, const Node& wanted, Schema& into);

}  // namespace eventy::avro::detail

// Schema resolution (Avro 1.11.1 specification, "Schema Resolution"), lenient: what does not match stays as
// it was written, and fields that only the writer has are kept. Whoever reads decides what fits.
#pragma once

#include "schema.hpp"

namespace eventy::avro::detail {

// The written node as seen by the reader's: fields under the reader's names, with the defaults of those that
// were not written, numbers and texts promoted, symbols that the reader lacks as its default one. New nodes
// go into `into`; the result refers to all three schemas.
const Node& resolve(const Node& written, const Node& wanted, Schema& into);

}  // namespace eventy::avro::detail

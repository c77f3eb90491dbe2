#pragma once

#include "client.hpp"

namespace eventy::kafka::detail {

Result<std::unique_ptr<StoreSession>> make_session(std::shared_ptr<Client> client,
                                                   const SessionOptions& options);

}  // namespace eventy::kafka::detail

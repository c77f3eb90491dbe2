// The levels of a service's lines as spdlog has them.
#pragma once

#include <spdlog/common.h>

#include "eventy/service/turn.hpp"

namespace eventy {

inline spdlog::level::level_enum log_level(LogLevel level) {
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                         spdlog::level::warn, spdlog::level::err};
  return levels[static_cast<std::size_t>(level)];
}

}  // namespace eventy

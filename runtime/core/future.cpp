#include "eventy/core/future.hpp"

namespace eventy {

Error CallbackThread::refused(std::string_view what) {
  return {ErrorCode::invalid_argument,
          "cannot " + std::string(what) +
              " on a thread that runs callbacks: it would wait for itself. Hand the work to another thread"};
}

}  // namespace eventy

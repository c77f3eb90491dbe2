#include "eventy/core/string_appender.hpp"

namespace eventy {

namespace {

constexpr std::size_t slack = 512;  // extra space: about what a record needs

}  // namespace

void StringAppender::grow(std::size_t count) {
  auto used = static_cast<std::size_t>(at_ - out_->data());
  out_->resize(used + count + slack);
  at_ = out_->data() + used;
  end_ = out_->data() + out_->size();
}

}  // namespace eventy

// The one function that sends messages between actors, delayed ones too.
#pragma once

#include "eventy/actors/messages.hpp"

namespace eventy::actors {

namespace detail {
template <class T, class Variant>
inline constexpr bool is_among = false;
template <class T, class... Alternatives>
inline constexpr bool is_among<T, std::variant<Alternatives...>> = (std::is_same_v<T, Alternatives> || ...);
}  // namespace detail

template <class Receiver, class Message>
concept Takes = detail::is_among<Message, typename Receiver::Mail>;

// Sends a message from an actor, or from nobody, to an actor that takes it, after `wait`. Messages from one
// actor to another keep their order, except delayed ones. Any thread may call it. Does nothing if `to` is
// empty.
template <class Receiver, class Message>
  requires Takes<Receiver, Message>
void post(ActorId from, const Ref<Receiver>& to, Message message, std::chrono::nanoseconds wait = {}) {
  if (to)
    to.mailbox()->put({from, Mail(std::in_place_type<typename Receiver::Mail>, std::move(message))}, wait);
}

}  // namespace eventy::actors

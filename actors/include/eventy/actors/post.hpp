// How actors speak: every message of actors/, delayed ones too, is sent by this function.
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

// Sends a message from an actor, or from nobody, to one that takes it; after `wait`, if there is one. What
// one actor sends to another arrives in its order, delayed messages aside. Any thread. Without a receiver
// nothing happens.
template <class Receiver, class Message>
  requires Takes<Receiver, Message>
void post(ActorId from, const Ref<Receiver>& to, Message message, std::chrono::nanoseconds wait = {}) {
  if (to)
    to.mailbox()->put({from, Mail(std::in_place_type<typename Receiver::Mail>, std::move(message))}, wait);
}

}  // namespace eventy::actors

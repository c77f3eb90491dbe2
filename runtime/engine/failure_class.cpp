#include "eventy/engine/failure_class.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <typeinfo>

#include "eventy/core/codec.hpp"
#include "eventy/core/one_line.hpp"

namespace eventy {

namespace {

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 && text ? text.get() : name;
}

}  // namespace

ErrorText describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const DecodeError& e) {
    return {"DecodeError", one_line(e.what()), true};
  } catch (const std::bad_alloc&) {
    return {std::string(out_of_memory_class), "out of memory"};
  } catch (const std::exception& e) {
    return {demangled(typeid(e).name()), one_line(e.what())};
  } catch (...) {
    const auto* type = abi::__cxa_current_exception_type();
    const std::string name = type ? demangled(type->name()) : "unknown";
    return {name, "an exception of type " + name + ", which is no std::exception"};
  }
}

}  // namespace eventy

// Under a sanitizer by its hooks, else in the place of malloc(): then this file must be part of the program
// itself.
#include "tests/fuzz/memory_watch.hpp"

#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define EVENTY_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EVENTY_SANITIZED 1
#endif
#endif

namespace {

// What was taken before the watch began may be given back in it.
thread_local std::ptrdiff_t in_use = 0, max_in_use = 0;

void took(std::size_t size) {
  in_use += static_cast<std::ptrdiff_t>(size);
  if (in_use > max_in_use) max_in_use = in_use;
}
void gave_back(std::size_t size) { in_use -= static_cast<std::ptrdiff_t>(size); }

}  // namespace

#ifdef EVENTY_SANITIZED
// As sanitizer/allocator_interface.h has them, which not every compiler brings.
extern "C" std::size_t __sanitizer_get_allocated_size(const volatile void*);
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));

static void on_malloc(const volatile void* at, std::size_t) { took(__sanitizer_get_allocated_size(at)); }
static void on_free(const volatile void* at) {
  if (at) gave_back(__sanitizer_get_allocated_size(at));
}
static bool install() { return __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0; }

#else
#include <errno.h>
#include <malloc.h>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

static void* counted(void* at) {
  if (at) took(malloc_usable_size(at));
  return at;
}
void* malloc(std::size_t size) noexcept { return counted(__libc_malloc(size)); }
void* calloc(std::size_t count, std::size_t size) noexcept { return counted(__libc_calloc(count, size)); }
void* realloc(void* old, std::size_t size) noexcept {
  const std::size_t before = old ? malloc_usable_size(old) : 0;
  void* at = __libc_realloc(old, size);
  if (at || size == 0) gave_back(before);
  return counted(at);
}
void* memalign(std::size_t boundary, std::size_t size) noexcept {
  return counted(__libc_memalign(boundary, size));
}
void* aligned_alloc(std::size_t boundary, std::size_t size) noexcept { return memalign(boundary, size); }
int posix_memalign(void** at, std::size_t boundary, std::size_t size) noexcept {
  *at = memalign(boundary, size);
  return *at ? 0 : ENOMEM;
}
void free(void* at) noexcept {
  if (at) gave_back(malloc_usable_size(at));
  __libc_free(at);
}
}

// Or somebody else's malloc() is used.
static bool install() {
  const auto before = in_use;
  void* volatile at = std::malloc(100);
  const bool counts = in_use > before;
  std::free(at);
  return counts;
}
#endif

namespace eventy::fuzz {

MemoryWatch::MemoryWatch() {
  static const bool installed = install();
  if (!installed) {
    std::fputs("memory cannot be watched\n", stderr);
    std::abort();
  }
  in_use = max_in_use = 0;
}

std::size_t MemoryWatch::peak() const { return static_cast<std::size_t>(max_in_use); }

}  // namespace eventy::fuzz

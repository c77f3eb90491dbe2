// A library to be loaded before a program (LD_PRELOAD), whose date then is as many seconds away from the
// right one as the file SET_DATE_BY says, a 64-bit number in the machine's order that may change at any time.
// For Java, which libfaketime slows down to a standstill, and for librdkafka, whose waits until a date it
// does not know. As with the kernel, such a wait ends when the date that was set has come. The monotonic
// clock is left alone.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

std::int64_t offset() {
  static const volatile std::int64_t* const seconds = [] {
    static const std::int64_t none = 0;
    const char* path = std::getenv("SET_DATE_BY");
    const int file = path ? ::open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return &none;
    void* at = ::mmap(nullptr, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    return at == MAP_FAILED ? &none : static_cast<const std::int64_t*>(at);
  }();
  return *seconds;
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

constexpr std::int64_t nanos = 1'000'000'000, slice = 50'000'000;  // a wait sees another date so late

std::int64_t since_epoch(const timespec& time) { return time.tv_sec * nanos + time.tv_nsec; }

timespec date() {
  timespec now{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

// Java's waits go by the monotonic clock, whose times are far below any date.
bool is_date(const timespec& time) { return time.tv_sec > 1'000'000'000; }

// Waits by `wait_until`, which takes a real date, until the one that was set is `deadline`. `timed_out`: what
// it returns at its end.
template <class Wait>
int wait_for_date(const timespec& deadline, int timed_out, const Wait& wait_until) {
  for (;;) {
    const std::int64_t now = since_epoch(date()), left = since_epoch(deadline) - now;
    if (left <= 0) return timed_out;
    const std::int64_t until = now - offset() * nanos + std::min(left, slice);
    const timespec real{until / nanos, until % nanos};
    if (const int result = wait_until(real); result != timed_out) return result;
  }
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto real = next<int (*)(clockid_t, timespec*)>("clock_gettime");
  const int result = real(clock, time);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += offset();
  return result;
}
int gettimeofday(timeval* time, void* zone) noexcept {
  static const auto real = next<int (*)(timeval*, void*)>("gettimeofday");
  const int result = real(time, zone);
  time->tv_sec += offset();
  return result;
}
std::time_t time(std::time_t* into) noexcept {
  timespec now{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}
int timespec_get(timespec* into, int base) noexcept {
  if (base != TIME_UTC) return 0;
  *into = date();
  return base;
}
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* deadline) {
  static const auto real = next<int (*)(cnd_t*, mtx_t*, const timespec*)>("cnd_timedwait");
  return wait_for_date(*deadline, thrd_timedout,
                       [&](const timespec& until) { return real(condition, mutex, &until); });
}
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* deadline) {
  static const auto real =
      next<int (*)(pthread_cond_t*, pthread_mutex_t*, const timespec*)>("pthread_cond_timedwait");
  if (!is_date(*deadline)) return real(condition, mutex, deadline);
  return wait_for_date(*deadline, ETIMEDOUT,
                       [&](const timespec& until) { return real(condition, mutex, &until); });
}

}  // extern "C"

// Makes visible to the thread sanitizer what happens inside of libraries that it was not compiled into.
// tsan_test.py preloads it into the programs under test; it changes nothing of what they do.
//
// librdkafka uses the threads, mutexes and conditions of C11, which the sanitizer of GCC 12 does not know: it
// ends the process at the first of such threads, and does not see the locks. Here they are those of POSIX. It
// relies on glibc: a mtx_t is a pthread_mutex_t, a cnd_t a pthread_cond_t, a thrd_t a pthread_t.
//
// CAF hands mail over and counts references by atomics in its own code, so all that an actor gets would seem
// to race with who sent it, and its end with its work. Here a sender's work happens before what the actor
// does with its mail, and each release of a reference before the last one.
#include <dlfcn.h>
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <memory>

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t) &&
              sizeof(thrd_t) == sizeof(pthread_t) && sizeof(once_flag) == sizeof(pthread_once_t));

namespace {

struct Start {
  thrd_start_t run;
  void* argument;
};

void* run(void* start) {
  const std::unique_ptr<Start> given(static_cast<Start*>(start));
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(given->run(given->argument)));
}

int result(int error) {
  if (error == 0) return thrd_success;
  if (error == ETIMEDOUT) return thrd_timedout;
  if (error == EBUSY) return thrd_busy;
  return error == ENOMEM ? thrd_nomem : thrd_error;
}

pthread_mutex_t* posix(mtx_t* m) { return reinterpret_cast<pthread_mutex_t*>(m); }
pthread_cond_t* posix(cnd_t* c) { return reinterpret_cast<pthread_cond_t*>(c); }

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// Of the sanitizer; absent in other programs that have this preloaded.
extern "C" [[gnu::weak]] void __tsan_release(void* address);
extern "C" [[gnu::weak]] void __tsan_acquire(void* address);

namespace {
void release(void* address) {
  if (__tsan_release) __tsan_release(address);
}
void acquire(void* address) {
  if (__tsan_acquire) __tsan_acquire(address);
}
}  // namespace

// Of CAF 0.17.6: scheduled_actor::enqueue(mailbox_element_ptr, execution_unit*), reactivate(mailbox_element&)
// and cleanup(error&&, execution_unit*), which drops the mail that is left;
// intrusive_ptr_release(actor_control_block*) and intrusive_ptr_release_weak().
#define CAF_ENQUEUE                                                                                \
  "_ZN3caf15scheduled_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_" \
  "14execution_unitE"
#define CAF_REACTIVATE "_ZN3caf15scheduled_actor10reactivateERNS_15mailbox_elementE"
#define CAF_CLEANUP "_ZN3caf15scheduled_actor7cleanupEONS_5errorEPNS_14execution_unitE"
#define CAF_RELEASE "_ZN3caf21intrusive_ptr_releaseEPNS_19actor_control_blockE"
#define CAF_RELEASE_WEAK "_ZN3caf26intrusive_ptr_release_weakEPNS_19actor_control_blockE"

void enqueue(void* self, void* element, void* unit) asm(CAF_ENQUEUE);
int reactivate(void* self, void* element) asm(CAF_REACTIVATE);
bool cleanup(void* self, void* why, void* unit) asm(CAF_CLEANUP);
void release_actor(void* actor) asm(CAF_RELEASE);
void release_weak(void* actor) asm(CAF_RELEASE_WEAK);

void enqueue(void* self, void* element, void* unit) {
  static const auto real = next<void(void*, void*, void*)>(CAF_ENQUEUE);
  release(self);
  real(self, element, unit);
}

int reactivate(void* self, void* element) {
  static const auto real = next<int(void*, void*)>(CAF_REACTIVATE);
  acquire(self);
  const int result = real(self, element);
  release(self);  // the next one may be handled by another thread
  return result;
}

bool cleanup(void* self, void* why, void* unit) {
  static const auto real = next<bool(void*, void*, void*)>(CAF_CLEANUP);
  acquire(self);
  return real(self, why, unit);
}

void release_actor(void* actor) {
  static const auto real = next<void(void*)>(CAF_RELEASE);
  release(actor), acquire(actor);  // whoever drops the last reference comes after all others
  real(actor);
}

void release_weak(void* actor) {
  static const auto real = next<void(void*)>(CAF_RELEASE_WEAK);
  release(actor), acquire(actor);
  real(actor);
}

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  auto start = std::make_unique<Start>(Start{function, argument});
  const int error = pthread_create(thread, nullptr, run, start.get());
  if (error == 0) (void)start.release();
  return result(error);
}

int thrd_join(thrd_t thread, int* code) {
  void* returned = nullptr;
  const int error = pthread_join(thread, &returned);
  if (code) *code = static_cast<int>(reinterpret_cast<std::intptr_t>(returned));
  return result(error);
}

int mtx_init(mtx_t* mutex, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if (type & mtx_recursive) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  const int error = pthread_mutex_init(posix(mutex), &attributes);
  pthread_mutexattr_destroy(&attributes);
  return result(error);
}
int mtx_lock(mtx_t* mutex) { return result(pthread_mutex_lock(posix(mutex))); }
int mtx_unlock(mtx_t* mutex) { return result(pthread_mutex_unlock(posix(mutex))); }
void mtx_destroy(mtx_t* mutex) { pthread_mutex_destroy(posix(mutex)); }

int cnd_init(cnd_t* condition) { return result(pthread_cond_init(posix(condition), nullptr)); }
int cnd_signal(cnd_t* condition) { return result(pthread_cond_signal(posix(condition))); }
int cnd_broadcast(cnd_t* condition) { return result(pthread_cond_broadcast(posix(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  return result(pthread_cond_wait(posix(condition), posix(mutex)));
}
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return result(pthread_cond_timedwait(posix(condition), posix(mutex), until));
}
void cnd_destroy(cnd_t* condition) { pthread_cond_destroy(posix(condition)); }

void call_once(once_flag* flag, void (*function)()) {
  pthread_once(reinterpret_cast<pthread_once_t*>(flag), function);
}
}

#include "eventy/client.hpp"

#include <thread>

#include "client_core.hpp"

namespace eventy {

namespace {

// The last copy may end in a callback, on a thread that the end of the core waits for.
void end_core(detail::ClientCore* core) {
  if (CallbackThread::is_current()) {
    std::thread([core] { delete core; }).detach();
  } else {
    delete core;
  }
}

std::string namespace_of(const std::string& name) {
  detail::check_service_name(name);
  return "urn:" + name;
}

}  // namespace

Client::Client(std::shared_ptr<detail::ClientCore> core, std::string ns)
    : core_(std::move(core)), ns_(std::move(ns)) {}

Client Client::on(std::shared_ptr<RecordStore> store, RuntimeOptions formats, ClientOptions options) {
  std::string ns = namespace_of(options.name);
  return {std::shared_ptr<detail::ClientCore>(
              new detail::ClientCore(std::move(store), std::move(formats), std::move(options)), end_core),
          std::move(ns)};
}

Client Client::on(RecordStore& store, RuntimeOptions formats, ClientOptions options) {
  return on(std::shared_ptr<RecordStore>(std::shared_ptr<void>(), &store), std::move(formats),
            std::move(options));
}

Client Client::named(std::string name) const { return {core_, namespace_of(name)}; }

void Client::emit_record(const detail::ClientRecord& record, const detail::WriteData& data,
                         detail::OnStored done) const {
  core_->emit(ns_, record, data, std::move(done));
}

void Client::request_record(const detail::ClientRecord& record, const detail::WriteData& data,
                            const detail::ExpectedResponse& expected, detail::OnResponse done) const {
  core_->request(ns_, record, data, expected, std::move(done));
}

ClientFigures Client::figures() const { return core_->figures(); }

Result<void> Client::close(Duration within) const { return core_->close(within); }

}  // namespace eventy

// Reads a folder of schemas: .proto files, with the library's compiler, and descriptor sets.
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "eventy/protobuf/protobuf.hpp"
#include "schemas.hpp"

namespace eventy::protobuf::detail {

namespace {

namespace fs = std::filesystem;
using google::protobuf::FileDescriptorProto;

Error mistake(std::string what) { return {ErrorCode::configuration, std::move(what)}; }

class Complaints final : public google::protobuf::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int, const std::string& message) override {
    if (!first_.empty()) return;
    first_ = file + (line < 0 ? "" : ":" + std::to_string(line + 1)) + ": " + message;
  }
  const std::string& first() const { return first_; }

 private:
  std::string first_;
};

// Adds a file and all its imports, each once. The library's own files are compiled in.
void add_with_imports(const google::protobuf::FileDescriptor& file,
                      google::protobuf::SimpleDescriptorDatabase& files) {
  FileDescriptorProto known;
  if (files.FindFileByName(file.name(), &known)) return;
  for (int i = 0; i < file.dependency_count(); ++i) add_with_imports(*file.dependency(i), files);
  FileDescriptorProto content;
  file.CopyTo(&content);
  files.Add(content);
}

Result<void> read_descriptor_set(const fs::path& path, google::protobuf::SimpleDescriptorDatabase& files) {
  std::ifstream in(path, std::ios::binary);
  google::protobuf::FileDescriptorSet set;
  if (!in || !set.ParseFromIstream(&in)) return mistake(path.string() + ": not a descriptor set");
  for (const auto& file : set.file()) {
    FileDescriptorProto known;
    if (!files.FindFileByName(file.name(), &known)) files.Add(file);
  }
  return {};
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) out.push_back(entry.path());
  std::sort(out.begin(), out.end());  // the same order at every start
  return out;
}

}  // namespace

Result<std::shared_ptr<const Schemas>> read_schemas(const std::string& folder) {
  auto files = std::make_unique<google::protobuf::SimpleDescriptorDatabase>();
  google::protobuf::compiler::DiskSourceTree tree;
  tree.MapPath("", folder);
  Complaints complaints;
  google::protobuf::compiler::SourceTreeDescriptorDatabase sources(
      &tree, google::protobuf::DescriptorPool::internal_generated_database());
  sources.RecordErrorsTo(&complaints);
  google::protobuf::DescriptorPool pool(&sources, sources.GetValidationErrorCollector());
  try {
    for (const auto& path : files_of(folder)) {
      if (path.extension() == ".pb" || path.extension() == ".desc") {
        if (auto read = read_descriptor_set(path, *files); !read) return read.error();
      } else if (path.extension() == ".proto") {
        const auto name = fs::relative(path, folder).generic_string();
        const auto* file = pool.FindFileByName(name);
        if (!file) return mistake(folder + "/" + (complaints.first().empty() ? name : complaints.first()));
        add_with_imports(*file, *files);
      }
    }
  } catch (const fs::filesystem_error& e) {
    return mistake(e.what());
  }
  return std::make_shared<const Schemas>(std::move(files));
}

}  // namespace eventy::protobuf::detail

#include "eventy/tool.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "commands.hpp"
#include "serializers.hpp"
#include "standard_streams.hpp"
#include "unknown_command.hpp"

namespace eventy {

namespace {

struct Asked {  // the values of the command line
  std::string serializer, schemas, folder, older, newer;
  std::vector<std::string> files;
};

void add_format(CLI::App& command, Asked& asked, const Adapters& adapters) {
  std::string known;
  for (const auto& entry : adapters.serializers) known += (known.empty() ? "" : ", ") + entry.first;
  command.add_option("--serializer", asked.serializer, "Format of the records: " + known)
      ->type_name("NAME")
      ->required();
  command.add_option("--schemas", asked.schemas, "Folder of the schemas, for formats with schemas")
      ->type_name("DIR");
}

CLI::App* add_schema_check(CLI::App& cli, Asked& asked) {
  auto* schema = cli.add_subcommand("schema", "Inspect schemas");
  schema->require_subcommand(1);
  auto* check = schema->add_subcommand("check", "Print the changes, and whether a minor version allows them");
  check->add_option("OLD", asked.older, "A file or folder of schemas: .evsc.yaml")->required();
  check->add_option("NEW", asked.newer, "The newer file or folder")->required();
  return check;
}

// Schemas that cannot be read are a mistake on the command line, not in a record.
detail::Formats formats(const Asked& asked, const Adapters& adapters) {
  auto serializer = make_serializer(adapters, asked.serializer, {.schemas = asked.schemas});
  if (!serializer) throw Failure({ErrorCode::configuration, serializer.error().message});
  return {.asked = *std::move(serializer), .json = make_serializer(adapters, "json", {}).value()};
}

}  // namespace

void detail::complain(const std::string& what) { say_on_standard_error("eventy: " + what); }

bool detail::finish_output() {
  if (standard_output_is_written()) return true;
  complain(fmt::format("standard output: {}", std::strerror(errno)));
  return false;
}

int tool(int argc, char** argv, Adapters adapters) {
  prepare_standard_streams();
  CLI::App cli("Inspects records and schemas of Eventy.", "eventy");
  cli.set_version_flag("--version", "eventy " EVENTY_VERSION);
  cli.require_subcommand(1);
  Asked asked;
  auto* decode = cli.add_subcommand("decode", "Print records as JSON, one per line, in the given order");
  add_format(*decode, asked, adapters);
  decode->add_option("FILE", asked.files, "Files of one record each; for json, one record per line")
      ->required();
  auto* encode = cli.add_subcommand(
      "encode", "Read records as JSON from standard input, one per line, and write line N to DIR/N.bin");
  add_format(*encode, asked, adapters);
  encode->add_option("--out", asked.folder, "Folder of the files; created if it does not exist")
      ->type_name("DIR")
      ->required();
  const auto* check = add_schema_check(cli, asked);

  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (const auto mistake = unknown_command(cli)) {
      detail::complain(*mistake);
      return detail::exit_wrong_usage;
    }
    return cli.exit(e) == 0 ? detail::exit_done : detail::exit_wrong_usage;
  }
  try {
    if (check->parsed()) return detail::check_schemas(adapters, asked.older, asked.newer);
    if (decode->parsed()) return detail::decode_files(formats(asked, adapters), asked.files);
    return detail::encode_lines(formats(asked, adapters), asked.folder);
  } catch (const Failure& e) {
    detail::complain(e.what());
    return e.error().code == ErrorCode::configuration ? detail::exit_wrong_usage : detail::exit_bad_record;
  } catch (const std::exception& e) {
    detail::complain(e.what());
    return detail::exit_bad_record;
  }
}

}  // namespace eventy

#include "tools/options.h"

#include <boost/make_shared.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <algorithm>
#include <iostream>

#include "protocol/base/nearest_name.h"
#include "protocol/base/text_parts.h"

namespace quokka {
namespace {

namespace po = boost::program_options;

constexpr size_t kHelpColumn = 40;
constexpr size_t kHelpWidth = 100;

const OptionSpec* find(const ToolUsage& usage, std::string_view name) {
  for (const OptionSpec& option : usage.options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

// `--name value` of an option whose value may be missing becomes `--name=value`, the form the parser understands.
std::vector<std::string> joined_optional_values(const ToolUsage& usage, const std::vector<std::string>& arguments) {
  std::vector<std::string> joined;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string word = arguments[i];
    const OptionSpec* option = word.starts_with("-") ? find(usage, word.substr(word.starts_with("--") ? 2 : 1)) : nullptr;
    if (option != nullptr && option->argument == Argument::OPTIONAL_TEXT && i + 1 < arguments.size() &&
        !arguments[i + 1].starts_with("-")) {
      word += "=" + arguments[++i];
    }
    joined.push_back(std::move(word));
  }
  return joined;
}

po::options_description description_of(const ToolUsage& usage) {
  po::options_description description;
  const auto add = [&](const std::string& name, const po::value_semantic* semantic) {
    description.add(boost::make_shared<po::option_description>(name.c_str(), semantic));
  };
  add("help", new po::untyped_value(true));
  add("version", new po::untyped_value(true));
  for (const OptionSpec& option : usage.options) {
    if (option.argument == Argument::NONE) {
      add(option.name, new po::untyped_value(true));
    } else if (option.argument == Argument::OPTIONAL_TEXT) {
      add(option.name, po::value<std::string>()->implicit_value(""));
    } else {
      add(option.name, po::value<std::string>());
    }
  }
  return description;
}

Error mistake(std::string message) { return Error{ErrorCode::INVALID_REQUEST, std::move(message)}; }

}  // namespace

std::string ToolUsage::text() const {
  std::string out = purpose + "\n\nOption";
  out.append(kHelpColumn - 6, ' ');
  out += "Description\n------";
  out.append(kHelpColumn - 6, ' ');
  out += "-----------\n";
  auto all = options;
  all.push_back({"help", Argument::NONE, "Print usage information."});
  all.push_back({"version", Argument::NONE, "Display the version."});
  for (const OptionSpec& option : all) {
    std::string line = "--" + option.name;
    if (option.argument == Argument::TEXT) line += " <String>";
    if (option.argument == Argument::INTEGER) line += " <Integer>";
    if (option.argument == Argument::LONG) line += " <Long>";
    if (option.argument == Argument::OPTIONAL_TEXT) line += " [String]";
    std::string help = option.help;
    if (line.size() + 1 > kHelpColumn) {
      out += line + "\n";
      line.clear();
    }
    while (true) {
      line.append(kHelpColumn - line.size(), ' ');
      size_t cut = help.size();
      if (cut > kHelpWidth - kHelpColumn) {
        cut = help.rfind(' ', kHelpWidth - kHelpColumn);
        if (cut == std::string::npos || cut == 0) cut = kHelpWidth - kHelpColumn;
      }
      out += line + help.substr(0, cut) + "\n";
      help.erase(0, std::min(help.size(), cut + 1));
      line.clear();
      if (help.empty()) break;
    }
  }
  return out;
}

Result<Options> Options::parse(const ToolUsage& usage, const std::vector<std::string>& arguments) {
  Options result;
  try {
    const po::options_description description = description_of(usage);
    const auto style = po::command_line_style::allow_long | po::command_line_style::long_allow_adjacent |
                       po::command_line_style::long_allow_next | po::command_line_style::allow_long_disguise;
    const auto parsed =
        po::command_line_parser(joined_optional_values(usage, arguments)).options(description).style(style).run();
    for (const auto& option : parsed.options) {
      if (option.position_key >= 0) return mistake("'" + option.value.front() + "' is not an option: options begin with --");
      auto& values = result.values_[option.string_key];
      values.insert(values.end(), option.value.begin(), option.value.end());
    }
  } catch (const po::unknown_option& error) {
    std::string name = error.get_option_name();
    name.erase(0, name.find_first_not_of('-'));
    NearestName nearest(name);
    for (const OptionSpec& option : usage.options) nearest.look_at(option.name);
    return mistake(name + " is not a recognized option" + (nearest.found().empty() ? "" : "; is --" + std::string(nearest.found()) + " meant?"));
  } catch (const po::invalid_command_line_syntax& error) {
    std::string name = error.get_option_name();
    name.erase(0, name.find_first_not_of('-'));
    const OptionSpec* option = find(usage, name);
    if (option != nullptr && option->argument == Argument::NONE) return mistake("Option " + name + " takes no argument");
    return mistake("Option " + name + " requires an argument");
  } catch (const po::error& error) {
    return mistake(error.what());
  }
  for (const auto& [name, values] : result.values_) {
    const OptionSpec* option = find(usage, name);
    if (option == nullptr || (option->argument != Argument::INTEGER && option->argument != Argument::LONG)) continue;
    for (const std::string& value : values) {
      const auto number = number_in(value);
      const bool fits = number && (option->argument == Argument::LONG || (*number >= INT32_MIN && *number <= INT32_MAX));
      if (!fits) return mistake("Cannot parse argument '" + value + "' of option " + name);
    }
  }
  return result;
}

std::vector<std::string> Options::texts(const std::string& name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? std::vector<std::string>() : at->second;
}

std::optional<std::string> Options::text(const std::string& name) const {
  const auto at = values_.find(name);
  if (at == values_.end()) return std::nullopt;
  return at->second.empty() ? std::string() : at->second.back();
}

std::string Options::text_or(const std::string& name, std::string_view otherwise) const {
  return text(name).value_or(std::string(otherwise));
}

std::optional<int64_t> Options::number(const std::string& name) const {
  const auto value = text(name);
  return value ? number_in(*value) : std::nullopt;
}

std::optional<std::string> Options::conflict(const std::string& option, const std::vector<std::string>& others) const {
  if (!has(option)) return std::nullopt;
  for (const std::string& other : others) {
    if (other != option && has(other)) return "Option \"[" + option + "]\" can't be used with option \"[" + other + "]\"";
  }
  return std::nullopt;
}

int refuse_usage(const ToolUsage& usage, const std::string& message) {
  std::cerr << message << "\n" << usage.tool << ".sh --help shows all options.\n";
  return 1;
}

std::optional<int> take_options(const ToolUsage& usage, const std::vector<std::string>& arguments,
                                std::optional<std::string> (*mistake_in)(const Options&), Options& options) {
  if (arguments.empty()) {
    std::cerr << usage.text();
    return 1;
  }
  auto parsed = Options::parse(usage, arguments);
  if (!parsed.ok()) return refuse_usage(usage, parsed.error().message);
  options = std::move(*parsed);
  if (options.has("help")) {
    std::cout << usage.text();
    return 0;
  }
  if (options.has("version")) {
    std::cout << "3.9.0 (Quokka)\n";
    return 0;
  }
  if (const auto mistake = mistake_in(options)) return refuse_usage(usage, *mistake);
  return std::nullopt;
}

int refuse(const Error& error) {
  std::cerr << "ERROR " << error.message << "\n";
  return 1;
}

void warn(const std::string& text) { std::cerr << "WARN " << text << "\n"; }

}  // namespace quokka

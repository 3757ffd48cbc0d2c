#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sharcs::internal {

/// Help for people: descriptions wrapped beside the options, defaults in brackets behind them.
class HelpFormat : public CLI::Formatter {
 public:
  HelpFormat();
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_description(const CLI::App* command) const override;
};

}  // namespace sharcs::internal

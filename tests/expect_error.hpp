#pragma once

#include <gmock/gmock.h>

#include <string>

#include "sharcs/error.hpp"

namespace sharcs::internal {

/// The one-line message of the `E` that `call` throws; a test failure and an empty text when it throws none.
template <class E = Error, class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const E& error) {
    const std::string message = error.what();
    EXPECT_THAT(message, ::testing::Not(::testing::HasSubstr("\n")));
    return message;
  } catch (const std::exception& other) {
    ADD_FAILURE() << "threw another exception: " << other.what();
    return {};
  }
  ADD_FAILURE() << "threw nothing";
  return {};
}

}  // namespace sharcs::internal

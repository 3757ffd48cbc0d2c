#pragma once

#include "model/backbone.hpp"

namespace sharcs::backbones {

Backbone bert();

}  // namespace sharcs::backbones

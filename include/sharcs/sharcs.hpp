#pragma once

// Everything that sharcs offers. To run models, <sharcs/classifier.hpp> is enough; to train them, <sharcs/trainer.hpp>.

#include "sharcs/batch_queue.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/communicator.hpp"
#include "sharcs/dataset.hpp"
#include "sharcs/engine.hpp"
#include "sharcs/error.hpp"
#include "sharcs/evaluation.hpp"
#include "sharcs/model.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/policy.hpp"
#include "sharcs/report.hpp"
#include "sharcs/routing.hpp"
#include "sharcs/task.hpp"
#include "sharcs/tokenizer.hpp"
#include "sharcs/trainer.hpp"
#include "sharcs/training_options.hpp"

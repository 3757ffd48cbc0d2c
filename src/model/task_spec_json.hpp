#pragma once

#include <nlohmann/json.hpp>

#include "io/json_cursor.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal {

// "sharcs_task" in config.json, as a task of GLUE or as data of one's own:
//
//     {"benchmark": "glue", "name": "sst-2"}
//
//     {"name": "tickets", "kind": "classification", "text": 3, "pair": "answer", "label": "queue",
//      "format": "csv", "quoting": "rfc4180", "header": "yes", "metrics": ["accuracy", "macro_f1"]}
//
// The keys are the fields of TaskSpec. A column is a name, or a position from 1. The labels are left out: "id2label"
// has them.

nlohmann::ordered_json task_spec_json(const TaskSpec& spec);

/// Throws ConfigError that names the file and the key. Whether there is such a task is Task::of()'s to check.
TaskSpec read_task_spec(const JsonCursor& task);

/// The metric whose name stands there. Throws for any other value, as JsonCursor::get() does.
Metric read_metric(const JsonCursor& name);

}  // namespace sharcs::internal

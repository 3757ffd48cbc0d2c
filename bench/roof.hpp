#pragma once

#include <span>
#include <string>

#include "options.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// Floating-point operations of one run_multiply_adds() with so many threads.
double multiply_add_operations(int threads);
/// Multiply-adds of registers with registers, as many at a time as the machine has in flight: nothing can be faster.
void run_multiply_adds(int threads);

/// The same of products of bf16 numbers: of dot products of two, each of which counts as two multiply-adds, where the
/// processor has an instruction for them; else of floats.
double bf16_dot_operations(int threads);
void run_bf16_dots(int threads);

/// The same of dot products of four int8, of which each counts as four multiply-adds.
double int8_dot_operations(int threads);
void run_int8_dots(int threads);

/// Reads all of `data` once and does next to nothing with it.
void read_all(std::span<const float> data, int threads);

/// The instruction set that the kernels run on.
std::string instruction_set();

/// Prints the two roofs: multiply-adds, and reading from each level of the memory.
void run_roof(const Options& options, Report& report);

}  // namespace sharcs::internal::bench

# Compares what the shared library exports with the list EXPECTED: `nm` of LIBRARY, names in namespace sharcs and those of
# sharcs.h only (the standard library's templates come and go with the compiler). Given by add_test: NM, LIBRARY, EXPECTED, FOUND.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${NM} --dynamic --defined-only --demangle ${LIBRARY} OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE ";" "\;" output "${output}")
string(REPLACE "\n" ";" lines "${output}")
set(symbols)
foreach(line IN LISTS lines)
  # Functions (T, W), data (B, D, R, V): weak ones are inline functions and vtables.
  if(line MATCHES "^[0-9a-f]+ [TWBDRVi] ((vtable for |typeinfo for |typeinfo name for )?sharcs::.*|sharcs_[a-z_]+)$")
    list(APPEND symbols "${CMAKE_MATCH_1}")
  endif()
endforeach()
list(REMOVE_DUPLICATES symbols)
list(SORT symbols)
string(REPLACE ";" "\n" text "${symbols}")
file(WRITE ${FOUND} "${text}\n")

file(READ ${EXPECTED} expected)
if(NOT expected STREQUAL "${text}\n")
  execute_process(COMMAND diff ${EXPECTED} ${FOUND} OUTPUT_VARIABLE differences)
  message(FATAL_ERROR "The shared library exports other symbols than ${EXPECTED} lists (< listed, > found). Is the change "
                      "meant? Then copy ${FOUND} over the list.\n${differences}")
endif()

# Installs the build tree BUILD_DIR into a scratch prefix under SCRATCH, builds examples/consumer against it as a user would
# who has no MPI, runs it, and looks at what it links. Given by add_test: BUILD_DIR, SCRATCH, CONSUMER_DIR, VERSION, CONFIG,
# GENERATOR, MAKE_PROGRAM, CXX_COMPILER, CXX_FLAGS, NM, READELF.
cmake_minimum_required(VERSION 3.25)

function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}${errors}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(prefix ${SCRATCH}/prefix)
file(REMOVE_RECURSE ${SCRATCH})
unset(ENV{DESTDIR})
run("Installing" ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix} --config ${CONFIG})

run("Configuring the consumer" ${CMAKE_COMMAND} -S ${CONSUMER_DIR} -B ${SCRATCH}/build -G ${GENERATOR}
    -DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM} -DCMAKE_BUILD_TYPE=${CONFIG} -DCMAKE_CXX_COMPILER=${CXX_COMPILER}
    -DCMAKE_CXX_FLAGS=${CXX_FLAGS} -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_DISABLE_FIND_PACKAGE_MPI=ON)
load_cache(${SCRATCH}/build READ_WITH_PREFIX consumer_ sharcs_DIR)
string(FIND "${consumer_sharcs_DIR}" "${prefix}/" place)
if(NOT place EQUAL 0)
  message(FATAL_ERROR "The consumer found sharcs in ${consumer_sharcs_DIR}, expected it under ${prefix}")
endif()
run("Building the consumer" ${CMAKE_COMMAND} --build ${SCRATCH}/build --config ${CONFIG})

find_program(consumer consumer PATHS ${SCRATCH}/build ${SCRATCH}/build/${CONFIG} NO_DEFAULT_PATH NO_CACHE REQUIRED)
run("Running the consumer" ${consumer})
if(NOT output MATCHES "^sharcs ${VERSION}\n.*width 1.00: 1.00 of the multiply-adds\n$")
  message(FATAL_ERROR "The consumer printed\n${output}expected \"sharcs ${VERSION}\" and a list of widths")
endif()

run("Reading what the consumer links" ${READELF} --dynamic ${consumer})
if(output MATCHES "NEEDED[^\n]*(libmpi[^\n]*)")
  message(FATAL_ERROR "A program that links sharcs::inference needs ${CMAKE_MATCH_1}")
endif()
run("Reading the consumer's symbols" ${NM} --demangle ${consumer})
if(output MATCHES "[^\n]*sharcs::(Trainer|internal::TrainingRun|internal::StepRunner)::[^\n]*")
  message(FATAL_ERROR "A program that links sharcs::inference holds training code: ${CMAKE_MATCH_0}")
endif()

# The installed program finds its libraries, too.
if(EXISTS ${prefix}/bin/sharcs)
  run("Running the installed program" ${prefix}/bin/sharcs --help)
endif()

# Installs the build tree BUILD_DIR into a scratch prefix under SCRATCH, builds examples/consumer against it as a user would
# who has no MPI, runs it, and looks at what it links. Given by add_test: BUILD_DIR, SCRATCH, CONSUMER_DIR, VERSION, CONFIG,
# GENERATOR, MAKE_PROGRAM, CXX_COMPILER, CXX_FLAGS, NM, READELF, HARDENED.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

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

# The bill of materials names each part with its version.
file(GLOB sbom ${prefix}/share/doc/*/sharcs.cdx.json)
file(READ "${sbom}" json)
string(JSON components LENGTH "${json}" components)
math(EXPR last "${components} - 1")
foreach(i RANGE ${last})
  string(JSON name GET "${json}" components ${i} name)
  string(JSON version GET "${json}" components ${i} version)
  if(NOT version MATCHES "^[0-9]+(\\.[0-9]+)*$")
    message(FATAL_ERROR "The bill of materials says that ${name} has version \"${version}\"")
  endif()
endforeach()
if(components LESS 9)
  message(FATAL_ERROR "The bill of materials has ${components} parts, expected 9 and more:\n${json}")
endif()

if(HARDENED AND EXISTS ${prefix}/bin/sharcs)
  run("Reading the installed program" ${READELF} --wide --file-header --program-headers --dynamic --symbols ${prefix}/bin/sharcs)
  foreach(mark IN ITEMS "Type: +DYN" "GNU_RELRO" "(BIND_NOW|FLAGS_1[^\n]*NOW)" "__stack_chk_fail" "__[a-z]+_chk")
    if(NOT output MATCHES "${mark}")
      message(FATAL_ERROR "The installed program is not hardened: expected ${mark}")
    endif()
  endforeach()
  if(output MATCHES "GNU_STACK[^\n]*RWE")
    message(FATAL_ERROR "The installed program has a stack that can be executed")
  endif()
endif()

# The installed program finds its libraries, too.
if(EXISTS ${prefix}/bin/sharcs)
  run("Running the installed program" ${prefix}/bin/sharcs --help)
endif()

# The same from C, without CMake: what pkg-config says is enough for a C compiler.
find_program(pkg_config pkg-config NO_CACHE)
if(C_COMPILER AND pkg_config)
  file(GLOB_RECURSE pc ${prefix}/*/sharcs.pc)
  cmake_path(GET pc PARENT_PATH pc_folder)
  set(ENV{PKG_CONFIG_PATH} ${pc_folder})
  run("Asking pkg-config" ${pkg_config} --modversion sharcs)
  if(NOT output STREQUAL "${VERSION}\n")
    message(FATAL_ERROR "pkg-config knows sharcs ${output}, expected ${VERSION}")
  endif()
  run("Asking pkg-config" ${pkg_config} --cflags --libs sharcs)
  separate_arguments(flags UNIX_COMMAND "${output}")
  separate_arguments(c_flags UNIX_COMMAND "${CXX_FLAGS}")
  run("Compiling the C example" ${C_COMPILER} -std=c11 -Wall -Wextra -Werror -pedantic ${c_flags} ${CONSUMER_DIR}/../classify.c
      -o ${SCRATCH}/classify_c ${flags})
  execute_process(COMMAND ${SCRATCH}/classify_c no/such/model "a gem" RESULT_VARIABLE result ERROR_VARIABLE errors)
  if(NOT result EQUAL 2 OR NOT errors MATCHES "^classify_c: load: no/such/model")
    message(FATAL_ERROR "The C example ended with ${result} and said\n${errors}expected an error of no/such/model")
  endif()
endif()

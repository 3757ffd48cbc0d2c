# Takes sharcs into another project by HOW: add_subdirectory, or FetchContent of a local directory. Configures it, and where
# BUILD is set builds and runs its program, which takes minutes. Given by add_test: HOW, BUILD, SOURCE_DIR, SCRATCH, CONFIG,
# VERSION, GENERATOR, MAKE_PROGRAM, CXX_COMPILER, CXX_LAUNCHER, CXX_FLAGS.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

if(HOW STREQUAL "FetchContent")
  set(take "include(FetchContent)\nFetchContent_Declare(sharcs SOURCE_DIR \"${SOURCE_DIR}\")\nFetchContent_MakeAvailable(sharcs)")
else()
  set(take "add_subdirectory(\"${SOURCE_DIR}\" sharcs)")
endif()
file(REMOVE_RECURSE ${SCRATCH})
file(WRITE ${SCRATCH}/CMakeLists.txt "cmake_minimum_required(VERSION 3.25)
project(embedding LANGUAGES CXX)
${take}
add_executable(consumer \"${SOURCE_DIR}/examples/consumer/main.cpp\")
target_link_libraries(consumer PRIVATE sharcs::inference)
foreach(unasked sharcs_tests sharcs_bench train_glue)
  if(TARGET \${unasked})
    message(FATAL_ERROR \"the target \${unasked} is there, which only sharcs' own build should have\")
  endif()
endforeach()
if(CMAKE_CXX_STANDARD)
  message(FATAL_ERROR \"sharcs sets CMAKE_CXX_STANDARD of the project that takes it\")
endif()
")
run("Configuring" ${CMAKE_COMMAND} -S ${SCRATCH} -B ${SCRATCH}/build -G ${GENERATOR} -DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}
    -DCMAKE_BUILD_TYPE=${CONFIG} -DCMAKE_CXX_COMPILER=${CXX_COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${CXX_LAUNCHER}
    -DCMAKE_CXX_FLAGS=${CXX_FLAGS} -DCMAKE_UNITY_BUILD=ON -DSHARCS_MPI=OFF)
if(NOT BUILD)
  return()
endif()
run("Building" ${CMAKE_COMMAND} --build ${SCRATCH}/build --config ${CONFIG} --target consumer)
find_program(consumer consumer PATHS ${SCRATCH}/build ${SCRATCH}/build/${CONFIG} NO_DEFAULT_PATH NO_CACHE REQUIRED)
run("Running" ${consumer})
if(NOT output MATCHES "^sharcs ${VERSION}\n.*width 1.00: 1.00 of the multiply-adds\n$")
  message(FATAL_ERROR "The program printed\n${output}expected \"sharcs ${VERSION}\" and a list of widths")
endif()

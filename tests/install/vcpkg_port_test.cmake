# Runs the port of cmake/vcpkg as far as this is possible without vcpkg: its functions are replaced by ones that do the same
# for one configuration, after vcpkg's documentation. Configuring is real; what is installed comes from the build tree
# BUILD_DIR. So it shows that the port finds its sources, that CMake takes its options, and that what it leaves is laid out
# as vcpkg asks for. It does not show that vcpkg's own packages of the dependencies are found. Given by add_test: BUILD_DIR,
# SCRATCH, PORT_DIR, VERSION, CONFIG, MAKE_PROGRAM, CXX_COMPILER, CXX_FLAGS.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

set(PORT sharcs)
set(CURRENT_PORT_DIR ${PORT_DIR})
set(CURRENT_PACKAGES_DIR ${SCRATCH}/packages)
file(REMOVE_RECURSE ${SCRATCH})
unset(ENV{DESTDIR})

# What the manifest says.
file(READ ${PORT_DIR}/vcpkg.json manifest)
string(JSON name GET "${manifest}" name)
string(JSON version GET "${manifest}" version)
if(NOT name STREQUAL PORT OR NOT version STREQUAL VERSION)
  message(FATAL_ERROR "vcpkg.json: ${name} ${version}; expected ${PORT} ${VERSION}")
endif()
string(JSON count LENGTH "${manifest}" dependencies)
math(EXPR last "${count} - 1")
set(dependencies)
foreach(i RANGE ${last})
  string(JSON type TYPE "${manifest}" dependencies ${i})
  if(type STREQUAL "OBJECT")
    string(JSON dependency GET "${manifest}" dependencies ${i} name)
  else()
    string(JSON dependency GET "${manifest}" dependencies ${i})
  endif()
  list(APPEND dependencies ${dependency})
endforeach()

# Each package that the build asks for is a dependency: by the name that vcpkg has for it.
set(vcpkg_name_Eigen3 eigen3)
set(vcpkg_name_ICU icu)
set(vcpkg_name_ZLIB zlib)
set(vcpkg_name_fmt fmt)
set(vcpkg_name_hwy highway)
set(vcpkg_name_nlohmann_json nlohmann-json)
set(vcpkg_name_CLI11 cli11)
set(vcpkg_name_OpenMP "")   # of the compiler
set(vcpkg_name_Threads "")  # of the system
set(vcpkg_name_XXHASH_INCLUDE_DIR xxhash)
set(vcpkg_name_BOOST_INCLUDE_DIR boost-beast)
file(STRINGS ${PORT_DIR}/../../../../CMakeLists.txt lines REGEX "^find_(package|path)\\(")
foreach(line IN LISTS lines)
  string(REGEX REPLACE "^find_[a-z]+\\(([A-Za-z0-9_]+).*" "\\1" package "${line}")
  if(NOT DEFINED vcpkg_name_${package})
    message(FATAL_ERROR "CMakeLists.txt asks for ${package}: what is it called in vcpkg? Name it here and in vcpkg.json")
  endif()
  if(vcpkg_name_${package} AND NOT vcpkg_name_${package} IN_LIST dependencies)
    message(FATAL_ERROR "CMakeLists.txt asks for ${package}, but vcpkg.json has no ${vcpkg_name_${package}}")
  endif()
endforeach()

function(vcpkg_check_features)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "OUT_FEATURE_OPTIONS" "FEATURES")
  list(LENGTH arg_FEATURES size)
  if(NOT arg_OUT_FEATURE_OPTIONS OR NOT size EQUAL 2)
    message(FATAL_ERROR "vcpkg_check_features(${ARGV}): expected one feature and its option")
  endif()
  list(GET arg_FEATURES 0 feature)
  list(GET arg_FEATURES 1 option)
  string(JSON description GET "${manifest}" features ${feature} description)
  set(${arg_OUT_FEATURE_OPTIONS} -D${option}=OFF PARENT_SCOPE)
endfunction()

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "vcpkg_cmake_configure: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  run("Configuring" ${CMAKE_COMMAND} -S ${arg_SOURCE_PATH} -B ${SCRATCH}/build -G Ninja -DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}
      -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DCMAKE_CXX_COMPILER=${CXX_COMPILER} -DCMAKE_CXX_FLAGS=${CXX_FLAGS}
      -DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR} ${arg_OPTIONS})
  load_cache(${SCRATCH}/build READ_WITH_PREFIX configured_ SHARCS_MPI SHARCS_BUILD_TESTS)
  if(NOT configured_SHARCS_MPI STREQUAL "OFF" OR NOT configured_SHARCS_BUILD_TESTS STREQUAL "OFF")
    message(FATAL_ERROR "the options of the port did not arrive")
  endif()
endfunction()

function(vcpkg_cmake_install)
  run("Installing" ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${CURRENT_PACKAGES_DIR} --config ${CONFIG})
  # vcpkg installs a debug build, too.
  file(COPY ${CURRENT_PACKAGES_DIR}/include ${CURRENT_PACKAGES_DIR}/share ${CURRENT_PACKAGES_DIR}/lib
       DESTINATION ${CURRENT_PACKAGES_DIR}/debug)
endfunction()

function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "CONFIG_PATH;PACKAGE_NAME" "")
  if(NOT EXISTS ${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH}/sharcs-config.cmake)
    message(FATAL_ERROR "vcpkg_cmake_config_fixup: there is no sharcs-config.cmake in ${arg_CONFIG_PATH}")
  endif()
  file(COPY ${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH}/ DESTINATION ${CURRENT_PACKAGES_DIR}/share/${PORT})
  file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/lib/cmake ${CURRENT_PACKAGES_DIR}/debug/lib/cmake)
endfunction()

function(vcpkg_fixup_pkgconfig)
  if(NOT EXISTS ${CURRENT_PACKAGES_DIR}/lib/pkgconfig/sharcs.pc)
    message(FATAL_ERROR "vcpkg_fixup_pkgconfig: there is no lib/pkgconfig/sharcs.pc")
  endif()
endfunction()

function(vcpkg_copy_tools)
  cmake_parse_arguments(PARSE_ARGV 0 arg "AUTO_CLEAN" "" "TOOL_NAMES")
  foreach(tool IN LISTS arg_TOOL_NAMES)
    file(COPY ${CURRENT_PACKAGES_DIR}/bin/${tool} DESTINATION ${CURRENT_PACKAGES_DIR}/tools/${PORT})
    file(REMOVE ${CURRENT_PACKAGES_DIR}/bin/${tool})
  endforeach()
  file(GLOB left ${CURRENT_PACKAGES_DIR}/bin/*)
  if(arg_AUTO_CLEAN AND NOT left)
    file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/bin)
  endif()
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  file(COPY_FILE ${arg_FILE_LIST} ${CURRENT_PACKAGES_DIR}/share/${PORT}/copyright)
endfunction()

include(${PORT_DIR}/portfile.cmake)

# What vcpkg checks after a port has run.
foreach(file include/sharcs/sharcs.hpp lib/libsharcs.a lib/libsharcs_inference.a share/sharcs/copyright share/sharcs/usage
             share/sharcs/sharcs-config.cmake share/sharcs/sharcs-config-version.cmake tools/sharcs/sharcs lib/pkgconfig/sharcs.pc)
  if(NOT EXISTS ${CURRENT_PACKAGES_DIR}/${file})
    message(FATAL_ERROR "the port leaves no ${file}")
  endif()
endforeach()
foreach(file debug/include debug/share bin lib/cmake)
  if(EXISTS ${CURRENT_PACKAGES_DIR}/${file})
    message(FATAL_ERROR "the port leaves ${file}, which vcpkg does not allow")
  endif()
endforeach()

# Makes a list of what the files of a folder define, so that a new file there needs no other edit.
#
#   sharcs_registry(TARGET sharcs_inference_objects FOLDER src/model/backbones TYPE Backbone HEADER model/backbone.hpp)
#
# Each NAME.cpp of src/model/backbones defines `std::vector<Backbone> NAME()` in the namespace of the folder's name,
# sharcs::internal::backbones. The target gets a source with all() of that namespace, which the header declares: what
# these functions return, in the order of the files' names.
function(sharcs_registry)
  cmake_parse_arguments(PARSE_ARGV 0 registry "" "TARGET;FOLDER;TYPE;HEADER" "")
  cmake_path(GET registry_FOLDER FILENAME namespace)
  file(GLOB files CONFIGURE_DEPENDS ${registry_FOLDER}/*.cpp)
  set(declarations "")
  set(calls "")
  foreach(file IN LISTS files)
    cmake_path(GET file STEM name)
    string(APPEND declarations "std::vector<${registry_TYPE}> ${name}();\n")
    string(APPEND calls "  for (const ${registry_TYPE}& each : ${name}()) list.push_back(each);\n")
  endforeach()
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${namespace}_registry.cpp)
  file(CONFIGURE OUTPUT ${output} CONTENT
"// Written by cmake/registry.cmake from the files in @registry_FOLDER@.
#include \"@registry_HEADER@\"

namespace sharcs::internal::@namespace@ {

@declarations@
std::vector<@registry_TYPE@> all() {
  std::vector<@registry_TYPE@> list;
@calls@  return list;
}

}  // namespace sharcs::internal::@namespace@
" @ONLY)
  target_sources(${registry_TARGET} PRIVATE ${output})
endfunction()

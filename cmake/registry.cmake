# Lists the files of a folder in code, so that a new file there needs no other edit.
#
#   sharcs_backbone_registry(backbone_registry.cpp albert.cpp bert.cpp …)
#
# Each NAME.cpp of model/backbones defines `std::vector<Backbone> NAME()`; the list calls them all.
function(sharcs_backbone_registry output)
  set(declarations "")
  set(calls "")
  foreach(file IN LISTS ARGN)
    cmake_path(GET file STEM name)
    string(APPEND declarations "std::vector<Backbone> ${name}();\n")
    string(APPEND calls "  for (const Backbone& backbone : ${name}()) list.push_back(backbone);\n")
  endforeach()
  file(CONFIGURE OUTPUT ${output} CONTENT
"// Written by cmake/registry.cmake from the files in src/model/backbones.
#include \"model/backbone.hpp\"

namespace sharcs::internal::backbones {

@declarations@
std::vector<Backbone> all() {
  std::vector<Backbone> list;
@calls@  return list;
}

}  // namespace sharcs::internal::backbones
")
endfunction()

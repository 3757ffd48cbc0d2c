# The software bill of materials: what the libraries and the program are made of, as CycloneDX 1.5, installed beside them.
# Versions are those that were found when the build was configured. It has no time and no serial number, so that two
# builds give the same file.
function(sharcs_sbom output)
  # XXHASH has no package for CMake; its header says the version.
  file(STRINGS ${XXHASH_INCLUDE_DIR}/xxhash.h lines REGEX "define XXH_VERSION_(MAJOR|MINOR|RELEASE) ")
  string(REGEX REPLACE "[^0-9;]" "" numbers "${lines}")
  list(JOIN numbers "." xxhash_version)

  set(components "")
  # name, version, license (SPDX), type: how it comes in
  foreach(entry IN ITEMS
          "eigen|${Eigen3_VERSION}|MPL-2.0|headers"
          "highway|${hwy_VERSION}|Apache-2.0|headers and a shared library"
          "nlohmann-json|${nlohmann_json_VERSION}|MIT|headers"
          "cli11|${CLI11_VERSION}|BSD-3-Clause|headers, in the program"
          "fmt|${fmt_VERSION}|MIT|headers"
          "xxhash|${xxhash_version}|BSD-2-Clause|headers"
          "icu|${ICU_VERSION}|Unicode-DFS-2016|a shared library"
          "zlib|${ZLIB_VERSION_STRING}|Zlib|a shared library"
          "openmp-runtime|${OpenMP_CXX_VERSION}|GPL-3.0-with-GCC-exception|a shared library, of the compiler"
          ${ARGN})
    string(REPLACE "|" ";" fields "${entry}")
    list(GET fields 0 name)
    list(GET fields 1 version)
    list(GET fields 2 license)
    list(GET fields 3 use)
    if(version STREQUAL "")
      message(FATAL_ERROR "The bill of materials has no version of ${name}")
    endif()
    string(APPEND components ",
    {\"type\": \"library\", \"bom-ref\": \"${name}\", \"name\": \"${name}\", \"version\": \"${version}\",
     \"purl\": \"pkg:generic/${name}@${version}\", \"licenses\": [{\"license\": {\"id\": \"${license}\"}}], \"description\": \"${use}\"}")
    string(APPEND references ", \"${name}\"")
  endforeach()
  string(REGEX REPLACE "^," "" components "${components}")
  string(REGEX REPLACE "^, " "" references "${references}")
  file(WRITE ${output} "{
  \"bomFormat\": \"CycloneDX\",
  \"specVersion\": \"1.5\",
  \"version\": 1,
  \"metadata\": {
    \"component\": {\"type\": \"library\", \"bom-ref\": \"sharcs\", \"name\": \"sharcs\", \"version\": \"${PROJECT_VERSION}\",
      \"purl\": \"pkg:generic/sharcs@${PROJECT_VERSION}\", \"description\": \"${PROJECT_DESCRIPTION}\"}
  },
  \"components\": [${components}
  ],
  \"dependencies\": [{\"ref\": \"sharcs\", \"dependsOn\": [${references}]}]
}
")
endfunction()

# Writes a C++ file that holds text files as string constants:
#
#   cmake -DOUTPUT=page.cpp -DHEADER=report/page.hpp -DFILES=page.html;page.css -P embed.cmake
#
# The constant of page.css is `extern const char* const page_css` in namespace sharcs, declared in the header.
set(source "// Written by cmake/embed.cmake from the files beside the header.\n#include \"${HEADER}\"\n\n#include <string>\n\nnamespace sharcs::internal {\n")
foreach(file ${FILES})
  file(READ "${file}" text)
  get_filename_component(name "${file}" NAME)
  string(MAKE_C_IDENTIFIER "${name}" name)
  if(text MATCHES "\\)embedded\"")
    message(FATAL_ERROR "${file} holds the end mark of its own constant, )embedded\"")
  endif()
  # Compilers need not take a literal of more than 65,536 characters: longer texts are put together at the start.
  set(parts "")
  string(LENGTH "${text}" length)
  while(length GREATER 60000)
    string(SUBSTRING "${text}" 0 60000 part)
    string(FIND "${part}" "\n" end REVERSE)
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${text}" 0 ${end} part)
    string(SUBSTRING "${text}" ${end} -1 text)
    string(LENGTH "${text}" length)
    string(APPEND parts "std::string(R\"embedded(${part})embedded\") + ")
  endwhile()
  if(parts STREQUAL "")
    string(APPEND source "\nconst char* const ${name} = R\"embedded(${text})embedded\";\n")
  else()
    string(APPEND source "\nstatic const std::string whole_${name} = ${parts}R\"embedded(${text})embedded\";\nconst char* const ${name} = whole_${name}.c_str();\n")
  endif()
endforeach()
string(APPEND source "\n}  // namespace sharcs::internal\n")
file(WRITE "${OUTPUT}" "${source}")

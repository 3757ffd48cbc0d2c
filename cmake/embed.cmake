# Writes a C++ file that holds text files as string constants:
#
#   cmake -DOUTPUT=page.cpp -DHEADER=report/page.hpp -DFILES=page.html;page.css -P embed.cmake
#
# The constant of page.css is `extern const char* const page_css` in namespace sharcs, declared in the header.
set(source "// Written by cmake/embed.cmake from the files beside the header.\n#include \"${HEADER}\"\n\nnamespace sharcs::internal {\n")
foreach(file ${FILES})
  file(READ "${file}" text)
  get_filename_component(name "${file}" NAME)
  string(MAKE_C_IDENTIFIER "${name}" name)
  if(text MATCHES "\\)embedded\"")
    message(FATAL_ERROR "${file} holds the end mark of its own constant, )embedded\"")
  endif()
  string(APPEND source "\nconst char* const ${name} = R\"embedded(${text})embedded\";\n")
endforeach()
string(APPEND source "\n}  // namespace sharcs::internal\n")
file(WRITE "${OUTPUT}" "${source}")

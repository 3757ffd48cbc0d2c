# sharcs_link_tests(target OBJECT_LIBRARIES…)
#
# Links tests into a program: those of the object libraries, or with SHARCS_TESTS_COMPILED_IN the same ones as another
# build has compiled them. Each build says where its own lie, in the file compiled_tests of its folder.
#
# To be called behind target_link_libraries() for what is tested: of a function in a header that both compiled, the
# linker takes the first.
function(sharcs_link_tests target)
  if(NOT SHARCS_TESTS_COMPILED_IN)
    set(files "")
    foreach(library IN LISTS ARGN)
      target_link_libraries(${target} PRIVATE ${library})
      list(APPEND files $<TARGET_OBJECTS:${library}>)
    endforeach()
    file(GENERATE OUTPUT compiled_tests CONTENT "$<JOIN:$<FILTER:${files},INCLUDE,\\.o$>,\n>\n")
    return()
  endif()
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_BINARY_DIR BASE_DIRECTORY ${PROJECT_BINARY_DIR} OUTPUT_VARIABLE folder)
  file(STRINGS ${SHARCS_TESTS_COMPILED_IN}/${folder}/compiled_tests files)
  foreach(library IN LISTS ARGN)
    set_target_properties(${library} PROPERTIES EXCLUDE_FROM_ALL ON)
  endforeach()
  target_link_libraries(${target} PRIVATE ${files})
  set_target_properties(${target} PROPERTIES LINK_DEPENDS "${files}")
endfunction()

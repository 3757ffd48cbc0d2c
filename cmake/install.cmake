# `cmake --install` and `find_package(sharcs)`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The components are those of the packages (cmake/packages.cmake). `cmake --install` without --component takes them all.
install(TARGETS sharcs EXPORT sharcs_targets
        LIBRARY COMPONENT library NAMELINK_COMPONENT development ARCHIVE COMPONENT development)
install(TARGETS sharcs_inference EXPORT sharcs_inference_targets
        LIBRARY COMPONENT inference NAMELINK_COMPONENT development ARCHIVE COMPONENT development)
install(TARGETS sharcs_cli COMPONENT program)
install(DIRECTORY configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sharcs/configs COMPONENT program)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT license)
# Manual pages and completions come from the program itself, so that they are always those of its options.
if(NOT CMAKE_CROSSCOMPILING)
  set(pages ${CMAKE_CURRENT_BINARY_DIR}/man)
  set(completions ${CMAKE_CURRENT_BINARY_DIR}/completions)
  file(MAKE_DIRECTORY ${completions})
  add_custom_command(TARGET sharcs_cli POST_BUILD
                     COMMAND sharcs_cli man ${pages}
                     COMMAND sharcs_cli completion bash > ${completions}/sharcs
                     COMMAND sharcs_cli completion zsh > ${completions}/_sharcs
                     COMMAND sharcs_cli completion fish > ${completions}/sharcs.fish)
  install(DIRECTORY ${pages}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
  install(FILES ${completions}/sharcs DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT program)
  install(FILES ${completions}/_sharcs DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT program)
  install(FILES ${completions}/sharcs.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)
endif()
include(cmake/sbom.cmake)
sharcs_sbom(${CMAKE_CURRENT_BINARY_DIR}/sharcs.cdx.json)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sharcs.cdx.json DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(DIRECTORY include/sharcs DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT sharcs_targets NAMESPACE sharcs:: FILE sharcs-targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sharcs
        COMPONENT development)
install(EXPORT sharcs_inference_targets NAMESPACE sharcs:: FILE sharcs-inference-targets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sharcs COMPONENT development)
get_target_property(sharcs_type sharcs TYPE)
configure_package_config_file(cmake/sharcs-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/sharcs-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sharcs)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/sharcs-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sharcs-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/sharcs-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sharcs COMPONENT development)

# For builds without CMake. A shared library brings along what it needs; a static one leaves that to the program, the C++
# library included when the program is written in C.
set(needed " -licuuc -lz -lhwy")
foreach(library IN LISTS OpenMP_CXX_LIB_NAMES)
  string(APPEND needed " -l${library}")
endforeach()
foreach(library stdc++ c++ m)
  if("${library}" IN_LIST CMAKE_CXX_IMPLICIT_LINK_LIBRARIES)
    string(APPEND needed " -l${library}")
  endif()
endforeach()
if(sharcs_type STREQUAL "STATIC_LIBRARY")
  set(sharcs_pc_libs "${needed}")
  set(sharcs_pc_libs_private "")
else()
  set(sharcs_pc_libs "")
  set(sharcs_pc_libs_private "${needed}")
endif()
# The prefix is found from where the file lies, since `cmake --install --prefix` may name another place than configuring.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig OUTPUT_VARIABLE sharcs_pc_prefix)
set(sharcs_pc_prefix "\${pcfiledir}/${sharcs_pc_prefix}")
foreach(kind LIBDIR INCLUDEDIR)
  string(TOLOWER ${kind} name)
  cmake_path(IS_ABSOLUTE CMAKE_INSTALL_${kind} is_absolute)
  if(is_absolute)
    set(sharcs_pc_${name} "${CMAKE_INSTALL_${kind}}")
  else()
    set(sharcs_pc_${name} "\${prefix}/${CMAKE_INSTALL_${kind}}")
  endif()
endforeach()
configure_file(cmake/sharcs.pc.in ${CMAKE_CURRENT_BINARY_DIR}/sharcs.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sharcs.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

if(SHARCS_PACKAGES)
  include(cmake/packages.cmake)
endif()

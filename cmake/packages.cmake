# Debian packages of what cmake/install.cmake installs, made by `sh cmake/packages.sh`:
#
#   libsharcs-inference0.1  the library that runs models
#   libsharcs0.1            the library with training, too, and with MPI where it was found
#   libsharcs-dev           headers and what find_package and pkg-config read; links both libraries
#   sharcs                  the program, which needs neither library
#
# What they depend on is found by dpkg-shlibdeps. Each library has its own package, so that a program that only runs models
# does not bring MPI along.
if(NOT sharcs_type STREQUAL "SHARED_LIBRARY" OR NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  message(FATAL_ERROR "SHARCS_PACKAGES: expected BUILD_SHARED_LIBS=ON and CMAKE_INSTALL_PREFIX=/usr, as `sh cmake/packages.sh` has them")
endif()
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sharcs)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL inference library development program)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
# Debian wants an address, and we have none to give: .invalid is the domain that belongs to nobody (RFC 2606).
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The sharcs developers <sharcs@packages.invalid>")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Packages of programs that were built with this version ask for this very version: 0.x promises no more.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY "=")
# CPack puts a summary of its own before each description unless this is its default.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_NAME} built using CMake")

set(about "A width-adaptive encoder (BERT, RoBERTa and others) answers easy texts at a\nfraction of its width or depth and hard ones with all of it.")
set(debian_version ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
set(inference_package libsharcs-inference${sharcs_interface_version})
set(library_package libsharcs${sharcs_interface_version})

set(CPACK_DEBIAN_INFERENCE_PACKAGE_NAME ${inference_package})
set(CPACK_DEBIAN_INFERENCE_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_INFERENCE_DESCRIPTION "library that runs width-adaptive transformers\n${about}\n.\nThis library loads models and classifies texts. It needs no MPI.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${library_package})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "library that trains and runs width-adaptive transformers\n${about}\n.\nThis library has training and evaluation, too.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libsharcs-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
# Public headers include the standard library only, and sharcs-config.cmake asks for OpenMP only, which is the compiler's.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${library_package} (= ${debian_version}), ${inference_package} (= ${debian_version})")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "library for width-adaptive transformers - development files\n${about}\n.\nHeaders for C++20 and C, and the files that find_package and pkg-config read.")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME sharcs)
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "trains, calibrates and serves width-adaptive transformers\n${about}\n.\nThe program, with manual pages, completions for bash, zsh and fish, and\nconfigurations for the tasks of GLUE.")

# What Debian wants in each package's folder of documents. Not a part of `cmake --install`.
set(files ${CMAKE_CURRENT_BINARY_DIR}/debian)
find_program(GZIP_PROGRAM gzip REQUIRED)
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)  # SOURCE_DATE_EPOCH, where it is set
file(WRITE ${files}/changelog.Debian
     "sharcs (${debian_version}) unstable; urgency=medium\n\n  * Made from the sources by CPack; changelog.gz says what is new.\n\n -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${now}\n")
# The system's list of libraries is made anew by this trigger; lintian asks for it although CPack writes scripts that do the same.
file(WRITE ${files}/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_INFERENCE_PACKAGE_CONTROL_EXTRA ${files}/triggers)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${files}/triggers)
configure_file(CHANGELOG.md ${files}/changelog COPYONLY)
configure_file(cmake/debian/copyright ${files}/copyright COPYONLY)
foreach(name changelog changelog.Debian)
  execute_process(COMMAND ${GZIP_PROGRAM} --best --no-name --force ${files}/${name} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
# The licences of the headers that are compiled in ask that their notices come along.
set(header_packages libeigen3-dev libhwy-dev nlohmann-json3-dev libfmt-dev libxxhash-dev)
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(documents ${CMAKE_INSTALL_DATADIR}/doc/${package})
  install(FILES ${files}/changelog.gz ${files}/changelog.Debian.gz ${files}/copyright DESTINATION ${documents}
          COMPONENT ${component} EXCLUDE_FROM_ALL)
  file(WRITE ${files}/${package}
       "# Not a package of Debian's archive, where a bug would ask for it.\n${package}: initial-upload-closes-no-bugs *\n")
  if(component MATCHES "^(inference|library)$")
    file(APPEND ${files}/${package} "# CPack writes them beside our trigger.\n${package}: maintscript-calls-ldconfig *\n")
  endif()
  install(FILES ${files}/${package} DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
          COMPONENT ${component} EXCLUDE_FROM_ALL)
  if(component STREQUAL "development")
    continue()
  endif()
  set(notices ${header_packages})
  if(component STREQUAL "program")
    list(APPEND notices libcli11-dev libboost-dev)
  endif()
  foreach(notice IN LISTS notices)
    if(NOT EXISTS /usr/share/doc/${notice}/copyright)
      message(FATAL_ERROR "/usr/share/doc/${notice}/copyright: not there; it has to come along in the packages")
    endif()
    install(FILES /usr/share/doc/${notice}/copyright DESTINATION ${documents}/notices RENAME ${notice}
            COMPONENT ${component} EXCLUDE_FROM_ALL)
  endforeach()
endforeach()

# Manual pages are compressed in packages.
file(WRITE ${files}/compress_pages.cmake "file(GLOB pages \${CPACK_TEMPORARY_INSTALL_DIRECTORY}/program/usr/share/man/man1/*.1)
if(pages)
  execute_process(COMMAND ${GZIP_PROGRAM} --best --no-name --force \${pages} COMMAND_ERROR_IS_FATAL ANY)
endif()
")
set(CPACK_PRE_BUILD_SCRIPTS ${files}/compress_pages.cmake)
include(CPack)

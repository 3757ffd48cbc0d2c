# Builds the tree that this port lies in: vcpkg install sharcs --overlay-ports=cmake/vcpkg/ports
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../../.." ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS FEATURE_OPTIONS FEATURES mpi SHARCS_MPI)
vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    -DSHARCS_BUILD_TESTS=OFF
    -DSHARCS_BUILD_EXAMPLES=OFF
    -DSHARCS_BUILD_BENCH=OFF
    -DCMAKE_UNITY_BUILD=ON
    ${FEATURE_OPTIONS}
)
vcpkg_cmake_install()

vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/sharcs)
vcpkg_fixup_pkgconfig()
vcpkg_copy_tools(TOOL_NAMES sharcs AUTO_CLEAN)
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
file(INSTALL "${CURRENT_PORT_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")

# Toolchain for AArch64, with Debian's cross-compiler (g++-aarch64-linux-gnu). Where Debian's packages for arm64 are installed,
# programs are linked with them, and QEMU runs them: tests/emulated.sh. Where they are not, the headers of this machine's
# packages let the library compile; nothing is linked, so any library file will do where CMake asks for one.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -cpu max)
set(sharcs_libraries /usr/lib/aarch64-linux-gnu)
if(NOT EXISTS ${sharcs_libraries}/libicuuc.so)
  file(GLOB sharcs_libraries /usr/lib/*-linux-gnu)
endif()
set(CMAKE_LIBRARY_PATH ${sharcs_libraries})
list(TRANSFORM sharcs_libraries APPEND /cmake OUTPUT_VARIABLE CMAKE_PREFIX_PATH)

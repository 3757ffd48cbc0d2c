# Toolchain for a check that the library compiles for AArch64, with Debian's cross-compiler (g++-aarch64-linux-gnu) and
# the headers of this machine's packages. Nothing is linked, so any library file will do where CMake asks for one.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
file(GLOB CMAKE_LIBRARY_PATH /usr/lib/*-linux-gnu)
file(GLOB CMAKE_PREFIX_PATH /usr/lib/*-linux-gnu/cmake)

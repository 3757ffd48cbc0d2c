"""A library of this system under the name, the components and the targets that ConanCenter's package of it has. So the recipe in
cmake/conan can be tried where ConanCenter is out of reach."""

from conan import ConanFile

# name: CMake's file, (component, target, library of the system), folder of the headers
LIBRARIES = {
    "icu": ("ICU", ("icu-uc", "ICU::uc", "icuuc"), None),
    "zlib": ("ZLIB", (None, "ZLIB::ZLIB", "z"), None),
    "highway": (None, ("hwy", None, "hwy"), None),
    "eigen": ("Eigen3", (None, "Eigen3::Eigen", None), "/usr/include/eigen3"),
    "nlohmann_json": ("nlohmann_json", (None, "nlohmann_json::nlohmann_json", None), None),
    "fmt": ("fmt", ("_fmt", "fmt::fmt-header-only", None), None),
    "xxhash": ("xxHash", (None, "xxHash::xxhash", None), None),
    "cli11": ("CLI11", (None, "CLI11::CLI11", None), None),
    "boost": ("Boost", ("headers", "Boost::headers", None), None),
}


class SystemLibraryConan(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    options = {"header_only": [True, False]}
    default_options = {"header_only": False}

    def package_info(self):
        file, (component, target, library), folder = LIBRARIES[self.name]
        info = self.cpp_info.components[component] if component else self.cpp_info
        info.bindirs = info.libdirs = []
        info.includedirs = [folder] if folder else []
        info.system_libs = [library] if library else []
        if file:
            self.cpp_info.set_property("cmake_file_name", file)
            self.cpp_info.set_property("cmake_find_mode", "both")
        if target and (self.name != "fmt" or self.options.header_only):
            info.set_property("cmake_target_name", target)
        if self.name == "highway":
            info.defines = ["HWY_SHARED_DEFINE"]
        if self.name == "fmt" and self.options.header_only:
            info.defines = ["FMT_HEADER_ONLY=1"]

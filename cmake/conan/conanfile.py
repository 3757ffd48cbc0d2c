"""A recipe for Conan 2, for the tree that it lies in:

    conan create cmake/conan --build=missing

The program is built along with the libraries. Without MPI: training on several machines needs a build by hand.
"""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rm, rmdir


class SharcsConan(ConanFile):
    name = "sharcs"
    description = "Width-adaptive transformers: training and routed inference on CPUs"
    license = "Apache-2.0"
    topics = ("transformers", "inference", "bert", "nlp")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True, "fmt/*:header_only": True, "boost/*:header_only": True}
    implements = ["auto_shared_fpic"]

    def _tree(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        found = re.search(r"project\(sharcs VERSION ([0-9.]+)", load(self, os.path.join(self._tree(), "CMakeLists.txt")))
        self.version = self.version or found.group(1)

    def export_sources(self):
        for name in ("CMakeLists.txt", "CHANGELOG.md", "LICENSE"):
            copy(self, name, self._tree(), self.export_sources_folder)
        for folder in ("cmake", "configs", "include", "src"):
            copy(self, folder + "/*", self._tree(), self.export_sources_folder)
        copy(self, "docs/openapi.json", self._tree(), self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        # What a program that links a static sharcs links, too.
        self.requires("icu/[>=72.1 <77]")
        self.requires("zlib/[>=1.2.11 <2]")
        self.requires("highway/[>=1.0.3 <2]")
        # Headers that end in the libraries and in the program.
        for header in ("eigen/3.4.0", "nlohmann_json/[>=3.11 <4]", "fmt/[>=9.1.0 <12]", "xxhash/[>=0.8.1 <1]",
                       "cli11/[>=2.3 <3]", "boost/[>=1.74.0 <2]"):
            self.requires(header, headers=True, libs=False, visible=False)

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for name in ("TESTS", "EXAMPLES", "BENCH"):
            toolchain.cache_variables["SHARCS_BUILD_" + name] = False
        toolchain.cache_variables["SHARCS_MPI"] = "OFF"
        toolchain.cache_variables["CMAKE_UNITY_BUILD"] = True  # halves the time
        toolchain.generate()
        dependencies = CMakeDeps(self)
        dependencies.set_property("highway", "cmake_file_name", "hwy")  # as CMake knows it everywhere else
        dependencies.set_property("highway::hwy", "cmake_target_name", "hwy::hwy")
        dependencies.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        # Conan writes what find_package and pkg-config read.
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))
        rm(self, "LICENSE", os.path.join(self.package_folder, "share", "doc", "sharcs"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "sharcs")
        for name, library in (("inference", "sharcs_inference"), ("sharcs", "sharcs")):
            component = self.cpp_info.components[name]
            component.set_property("cmake_target_name", "sharcs::" + name)
            component.libs = [library]
            component.requires = ["icu::icu-uc", "zlib::zlib", "highway::hwy"]
            if self.settings.os == "Linux":
                component.system_libs = ["m", "pthread"]
            if self.settings.compiler == "gcc":
                component.cxxflags = ["-fopenmp"]
                component.sharedlinkflags = component.exelinkflags = ["-fopenmp"]
        self.cpp_info.components["inference"].set_property("pkg_config_name", "sharcs")

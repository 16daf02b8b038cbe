"""The compiled fast path. Optional: without a C compiler the package installs and runs in pure Python."""

import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError

try:
    from Cython.Build import cythonize
except ImportError:
    cythonize = None


class OptionalBuildExt(build_ext):
    """Leaves out what cannot be compiled, and says so, instead of failing the installation."""

    def build_extensions(self) -> None:
        """Compile one module after the other; keep those that this machine can compile."""
        compiled = []
        for extension in self.extensions:
            try:
                self.build_extension(extension)
            except (BaseError, CCompilerError, OSError, subprocess.CalledProcessError) as error:
                print(f"{extension.name} was not compiled, pure Python is used: {error}", file=sys.stderr)
            else:
                compiled.append(extension)
        self.extensions = compiled


def extensions() -> list[Extension]:
    """Every Cython module of the agent; none without Cython."""
    if cythonize is None:
        return []
    sources = sorted(Path("capture_agent/compiled").glob("*.pyx"))
    modules: list[Extension] = cythonize(
        [
            Extension(
                f"capture_agent.compiled.{source.stem}",
                [str(source)],
                define_macros=[("_GNU_SOURCE", "1")],
                extra_compile_args=["-O3"],
            )
            for source in sources
        ],
        build_dir="build",
    )
    return modules


setup(ext_modules=extensions(), cmdclass={"build_ext": OptionalBuildExt})

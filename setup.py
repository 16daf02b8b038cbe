"""The compiled fast path. Optional: without a C compiler the package installs and runs in pure Python."""

from pathlib import Path

from setuptools import Extension, setup

try:
    from Cython.Build import cythonize
except ImportError:
    extensions = []
else:
    sources = sorted(Path("capture_agent/compiled").glob("*.pyx"))
    extensions = cythonize(
        [
            Extension(
                f"capture_agent.compiled.{source.stem}",
                [str(source)],
                define_macros=[("_GNU_SOURCE", "1")],
                extra_compile_args=["-O3"],
                optional=True,
            )
            for source in sources
        ],
        build_dir="build",
    )

setup(ext_modules=extensions)

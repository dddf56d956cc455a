"""Memory that libraries keep after they are done, given back to the system."""

import ctypes
import sys

import pyarrow as pa


def give_back() -> None:
    """Give back what allocators hold and nothing uses; some of it stays where they cannot.

    Reading a table of a million rows leaves more behind than the cohort itself takes.
    """
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
        if trim is not None:
            trim(0)

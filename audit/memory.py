"""How much memory the allocators below Python keep for later."""

import ctypes
import sys
from typing import Any

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def keep_one_arena() -> None:
    """Let all threads share what is kept for the next array, where each would keep its own.

    To be called before any thread starts; does nothing where the allocator is not glibc's.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Give back what allocators hold and nothing uses; some of it stays where they cannot.

    Reading a table of a million rows leaves more behind than the cohort itself takes.
    """
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> Any:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    known = hasattr(library, "malloc_trim") and hasattr(library, "mallopt")  # musl has neither
    return library if known else None

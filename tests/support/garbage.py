"""What is freed without the garbage collector, which runs so seldom in the proxy that memory would be held for long."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def no_garbage_collector(*kinds: type) -> Iterator[Callable[[], int]]:
    """Does not run until the block ends; yields what counts the objects of these kinds that were made in the block.

    Earlier tests may have left some, such as in the records of their log.
    """

    def living() -> list[object]:
        return [each for each in gc.get_objects() if issubclass(type(each), kinds)]

    gc.collect()
    earlier = {id(each): each for each in living()}
    gc.disable()
    try:
        yield lambda: sum(id(each) not in earlier for each in living())
    finally:
        gc.enable()

"""What a worker process of a pool does before its first task: it makes sure that it ends with the process that started it.

A pool whose process was killed tells its workers nothing: one at work would finish and write, an idle one would wait for ever.
"""

import os
from multiprocessing import parent_process
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess


def end_with_parent() -> None:
    """End this process when the one that started it is gone; at once if it is gone already. An `initializer` of pools.

    With a forkserver too, "the one that started it" is the process that has the pool, not the server that forked.
    """
    parent = parent_process()
    if parent is None:
        raise RuntimeError("only a worker process ends with the one that started it")
    if not parent.is_alive():
        os._exit(1)
    Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: "BaseProcess") -> None:
    parent.join()
    # No exception reaches a main thread that is inside an engine.
    os._exit(1)

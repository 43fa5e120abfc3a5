"""Whether this user may write in a home: asked before anything is written, so that nothing ends half-way for that.

A file system that is mounted read-only is no matter of users: the system says so itself.
"""

import os
from pathlib import Path

from pipelines.errors import BadInput
from pipelines.settings import Settings


def require_writable(settings: Settings) -> None:
    """Refuse a home in which some folder is closed to this user.

    Raises:
        BadInput: with every such folder; nothing was written.
    """
    folders = (
        *(settings.home, settings.data, settings.landing, settings.home / "state", settings.spill),
        *(settings.builds, settings.runs, settings.dagster_home, settings.inbox),
    )
    there = [folder for folder in folders if os.access(folder, os.F_OK)] or [_nearest(settings.home)]
    closed = [folder for folder in there if _is_closed(folder)]
    if closed:
        raise BadInput(
            [
                f"{folder}: this user (uid {os.geteuid()}) may not write there: run as the owner (uid {folder.stat().st_uid}), "
                f"or give it to this user: chown -R {os.geteuid()} {folder}; chmod -R u+rwX {folder}"
                for folder in closed
            ]
        )


def _is_closed(folder: Path) -> bool:
    may = os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True)
    return not may and not os.statvfs(folder).f_flag & os.ST_RDONLY


def _nearest(place: Path) -> Path:
    """The folder in which a home would be made."""
    while not os.access(place, os.F_OK) and place != place.parent:
        place = place.parent
    return place

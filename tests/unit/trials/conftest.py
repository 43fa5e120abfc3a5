"""What tests of study files share: how a refusal is read."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.errors import BadInput
from pipelines.trials.study import read


@pytest.fixture
def refused() -> Callable[[Path, str, str], None]:
    """Asserts that a study file is refused once with some words, at a line that begins with others."""

    def check(path: Path, stands: str, said: str) -> None:
        with pytest.raises(BadInput) as error:
            read(path)
        (told,) = [problem for problem in error.value.problems if said in problem]
        line = re.match(rf"{re.escape(path.name)}: line (\d+): ", told)
        assert line, told
        assert path.read_text().splitlines()[int(line[1]) - 1].startswith(stands), told

    return check

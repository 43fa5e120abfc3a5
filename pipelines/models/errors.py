"""The one way an estimator declines: there is no answer in these data. Bad input is `pipelines.errors.BadInput`."""

from collections.abc import Sequence

from pipelines.errors import TrabeculaError


class NotEstimable(TrabeculaError):
    """A fit that does not exist or did not converge. `columns` are the design-matrix columns at fault, where known."""

    def __init__(self, reason: str, columns: Sequence[int] = ()) -> None:
        self.columns: tuple[int, ...] = tuple(int(column) for column in columns)
        super().__init__(reason)

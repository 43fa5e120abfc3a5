"""moto's server on the loopback: a local S3, whose state is gone with the test."""

import os
from collections.abc import Generator
from dataclasses import dataclass

import pytest

pytest.importorskip("moto")
s3fs = pytest.importorskip("s3fs")
_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True)
class Bucket:
    """A bucket, its address, and the driver that reaches it."""

    name: str
    files: "s3fs.S3FileSystem"

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes) -> None:
        self.files.pipe_file(f"{self.name}/{key}", content)

    def keys(self) -> set[str]:
        return {name.removeprefix(f"{self.name}/") for name in self.files.find(self.name)}


@pytest.fixture(scope="module")
def server() -> Generator[str]:
    """Address of the server; the environment names it, as an operator's would, and no other credentials are looked for."""
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    _, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name in _NAMES:
            patch.setenv(name, "of-nobody")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, request: pytest.FixtureRequest) -> Bucket:
    """An empty bucket of the test's own."""
    files = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    name = f"b-{abs(hash(request.node.nodeid))}"
    files.mkdir(name)
    return Bucket(name, files)

"""The bytes of a text file in blocks: unpacked if gzip, as UTF-8 if they were UTF-16, with bombs and cut files refused."""

import codecs
import gzip
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import BadInput
from pipelines.sources.text_table.limits import Limits
from pipelines.sources.text_table.signature import refuse_other

UTF_8_MARK, UTF_16_LITTLE, UTF_16_BIG = codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
UTF_16 = ("utf-16-le", "utf-16-be")


def blocks(path: Path, is_gzip: bool, limits: Limits) -> Iterator[bytes]:
    """The raw content in blocks of at most `limits.block_bytes`.

    Raises:
        BadInput: it cannot be read, is cut or damaged gzip, or unpacks to more than the limits allow.
    """
    unpacked = 0
    with _readable(path):
        packed = path.stat().st_size
        with gzip.open(path, "rb") if is_gzip else path.open("rb") as file:
            while block := file.read(limits.block_bytes):
                if is_gzip and not unpacked:
                    refuse_other(path, block[:512])
                    if block.startswith((b"PAR1", b"PK\x03\x04", b"\x1f\x8b")):
                        raise BadInput(f"{path}: gzip around a file that is packed already: unpack it once")
                unpacked += len(block)
                if is_gzip and not limits.allows(unpacked, packed):
                    raise BadInput(
                        f"{path}: unpacks to more than {limits.ratio} times its size: not a table but a bomb; "
                        "unpack it yourself if it is right"
                    )
                yield block


def decoded(path: Path, source: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The same content without byte order mark, as UTF-8 where `encoding` is UTF-16; any other is handed on as it is."""
    if encoding not in UTF_16:
        first = next(source, b"")
        yield first.removeprefix(UTF_8_MARK)
        yield from source
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    is_first = True
    try:
        for block in source:
            text = decoder.decode(block)
            yield (text.removeprefix("\ufeff") if is_first else text).encode()
            is_first = False
        decoder.decode(b"", final=True)
    except UnicodeError as error:
        raise BadInput(f"{path}: damaged or cut UTF-16 text: write it again, as UTF-8 if possible") from error


def with_line_feeds(source: Iterator[bytes]) -> Iterator[bytes]:
    """The same content with carriage returns as line feeds, for files whose lines end in carriage returns alone."""
    for block in source:
        yield block.replace(b"\r", b"\n")


@contextmanager
def _readable(path: Path) -> Generator[None]:
    try:
        yield
    except EOFError as error:
        raise BadInput(f"{path}: the gzip file is cut off: deliver it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{path}: the gzip file is damaged: deliver it again") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}): check the file and its permissions") from error

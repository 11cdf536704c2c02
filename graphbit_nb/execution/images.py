"""What stands for a picture, as the picture that goes to a model: addresses, files, bytes, figures."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from graphbit_nb.core.llm import Image
from graphbit_nb.errors import InputTooLarge, MissingInputError, OutputError

LARGEST = 20 * 1024 * 1024  # bytes: no provider takes a larger one
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_DRAWN = (("_repr_png_", "image/png"), ("_repr_jpeg_", "image/jpeg"))


def images_of(values: tuple[Any, ...]) -> tuple[Image, ...]:
    """Return the pictures that `values` stand for; a list among them stands for several.

    Raises:
        OutputError: a value is no picture, or none of a kind that models are shown.
        MissingInputError: a file is not there.
        InputTooLarge: a picture is larger than 20 MiB.
    """
    listed: list[Any] = []
    for value in values:
        listed.extend(value if isinstance(value, list | tuple) else [value])
    return tuple(image_of(value) for value in listed)


def image_of(value: Any) -> Image:
    """Return the picture that `value` stands for; see `images_of` for the errors.

    Args:
        value: An `Image`; the bytes of a PNG, JPEG, GIF or WebP file; a path; an address (http, https, data); or
            anything that draws itself in a notebook as PNG or JPEG: a figure, a picture of PIL.
    """
    if isinstance(value, Image):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return _of_bytes(bytes(value), f"these {len(value)} bytes")
    if isinstance(value, str) and (address := _of_address(value)) is not None:
        return address
    if isinstance(value, str | Path):
        return _of_file(Path(value))
    for method, media_type in _DRAWN:
        drawn = getattr(value, method, None)
        if callable(drawn) and isinstance(data := drawn(), bytes):
            return Image(data=_checked(data, type(value).__name__), media_type=media_type)
    if callable(save := getattr(value, "savefig", None)):  # matplotlib's figures draw themselves in notebooks only
        from io import BytesIO

        buffer = BytesIO()
        save(buffer, format="png")
        return Image(data=_checked(buffer.getvalue(), type(value).__name__))
    raise OutputError(
        f"{type(value).__name__} is no picture; give a path, the bytes of a file, an address, a figure, or an Image"
    )


def _of_address(text: str) -> Image | None:
    try:
        scheme = urlsplit(text).scheme.lower()
    except ValueError:
        return None
    if scheme in {"http", "https"}:
        return Image(url=text)
    if scheme != "data":
        return None
    head, comma, body = text.partition(",")
    media_type, *more = head[len("data:") :].split(";")
    try:
        data = base64.b64decode(body, validate=True) if "base64" in more else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        data = b""
    if not comma or not data:
        raise OutputError("the picture's data: address cannot be read")
    return Image(data=_checked(data, "the data: address"), media_type=media_type or "image/png")


def _of_file(path: Path) -> Image:
    path = path.expanduser()
    try:
        if path.stat().st_size > LARGEST:
            raise InputTooLarge(f"the picture {path.name} has more than {LARGEST // 1024**2} MiB")
        data = path.read_bytes()
    except (OSError, ValueError):
        raise MissingInputError(f"there is no picture {str(path)!r} that can be read, seen from {Path.cwd()}") from None
    return _of_bytes(data, path.name)


def _of_bytes(data: bytes, what: str) -> Image:
    media_type = next((kind for beginning, kind in _BEGINNINGS if data.startswith(beginning)), None)
    if media_type is None and data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        media_type = "image/webp"
    if media_type is None:
        raise OutputError(f"{what} are no picture that models are shown: PNG, JPEG, GIF or WebP")
    return Image(data=_checked(data, what), media_type=media_type)


def _checked(data: bytes, what: str) -> bytes:
    if len(data) > LARGEST:
        raise InputTooLarge(f"the picture ({what}) has more than {LARGEST // 1024**2} MiB")
    return data

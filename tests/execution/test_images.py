"""What stands for a picture, and what becomes of it."""

import base64

import pytest

from graphbit_nb.core.llm import Image
from graphbit_nb.errors import InputTooLarge, MissingInputError, OutputError
from graphbit_nb.execution import images
from graphbit_nb.execution.images import image_of, images_of

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Figure:
    def savefig(self, file, format):  # noqa: A002 (as matplotlib calls it)
        assert format == "png"
        file.write(PNG)


class Drawn:
    def _repr_png_(self):
        return None

    def _repr_jpeg_(self):
        return b"\xff\xd8\xffjpeg"


@pytest.mark.parametrize(
    ("value", "media_type"),
    [
        (PNG, "image/png"),
        (bytearray(PNG), "image/png"),
        (memoryview(PNG), "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (f"data:image/png;base64,{base64.b64encode(PNG).decode()}", "image/png"),
        ("data:image/webp,RIFF%00", "image/webp"),
        (Figure(), "image/png"),
        (Drawn(), "image/jpeg"),
    ],
    ids=["png", "bytearray", "memoryview", "jpeg", "gif", "webp", "data", "quoted data", "figure", "drawn"],
)
def test_what_holds_a_picture_is_one(value, media_type):
    found = image_of(value)
    assert found.media_type == media_type
    assert found.data
    assert found.url is None


def test_an_address_is_left_for_the_provider_to_read():
    assert image_of("https://example.com/a.png") == Image(url="https://example.com/a.png")


def test_an_image_is_itself():
    made = Image(url="gs://bucket/a")
    assert image_of(made) is made


def test_a_file_is_read_by_its_contents_not_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "photo.txt").write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    assert image_of("photo.txt") == image_of(tmp_path / "photo.txt") == Image(data=PNG)


def test_lists_stand_for_several():
    assert images_of((PNG, [PNG, "https://h/a.png"])) == (
        Image(data=PNG),
        Image(data=PNG),
        Image(url="https://h/a.png"),
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"%PDF-1.7", "no picture that models are shown"),
        (b"", "no picture"),
        (7, "int is no picture; give a path"),
        (None, "NoneType is no picture"),
        ("data:image/png;base64,@@@", "cannot be read"),
        ("data:image/png", "cannot be read"),
    ],
)
def test_what_is_no_picture_is_refused(value, told):
    with pytest.raises(OutputError, match=told):
        image_of(value)


@pytest.mark.parametrize("value", ["nowhere.png", "a\0b.png", "http//slip.png", ""])
def test_a_file_that_is_not_there_is_told_with_the_place_it_was_looked_for(tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingInputError, match="seen from"):
        image_of(value)


def test_a_picture_that_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "LARGEST", 10)
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    for value in (path, PNG, Figure()):
        with pytest.raises(InputTooLarge, match=r"a\.png|bytes|Figure"):
            image_of(value)

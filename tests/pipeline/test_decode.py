from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import typst
from fpdf import FPDF
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ocr_pipeline.decode import read_pages, read_picture, to_rgb
from ocr_pipeline.inputs import Decoding, InputError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

# Four quarters: red, green / blue, black; far from grey, and no two turns look alike.
QUARTERS = np.zeros((60, 80, 3), np.uint8)
QUARTERS[:30, :40, 0] = QUARTERS[:30, 40:, 1] = QUARTERS[30:, :40, 2] = 255


def picture():
    return Image.fromarray(QUARTERS)


def encoded(image, **options):
    buffer = BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def only_page(path):
    (page,) = read_pages(path)
    assert page.image.dtype == np.uint8
    assert page.image.ndim == 3
    assert page.image.shape[2] == 3
    return page


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "BMP", "GIF", "JPEG", "JPEG2000", "PPM"])
def test_content_decides_the_format(tmp_path, format):
    options = {"lossless": True} if format == "WEBP" else {}
    path = tmp_path / "any.thing"
    path.write_bytes(encoded(picture(), format=format, **options))
    page = only_page(path)
    # The middles of the quarters, away from where JPEG blurs.
    middles = page.image[[[15], [45]], [20, 60]]
    np.testing.assert_allclose(middles, QUARTERS[[[15], [45]], [20, 60]], atol=3)
    assert page.warnings == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    stored = {
        1: QUARTERS,
        2: QUARTERS[:, ::-1],
        3: QUARTERS[::-1, ::-1],
        4: QUARTERS[::-1],
        5: QUARTERS.transpose(1, 0, 2),
        6: np.rot90(QUARTERS),
        7: QUARTERS[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(QUARTERS, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    np.testing.assert_array_equal(only_page(path).image, QUARTERS)


@pytest.mark.parametrize(
    ("samples", "dtype", "expected"),
    [
        ([0, 32768, 65535], np.uint16, [0, 128, 255]),
        ([0, 2048, 4095], np.uint16, [0, 128, 255]),  # 12 bits in 16
        ([0, 32768, 65535], np.int32, [0, 128, 255]),
        ([-9, 1 << 29, 1 << 30], np.int32, [0, 128, 255]),
        ([0, 0.5, 1], np.float32, [0, 128, 255]),
        ([0, 128, 255], np.float32, [0, 128, 255]),
        ([np.nan, np.inf, 1], np.float32, [0, 0, 255]),
        ([0, 0, 0], np.uint16, [0, 0, 0]),
    ],
)
def test_deep_greys_are_scaled(samples, dtype, expected):
    rgb = to_rgb(Image.fromarray(np.array([samples], dtype)))
    np.testing.assert_array_equal(rgb[0], np.repeat(np.array(expected)[:, None], 3, axis=1))


def test_16_bit_png_file(tmp_path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    image = only_page(tmp_path / "deep.png").image
    np.testing.assert_allclose(image[0, :, 0], np.arange(256), atol=1)


def test_transparency_lies_on_white(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([200, 0, 0, 0, 0, 0])
    palette.putdata([0, 1])
    palette.save(tmp_path / "palette.png", transparency=1)
    np.testing.assert_array_equal(
        only_page(tmp_path / "palette.png").image, [[[200, 0, 0], [255, 255, 255]]]
    )
    half = Image.new("LA", (1, 1), (0, 128))
    np.testing.assert_array_equal(to_rgb(half), [[[127] * 3]])


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "RGBX", "RGBa"])
def test_white_is_white_in_every_mode(mode):
    white = Image.new("RGBA" if mode == "RGBa" else "RGB", (3, 2), "white")
    np.testing.assert_array_equal(to_rgb(white.convert(mode)), np.full((2, 3, 3), 255))


def test_cmyk_jpeg(tmp_path):
    picture().convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    image = only_page(tmp_path / "print.jpg").image
    np.testing.assert_allclose(image[15, 20], [255, 0, 0], atol=8)


def test_all_pages_of_a_tiff_but_no_thumbnails(tmp_path):
    shades = [Image.new("L", (20 + k, 10), 50 * k) for k in range(3)]
    path = tmp_path / "pages.tif"
    shades[0].save(path, save_all=True, append_images=shades[1:])
    pages = list(read_pages(path))
    assert [page.index for page in pages] == [0, 1, 2]
    assert [page.image.shape for page in pages] == [(10, 20, 3), (10, 21, 3), (10, 22, 3)]
    assert [int(page.image[0, 0, 0]) for page in pages] == [0, 50, 100]

    thumbnail = Image.new("L", (5, 5))
    thumbnail.encoderinfo = {"tiffinfo": {254: 1}}
    shades[0].save(path, save_all=True, append_images=[thumbnail])
    assert len(list(read_pages(path))) == 1
    thumbnail.save(path, tiffinfo={254: 1})  # of nothing, so it is the page
    assert [page.image.shape for page in read_pages(path)] == [(5, 5, 3)]


@pytest.mark.parametrize(
    ("format", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {})]
)
def test_truncated_file_is_read_as_far_as_it_goes(tmp_path, format, options):
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    whole = np.kron(noise, np.ones((10, 10, 1), np.uint8))
    data = encoded(Image.fromarray(whole), format=format, **options)
    path = tmp_path / "cut"
    path.write_bytes(data[: len(data) // 2])
    page = only_page(path)
    assert page.image.shape == whole.shape
    assert np.abs(page.image[:100].astype(int) - whole[:100]).mean() < 25
    (warning,) = page.warnings
    assert "breaks off" in warning


def test_pixel_bomb_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20000, 20000)).save(path)
    with pytest.raises(InputError, match=r"bomb\.png: .*20000 x 20000 .*200,000,000; .*"):
        list(read_pages(path))
    Image.new("1", (30, 30)).save(path)
    with pytest.raises(InputError, match="limit of 899"):
        list(read_pages(path, Decoding(max_pixels=899)))
    assert len(list(read_pages(path, Decoding(max_pixels=900)))) == 1


def test_pillows_own_limit_stays_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    picture().save(tmp_path / "a.png")
    only_page(tmp_path / "a.png")
    assert Image.MAX_IMAGE_PIXELS == 10


BAD = {
    "missing.png": (None, "no such file"),
    "empty.png": (b"", "empty"),
    "text.png": (b"dear diary, today I was a picture", "not an image"),
    "zeros.jpg": (bytes(100), "not an image"),
    "page.pdf": (b"%PDF-1.7\n", "broken PDF"),
    "phone.heic": (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC|not an image|broken"),
    "header.png": (encoded(picture(), format="PNG")[:33], "not an image"),
    "header.jpg": (encoded(picture(), format="JPEG")[:30], "broken image"),
    "chunk.png": (encoded(picture(), format="PNG")[:50], "cannot be decoded"),
    "half.webp": (encoded(picture(), format="WEBP")[:60], "broken"),
    "half.jp2": (encoded(picture(), format="JPEG2000")[:300], "cannot be decoded"),
    "half.tif": (encoded(picture(), format="TIFF", compression="tiff_lzw")[:60], "not an image"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_one_line_with_name_reason_and_remedy(tmp_path, name):
    content, reason = BAD[name]
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as error:
        list(read_pages(path))
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "; " in message
    assert "\n" not in message


def test_folder_and_overlong_name_are_no_pages(tmp_path):
    with pytest.raises(InputError, match="folder"):
        list(read_pages(tmp_path))
    with pytest.raises(InputError, match="too long"):
        list(read_pages(tmp_path / ("x" * 300)))


def pdf():
    """Pages of 72 x 36 points, the first one red, then green, then blue."""
    source = "#set page(width: 72pt, height: 36pt, margin: 0pt)\n"
    shades = ("red", "green", "blue")
    source += "#pagebreak()\n".join(
        f"#rect(width: 100%, height: 100%, fill: {s})\n" for s in shades
    )
    return typst.compile(source.encode())


def test_pages_of_a_pdf(tmp_path):
    path = tmp_path / "any.thing"
    path.write_bytes(b"junk before it\n" + pdf())
    pages = list(read_pages(path))
    assert [page.index for page in pages] == [0, 1, 2]
    assert [int(page.image[50, 100].argmax()) for page in pages] == [0, 1, 2]
    assert {page.image.shape for page in pages} == {(100, 200, 3)}
    assert {page.dpi for page in pages} == {200}
    wanted = list(read_pages(path, Decoding(pages=((3, 9), (1, 1)), dpi=72)))
    assert [(page.index, page.image.shape) for page in wanted] == [
        (0, (36, 72, 3)),
        (2, (36, 72, 3)),
    ]
    with pytest.raises(InputError, match="none of the pages 4-9"):
        list(read_pages(path, Decoding(pages=((4, 9),))))
    errors = []
    assert list(read_pages(path, Decoding(max_pixels=19_999), on_error=errors.append)) == []
    assert [str(error).partition(" is ")[0][-6:] for error in errors] == [
        "page 1",
        "page 2",
        "page 3",
    ]
    assert "lower --dpi" in str(errors[0])


def test_locked_pdf_wants_its_password():
    path = Path(__file__).with_name("locked.pdf")
    (page,) = read_pages(path, Decoding(password="secret"))
    assert page.image[50, 50].tolist() == [255, 0, 0]
    with pytest.raises(InputError, match="locked; give its password"):
        list(read_pages(path))
    with pytest.raises(InputError, match="does not open"):
        list(read_pages(path, Decoding(password="wrong")))


def test_a_pdf_that_anyone_may_open_needs_no_password(tmp_path):
    pdf = FPDF()
    pdf.add_page()
    pdf.set_encryption(owner_password="mine")
    pdf.output(str(tmp_path / "owned.pdf"))
    assert len(list(read_pages(tmp_path / "owned.pdf", Decoding(password="of another")))) == 1


def test_pages_after_a_broken_one_are_read(tmp_path):
    shades = [Image.new("L", (64, 64), 50 * k) for k in range(3)]
    path = tmp_path / "pages.tif"
    shades[0].save(path, save_all=True, append_images=shades[1:], compression="tiff_lzw")
    with Image.open(path) as image:
        image.seek(1)
        start = image.tag_v2[273][0]  # where the strip of the second page begins
    data = bytearray(path.read_bytes())
    data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)
    errors = []
    pages = list(read_pages(path, on_error=errors.append))
    assert [page.index for page in pages] == [0, 2]
    assert ["page 2 cannot be decoded" in str(error) for error in errors] == [True]


def test_stated_resolution(tmp_path):
    for dpi, expected in {(300, 300): 300, (72, 72): None, (300, 200): None}.items():
        picture().save(tmp_path / "a.tif", dpi=dpi)
        assert only_page(tmp_path / "a.tif").dpi == expected


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "JPEG2000"])
def test_damaged_bytes_never_raise_anything_else(tmp_path, format):
    data = encoded(picture(), format=format)
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged"
    for _ in range(60):
        mutant = np.frombuffer(data, np.uint8).copy()
        where = rng.integers(0, len(mutant), rng.integers(1, 8))
        mutant[where] = rng.integers(0, 256, len(where))
        path.write_bytes(mutant[: rng.integers(1, len(mutant) + 1)].tobytes())
        try:
            pages = list(read_pages(path, Decoding(max_pixels=100_000)))
        except InputError:
            continue
        assert all(page.image.shape[2] == 3 for page in pages)


def test_light_print_on_nothing_lies_on_black(tmp_path):
    picture = Image.new("RGBA", (60, 40), (255, 255, 255, 0))
    picture.paste((250, 250, 250, 255), (10, 10, 30, 20))
    picture.save(tmp_path / "light.png")
    (page,) = read_pages(tmp_path / "light.png")
    assert (page.image[0, 0] == 0).all()
    assert (page.image[15, 20] == 250).all()


def test_a_picture_that_speaks_of_pdf_is_a_picture(tmp_path):
    metadata = PngInfo()
    metadata.add_text("Source", "%PDF-1.7")
    Image.new("L", (8, 8), 255).save(tmp_path / "a.png", pnginfo=metadata)
    (page,) = read_pages(tmp_path / "a.png")
    assert page.image.shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "RGBA"), ("a.png", "LA"), ("a.webp", "RGBA"), ("a.png", "I;16"), ("a.tif", "I;16")],
)
def test_labelled_pictures_are_those_that_are_read(tmp_path, name, mode):
    """Training would see black where the colour of what is transparent is black."""
    grey = np.full((20, 60), 255, np.uint8)
    grey[5:15, 10:50] = 0
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) * 16)  # 12 bits
    else:
        black = Image.new("L", (60, 20))
        bands = [black] * (3 if mode == "RGBA" else 1)
        picture = Image.merge(mode, [*bands, Image.fromarray(255 - grey)])
    picture.save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
    seen = read_picture(tmp_path / name)
    assert np.array_equal(seen, only_page(tmp_path / name).image)
    np.testing.assert_allclose(seen[..., 0], grey, atol=1)


def test_a_pdf_is_no_picture():
    with pytest.raises(InputError, match="this is a PDF; render its pages"):
        read_picture(Path(__file__).with_name("locked.pdf"))

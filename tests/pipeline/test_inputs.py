from pathlib import Path

import pytest

from ocr_pipeline.inputs import InputError, find_inputs, parse_ranges


def touch(root: Path, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_folders_are_searched_for_images(tmp_path):
    touch(tmp_path, "b/2.JPG", "b/10.png", "a.tif", "notes.txt", ".hidden.png", ".git/x.png")
    found = find_inputs([tmp_path])
    assert [(i.path.relative_to(tmp_path).as_posix(), i.stem) for i in found] == [
        ("a.tif", "a"),
        ("b/10.png", "b/10"),
        ("b/2.JPG", "b/2"),
    ]


def test_named_files_are_listed_whatever_they_are(tmp_path):
    found = find_inputs([tmp_path / "gone.png", tmp_path / "page.v2.xyz"])
    assert [i.stem for i in found] == ["gone", "page.v2"]


@pytest.mark.parametrize(
    ("names", "given", "stems"),
    [
        (["a.png", "a.jpg", "b.png"], ["."], ["a.jpg", "a.png", "b"]),
        (["x/a.png", "y/a.png"], ["x", "y"], ["x/a", "y/a"]),
        (["x/a.png", "y/a.jpg"], ["x/a.png", "y/a.jpg"], ["x/a", "y/a"]),
        (["x/a.png", "y/a.png"], ["."], ["x/a", "y/a"]),
        (["x/a.png"], ["x", "x/a.png", "."], ["a"]),
        (["a.png", "a.png.png"], ["."], ["a", "a.png"]),
        (["a.png", "a.jpg", "a.png.png"], ["."], ["a.jpg", "a.png", "a.png.png"]),
    ],
)
def test_output_names_do_not_collide(tmp_path, names, given, stems):
    touch(tmp_path, *names)
    assert [i.stem for i in find_inputs([tmp_path / name for name in given])] == stems


def test_folder_without_images_is_reported_and_the_others_found(tmp_path):
    touch(tmp_path, "empty/notes.txt", "full/a.png")
    errors = []
    found = find_inputs(
        [tmp_path / "empty", tmp_path / "full"], on_error=lambda path, error: errors.append(error)
    )
    assert [i.stem for i in found] == ["a"]
    (error,) = errors
    assert "no pictures" in str(error)
    with pytest.raises(InputError):
        find_inputs([tmp_path / "empty"])


def test_patterns_and_lists_stand_for_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "a1.png", "a2.png", "b.pdf", "sub/c.png", "odd[1].png")
    (tmp_path / "list.txt").write_text("b.pdf\n\n a*.png \nsub\n", "utf-8")
    assert [i.stem for i in find_inputs(["**/*.png"])] == ["a1", "a2", "odd[1]", "c"]
    assert [i.stem for i in find_inputs(["@list.txt"])] == ["b", "a1", "a2", "c"]
    assert [i.path.name for i in find_inputs(["odd[1].png"])] == ["odd[1].png"]
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    for name, reason in {
        "x*.png": "no file matches",
        "@gone.txt": "No such file",
        "@bad.txt": "cannot be read as a list",
    }.items():
        with pytest.raises(InputError, match=reason):
            find_inputs([name])


@pytest.mark.parametrize(
    ("text", "ranges"),
    [("3", ((3, 3),)), ("1-3,7", ((1, 3), (7, 7))), ("2-2, 1", ((2, 2), (1, 1)))],
)
def test_ranges_of_pages(text, ranges):
    assert parse_ranges(text) == ranges


@pytest.mark.parametrize("text", ["", "x", "0", "3-1", "1-", "-2", "1,,2", "1.5"])
def test_no_ranges_of_pages(text):
    with pytest.raises(ValueError, match=r"1-3,7"):
        parse_ranges(text)


def test_links_to_folders_are_followed_once(tmp_path):
    touch(tmp_path, "in/a.png", "elsewhere/b.png", "in/own/c.png")
    (tmp_path / "in/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/round").symlink_to(tmp_path / "in")
    found = find_inputs([tmp_path / "in"], leave_out=[tmp_path / "in/own"])
    assert [item.stem for item in found] == ["a", "more/b"]


def test_a_list_may_be_one_of_find(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "with space.png")
    (tmp_path / "list").write_bytes(b"a.png\0with space.png\0")
    monkeypatch.chdir(tmp_path)
    assert [item.stem for item in find_inputs(["@list"])] == ["a", "with space"]

"""Every file in `good/` loads; every file in `bad/` is refused with the words of the `.message` beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture_agent.settings.lines import lines_of_keys
from capture_agent.settings.loading import UnusableSettings, load_settings

EXAMPLES = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("good/*.toml")), ids=lambda path: path.stem)
def test_good_file_loads(path: Path) -> None:
    assert load_settings(path, {}, {}).metrics.port in (0, 9469)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("bad/*.toml")), ids=lambda path: path.stem)
def test_bad_file_is_refused_with_its_message(path: Path) -> None:
    with pytest.raises(UnusableSettings) as refused:
        load_settings(path, {}, {})
    said = str(refused.value).replace(str(path), path.name)
    assert said == path.with_suffix(".message").read_text().rstrip()
    assert "hunter2" not in said


def test_keys_are_found_behind_lists_and_strings_of_several_lines() -> None:
    text = """
a = [ # [b]
  "]", 1,
]
b = '''
c = 1
'''
[s.t]
"d" = "\\"[" # comment [
[[u]]
e = {f = 1}
[[u]]
g.h = 2
[u.v]
i = 3
"""
    assert lines_of_keys(text) == {
        ("a",): 2,
        ("b",): 5,
        ("s", "t"): 8,
        ("s", "t", "d"): 9,
        ("u", 0): 10,
        ("u", 0, "e"): 11,
        ("u", 1): 12,
        ("u", 1, "g"): 13,
        ("u", 1, "g", "h"): 13,
        ("u", 1, "v"): 14,
        ("u", 1, "v", "i"): 15,
    }

"""The manual pages name every command, option, profile and key there is, and no other option or key."""

import re

import pytest

from mkinitfs import locations, profile
from mkinitfs.cli import cli
from tests.command import ROOT


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text().replace("\\-", "-")


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_and_option_is_in_mkinitfs_1(name):
    text = page("mkinitfs.1")
    assert f"\n.B mkinitfs {name}\n" in text
    for parameter in cli.commands[name].params:
        for option in parameter.opts:
            if option.startswith("-"):
                assert re.search(rf"\.(B|BI|BR) .*{re.escape(option)}\b", text), option


def test_the_page_names_no_option_that_is_not_there():
    there = {option for command in cli.commands.values() for parameter in command.params for option in parameter.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z-]+", page("mkinitfs.1") + page("mkinitfs-profile.5")))
    assert named <= there


def test_every_key_and_profile_is_in_mkinitfs_profile_5():
    text = page("mkinitfs-profile.5")
    assert re.findall(r'^\.BR (\w+) " =', text, re.MULTILINE) == list(profile.KEYS)
    for name, _ in profile.available([locations.profiles()]):
        assert re.search(rf"\b{name}\b", text.partition(".SH PROFILES")[2]), name


def test_the_example_is_a_profile(tmp_path):
    example = page("mkinitfs-profile.5").partition(".nf\n")[2].partition(".fi")[0]
    (tmp_path / "office.toml").write_text(example)
    assert profile.load("office", [tmp_path, locations.profiles()]).hardware == ("e1000e", "r8169", "igc")

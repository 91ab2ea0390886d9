"""The log's lines, and that no secret gets into them."""

import re
from pathlib import Path

from init.system.log import DEBUG, INFO, Log, masked


def written(tmp_path: Path) -> str:
    return (tmp_path / "kmsg").read_text(errors="surrogateescape")


def test_level_and_facility(log: Log, tmp_path: Path) -> None:
    for level in (2, 3, 4, 6, 7):
        log.write(level, f"level {level}")
    # facility daemon (3) times eight, plus the level: sys/syslog.h
    numbers = {26: 2, 27: 3, 28: 4, 30: 6, 31: 7}
    assert written(tmp_path) == "".join(f"<{number}>mkinitfs: level {level}\n" for number, level in numbers.items())


def test_secrets_are_masked_everywhere(log: Log, tmp_path: Path) -> None:
    log.secrets |= {"s3cret", "s3cret and more", "x,y"}
    log.write(INFO, "mount -o password=s3cret and more,user=a: s3cret, x,y")
    log.save(str(tmp_path / "timeline"))
    for text in (written(tmp_path), (tmp_path / "timeline").read_text(), *log.lines):
        assert "mount -o password=******,user=a: ******, ******" in text
    assert log.mask("no s3cret here") == "no ****** here"


def test_timeline_has_times_that_grow(log: Log, tmp_path: Path) -> None:
    for number in range(3):
        log.write(DEBUG, f"line {number}")
    log.save(str(tmp_path / "timeline"))
    lines = (tmp_path / "timeline").read_text().splitlines()
    found = [re.fullmatch(r" *(\d+\.\d{3}) line (\d)", line) for line in lines]
    assert [match.group(2) for match in found if match] == ["0", "1", "2"]
    times = [float(match.group(1)) for match in found if match]
    assert times == sorted(times)
    with open("/proc/uptime") as file:  # counted from the kernel's start
        assert abs(times[-1] - float(file.read().split()[0])) < 60


def test_names_in_any_bytes(log: Log, tmp_path: Path) -> None:
    log.write(INFO, "//nas/caf\udcc3\udca9")
    log.save(str(tmp_path / "timeline"))
    assert (tmp_path / "timeline").read_bytes().endswith(b" //nas/caf\xc3\xa9\n")
    assert written(tmp_path) == "<30>mkinitfs: //nas/caf??\n"


def test_long_lines_are_cut_to_what_the_kernel_takes(log: Log, tmp_path: Path) -> None:
    log.write(INFO, "x" * 5000)  # more than LOG_LINE_MAX gives EINVAL, and the line would be lost
    assert len(written(tmp_path)) == 900


def test_a_full_log_stops_nothing() -> None:
    log = Log("/dev/full")
    log.write(INFO, "goes on")
    assert log.lines[0].endswith(" goes on")
    log.save("/dev/full")
    log.save("/nonexistent/timeline")


def test_a_secret_that_an_error_quotes_is_masked() -> None:
    secret = "back\\slash\tp\u200bw"
    assert masked(f"KeyError: {secret!r}, {secret}", {secret}) == "KeyError: '******', ******"


def test_a_short_secret_is_masked_as_a_word_only() -> None:
    assert masked('Unknown mount option "b", not about', {"b"}) == 'Unknown mount option "******", not about'
    assert masked("abcd-abcd xabcdx b,b", {"abcd", "b", ""}) == "******-****** x******x ******,******"

"""kmod's own programs as oracles, on every module of two Debian kernels."""

from pathlib import Path

import pytest

from mkinitfs.modules.depmod import Modules
from mkinitfs.modules.info import read
from mkinitfs.modules.softdep import softdep_line
from tests.command import run
from tests.kernels import ENV, SUITES, Kernel, kernel, modprobe_order


@pytest.fixture(params=SUITES, scope="module")
def debian(request: pytest.FixtureRequest) -> Kernel:
    return kernel(request.param)


def modprobe(debian: Kernel, config: Path, *words: str) -> str:
    where = ["-d", str(debian.root), "-S", debian.version, "-C", str(config)]
    return run(["modprobe", *where, *words], env=ENV)


def test_load_order_of_every_module_is_modprobes(debian: Kernel, tmp_path: Path) -> None:
    modules = Modules(debian.modules)
    # All softdeps of a module on one line: kmod 30 takes only the first line of a module, and of the files the one
    # whose name sorts first. An install command between two modules marks where the list of the one ends.
    softdeps = "".join(softdep_line(*item) for item in modules.softdeps.items())
    (tmp_path / "a.conf").write_text(softdeps + "install between_two /bin/true\n")
    names = list(modules.lines)
    assert len(names) > 4000
    words = [word for name in names for word in (name, "between_two")]
    output = modprobe(debian, tmp_path, "-a", "--show-depends", *words)

    answers = [part.splitlines() for part in output.split("install /bin/true \n")]
    assert answers.pop() == []
    assert len(answers) == len(names)
    prefix = f"insmod {debian.root}/lib/modules/{debian.version}/"
    for name, lines in zip(names, answers, strict=True):
        expected = [
            f"{prefix}{modules[one].path} " if one in modules else f"builtin {one}"
            for one in modprobe_order(modules, name)
        ]
        # modprobe prints a dependency again where a softdep had brought it before.
        assert expected == list(dict.fromkeys(lines)), name


def test_aliases_resolve_as_modprobe_resolves_them(debian: Kernel, tmp_path: Path) -> None:
    modules = Modules(debian.modules)
    patterns = [pattern for pattern, _ in modules.alias_lines if "[" not in pattern]
    # What a device would say: the wildcards of the pattern filled in; and every alias of what is built in.
    sample = [pattern.replace("*", "0").replace("?", "1") for pattern in patterns[::40]]
    sample += [alias for alias, _ in modules.alias_lines if alias.startswith(("crypto-", "fs-", "net-pf-"))]
    sample += [alias for _, alias in modules.builtin_info["alias"] if "*" not in alias]
    sample += sorted(modules.builtin)
    sample += ["pci:v00008086d0000100Esv00001AF4sd00001100bc02sc00i00", "virtio:d00000001v00001AF4"]
    assert len(sample) > 1000
    for alias in dict.fromkeys(sample):
        answer = modprobe(debian, tmp_path, "-R", "--", alias).split()
        assert sorted(set(answer)) == sorted(modules.lookup(alias)), alias


def test_unknown_alias_is_unknown_to_both(debian: Kernel, tmp_path: Path) -> None:
    modules = Modules(debian.modules)
    for name in ("no_such_module", "pci:v0000FFFEd0000FFFE", "crypto-no(aes)"):
        assert modules.lookup(name) == ()
        with pytest.raises(Exception, match="not found"):
            modprobe(debian, tmp_path, "-R", "--", name)


def test_firmware_and_dependencies_of_every_module_are_modinfos(debian: Kernel) -> None:
    modules = Modules(debian.modules)
    paths = [str(debian.modules / path) for path, _ in modules.lines.values()]
    theirs: dict[str, dict[str, list[str]]] = {}
    for line in run(["modinfo", *paths], env=ENV).splitlines():
        key, _, value = line.partition(":")
        if key == "filename":
            current = theirs.setdefault(value.strip(), {})
        elif key in ("firmware", "depends", "alias"):
            current.setdefault(key, []).append(value.strip())
    assert list(theirs) == paths
    with_firmware = 0
    for path in paths:
        ours = read(Path(path))
        assert sorted(ours.get("firmware", ())) == sorted(theirs[path].get("firmware", [])), path
        assert sorted(ours.get("alias", ())) == sorted(theirs[path].get("alias", [])), path
        assert list(ours["depends"]) == theirs[path]["depends"], path
        with_firmware += "firmware" in ours
    assert with_firmware > 200

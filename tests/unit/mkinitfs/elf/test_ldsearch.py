from mkinitfs.elf.ldconf import Loader
from mkinitfs.elf.ldsearch import Folder, Loaded, expand, folders
from tests.unit.mkinitfs.elf.test_byname import info

GLIBC = Loader("/lib64/ld.so", False, ("/lib", "/usr/lib"), ("/opt/lib",), "lib64", ("haswell", "x86_64"))


def test_tokens() -> None:
    owner = Loaded("/link/program", "/opt/app/bin/program", info(), None, "")
    assert expand("$ORIGIN/../${LIB}", owner, GLIBC) == ["/opt/app/bin/../lib64"]
    assert expand("/x/$PLATFORM", owner, GLIBC) == ["/x/haswell", "/x/x86_64"]
    assert expand("/$ORIGINAL/${LIBS}/$OTHER", owner, GLIBC) == ["/$ORIGINAL/${LIBS}/$OTHER"]
    library = Loaded("/link/lib.so", "/opt/lib.so.1", info(), owner, "")
    assert expand("${ORIGIN}", library, GLIBC) == ["/link"]
    nameless = Loader("", False, (), platforms=())
    assert expand("/x/$PLATFORM", owner, nameless) == []


def test_rpath_is_inherited_and_runpath_is_not() -> None:
    program = Loaded("/p", "/p", info(rpath="/from-program:relative:"), None, "")
    middle = Loaded("/m", "/m", info(rpath="/void", runpath="/of-middle"), program, "")
    last = Loaded("/l", "/l", info(rpath="/of-last"), middle, "")
    rest = [Folder("/opt/lib", cached=True), Folder("/lib"), Folder("/usr/lib")]
    assert list(folders(last, GLIBC)) == [Folder("/of-last"), Folder("/from-program"), *rest]
    assert list(folders(middle, GLIBC)) == [Folder("/of-middle"), *rest]
    musl = Loader("/lib/ld-musl-x86_64.so.1", True, ("/lib",))
    assert [each.path for each in folders(last, musl)] == ["/of-last", "/of-middle", "/from-program", "/lib"]


def test_nodeflib_leaves_the_default_folders_out() -> None:
    program = Loaded("/p", "/p", info(nodeflib=True), None, "")
    assert list(folders(program, GLIBC)) == [Folder("/opt/lib", cached=True)]

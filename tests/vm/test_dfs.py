"""A DFS link on the way to the container: cifs has the server's name that it leads to resolved by the image."""

import os

import pytest

from .site import BOOT, SMALL, Site

pytestmark = pytest.mark.vm

DFS = """
[dfs]
    path = {folder}
    msdfs root = yes
"""


@pytest.mark.parametrize(("series", "below"), [("6.1", "folder"), pytest.param("6.12", "", marks=pytest.mark.matrix)])
def test_a_container_behind_a_dfs_link(series: str, below: str, site: Site) -> None:
    server, links, hosts = site.serve(), site.folder / "dfs", site.folder / "hosts"
    text = server.config.read_text().replace("[share]", "    host msdfs = yes\n[share]", 1)
    server.config.write_text(text + DFS.format(folder=links))
    links.mkdir()
    os.symlink(r"msdfs:other\share", links / "link")
    hosts.write_text("10.0.2.2 other\n")
    site.put(path=site.folder / "share" / below / "disk.img")
    way = f"link/{below}".rstrip("/")
    flags = [*SMALL, "--add", f"{hosts}:/etc/hosts"]
    with site.system(series=series, share=server.cifsroot(share="dfs", folder=way), flags=flags) as vm:
        vm.run("echo written >/root/here; sync")
        vm.type("poweroff")
        vm.wait_powered_off(BOOT)
        site.assert_released()
    site.assert_clean()
    assert site.read("/root/here") == b"written\n"

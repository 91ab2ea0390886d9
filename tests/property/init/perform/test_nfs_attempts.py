"""nfsroot= against the rules of fs/nfs/nfsroot.c, told a second time as character after character."""

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from init.cmdline.nfsroot import DIRECTORY, parse
from init.network.state import Interface, Network
from init.perform.nfs_attempts import attempts

octets = st.integers(0, 255).map(str)
addresses = st.tuples(octets, octets, octets, octets).map(".".join)
folders = st.text(alphabet="/ab.%s1-_:", max_size=12).map("/".__add__) | st.sampled_from(["", "default"])
words = st.sampled_from(["v3", "vers=4.2", "soft", "rsize=1024", "ro", "proto=tcp", ""])
option_texts = st.lists(words, max_size=3).map(lambda found: "".join(f",{word}" for word in found))
# What the kernel's parser and ours have in common: no server by name, and a colon behind an address.
values = st.tuples(st.just("") | addresses.map("{}:".format), folders, option_texts).map("".join)


def kernels_rules(line: str, option17: str, booted_from: str, node: str) -> tuple[str, str, str]:
    """Server, folder and options in the order given, as ipconfig.c and nfsroot.c make them (by their rules only)."""

    def take_address(text: str) -> tuple[str, str]:
        found = re.match(r"(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?::|$)", text)
        return (found[1], text[found.end() :]) if found else ("", text)

    if line and line[0] not in "/,0123456789":
        line = f"/tftpboot/{line}"
    server, rest = take_address(line)
    their_server, their_rest = take_address(option17)
    folder, given = "/tftpboot/%s", []
    for text in (their_rest, rest):
        path, _, words = text.partition(",")
        if path and path != "default":
            folder = path
        given += [word for word in words.split(",") if word]
    return server or their_server or booted_from, folder.replace("%s", node), ",".join(given)


@given(values, st.just("") | values, addresses, addresses)
def test_server_folder_and_options_are_the_kernels(line: str, option17: str, booted_from: str, client: str) -> None:
    assume(line)  # an empty value is the default folder here; the kernel makes a bare /tftpboot/ of it
    assume(not line.startswith("default"))  # likewise: /tftpboot/default
    mistakes: list[str] = []
    interface = Interface("eth0", "", "dhcp", client, 24, bootserver=booted_from, rootpath=option17)
    found = attempts(parse(line, "", False, False, mistakes), Network((interface,)), container=False)
    server, folder, given = kernels_rules(line, option17, booted_from, client)
    assert mistakes == []
    for way in found:
        assert (way.server, way.directory) == (server, folder)
        assert way.options.endswith(f",{given},nolock" if given else ",nolock")
        assert way.options.startswith("rsize=4096,wsize=4096,timeo=7,retrans=3,")


@given(st.text(alphabet="[]:/,.%sdefault10é\udc80", max_size=30), st.text(alphabet="v=3,n", max_size=8), st.booleans())
def test_any_value_gives_ways_to_try(value: str, flags: str, container: bool) -> None:
    export = parse(value, flags, False, False, [])
    network = Network((Interface("eth0", "", "dhcp", "10.0.0.9", 24, bootserver="10.0.0.1", rootpath=value),))
    ways = attempts(export, network, container)
    assert len(ways) in (1, 4)  # of one name; a version that is given, or all
    for way in ways:
        assert way.server and way.directory and "," not in way.directory
        assert way.options.split(",")[-1] == "nolock"


@given(addresses, st.text(alphabet="abc-", min_size=1, max_size=8))
def test_each_name_is_tried(client: str, hostname: str) -> None:
    network = Network((Interface("eth0", "", "dhcp", client, 24, bootserver="10.0.0.1", hostname=hostname),))
    found = [way.directory for way in attempts(parse("", "", False, False, []), network, container=False)]
    assert list(dict.fromkeys(found)) == [DIRECTORY.replace("%s", name) for name in (client, hostname)]

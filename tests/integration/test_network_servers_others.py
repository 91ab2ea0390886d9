"""init/network/configure.py against ISC dhcpd, Kea, busybox udhcpd, bootpd and rarpd: what they give arrives."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Lab, laboratory
from tests.servers import bootpd, isc, kea, rarpd

MAC = "52:54:00:12:34:56"
GIVEN = {
    "address": "10.9.0.50",
    "prefix": "24",
    "gateway": "10.9.0.9",
    "routes": "10.77.0.0/16,10.9.0.7 192.168.7.0/24,10.9.0.8",
    "mtu": "1400",
    "dns": "10.9.0.3 10.9.0.4",
    "domain": "lab.example",
    "search": "eng.lab.example lab.example",
    "hostname": "wall",
    "nis_domain": "lab.nis",
    "bootserver": "10.9.0.2",
    "rootpath": "10.9.0.1:/srv/root",
    "ntp": "10.9.0.5 10.9.0.6",
    "server": "10.9.0.1",
    "lease_seconds": "600",
    "renew_after": "250.0",
    "rebind_after": "500.0",
}
ISC_OPTIONS = """
option routes code 121 = array of unsigned integer 8;
subnet 10.9.0.0 netmask 255.255.255.0 {
  range 10.9.0.50 10.9.0.50;
  ping-check false;
  default-lease-time 600; max-lease-time 600;
  option dhcp-renewal-time 250; option dhcp-rebinding-time 500;
  option subnet-mask 255.255.255.0;
  option routers 10.9.0.99;
  option routes 16, 10,77, 10,9,0,7, 24, 192,168,7, 10,9,0,8, 0, 10,9,0,9;
  option interface-mtu 1400;
  option domain-name-servers 10.9.0.3, 10.9.0.4;
  option domain-name "lab.example";
  option domain-search "eng.lab.example", "lab.example";
  option host-name "wall";
  option nis-domain "lab.nis";
  option root-path "10.9.0.1:/srv/root";
  option ntp-servers 10.9.0.5, 10.9.0.6;
  next-server 10.9.0.2;
}
"""
KEA_OPTIONS = {
    "routers": "10.9.0.99",
    "interface-mtu": "1400",
    "domain-name-servers": "10.9.0.3, 10.9.0.4",
    "domain-name": "lab.example",
    "domain-search": "eng.lab.example, lab.example",
    "host-name": "wall",
    "nis-domain": "lab.nis",
    "root-path": "10.9.0.1:/srv/root",
    "ntp-servers": "10.9.0.5, 10.9.0.6",
}
KEA_ROUTES = "10 0A4D 0A090007 18 C0A807 0A090008 00 0A090009".replace(" ", "")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path) as made:
        made.wire("eth0", mac=MAC)
        made.serve("eth0", "10.9.0.1/24")
        yield made


def kea_subnet(**more: object) -> dict[str, object]:
    """One subnet with a pool."""
    return {"subnet": "10.9.0.0/24", "pools": [{"pool": "10.9.0.50 - 10.9.0.50"}], **more}


@pytest.mark.parametrize("server", ["isc", "kea"])
def test_everything_that_a_server_can_give(lab: Lab, server: str) -> None:
    if server == "isc":
        isc(lab, "eth0", ISC_OPTIONS)
    else:
        told: list[dict[str, object]] = [{"name": name, "data": data} for name, data in KEA_OPTIONS.items()]
        told.append({"code": 121, "csv-format": False, "data": KEA_ROUTES})
        subnet = kea_subnet(**{"option-data": told, "next-server": "10.9.0.2"})
        kea(lab, "eth0", subnet, **{"renew-timer": 250, "rebind-timer": 500})
    found = lab.configuring("dhcp").result()
    assert {name: found[name] for name in GIVEN} == GIVEN
    assert lab.addresses("eth0") == ["10.9.0.50/24"]
    assert lab.routes() == {
        "default": ("10.9.0.9", "eth0"),
        "10.77.0.0/16": ("10.9.0.7", "eth0"),
        "192.168.7.0/24": ("10.9.0.8", "eth0"),
    }
    assert lab.json("client", "link", "show", "eth0")[0]["mtu"] == 1400


@pytest.mark.parametrize("server", ["isc", "kea"])
def test_the_identifier_is_what_the_server_knows_the_machine_by(lab: Lab, server: str) -> None:
    if server == "isc":
        isc(
            lab,
            "eth0",
            "subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.50 10.9.0.59; ping-check false; }\n"
            'host box { option dhcp-client-identifier 01:62:6f:78; fixed-address 10.9.0.80; option host-name "byid"; }',
        )
    else:
        held = {"client-id": "01:62:6f:78", "ip-address": "10.9.0.80", "hostname": "byid"}
        # Kea sends the reservation's name as option 12.
        kea(lab, "eth0", kea_subnet(reservations=[held]))
    found = lab.configuring("dhcp,1,box").result()
    assert (found["address"], found["hostname"]) == ("10.9.0.80", "byid")


def test_the_host_name_reaches_the_server(lab: Lab) -> None:
    said = isc(lab, "eth0", "subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.50 10.9.0.59; ping-check false; }")
    found = lab.configuring("::::wall.lab::dhcp").result()
    assert (found["hostname"], found["nis_domain"]) == ("wall", "lab")
    assert "(wall)" in said()


def test_a_server_that_looks_whether_the_address_is_in_use_is_slow_and_passes_it_over(lab: Lab) -> None:
    """ISC dhcpd asks by ping, and offers nothing for a second; somebody has taken the first address."""
    lab.run("server", "ip", "address", "add", "10.9.0.51/32", "dev", "lo")
    pool = "subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.50 10.9.0.51; ping-check true; }"
    said = isc(lab, "eth0", pool)
    assert lab.configuring("dhcp").result()["address"] == "10.9.0.50"
    assert "DHCPACK on 10.9.0.50" in said()


@pytest.mark.parametrize("word", ["bootp", "any", "both"])
def test_bootpd(lab: Lab, word: str) -> None:
    bootpd(
        lab,
        f".wall:ht=ethernet:ha=0x{MAC.replace(':', '')}:ip=10.9.0.70:sm=255.255.0.0:gw=10.9.0.1:"
        'ds=10.9.0.3:hn:dn=lab.example:rp="/srv/root":sa=10.9.0.2:vm=rfc1048:\n',
    )
    found = lab.configuring(word).result()
    # It also answers a DHCP client, with DHCP's own messages.
    assert found["protocol"] == ("dhcp" if word == "any" else "bootp")
    assert (found["address"], found["prefix"]) == ("10.9.0.70", "16")
    assert (found["gateway"], found["dns"], found["domain"]) == ("10.9.0.1", "10.9.0.3", "lab.example")
    assert (found["rootpath"], found["bootserver"]) == ("/srv/root", "10.9.0.2")


def test_isc_answers_bootp(lab: Lab) -> None:
    isc(
        lab,
        "eth0",
        "subnet 10.9.0.0 netmask 255.255.255.0 { option routers 10.9.0.1; }\n"
        f"host wall {{ hardware ethernet {MAC}; fixed-address 10.9.0.70; }}",
    )
    found = lab.configuring("bootp").result()
    assert (found["protocol"], found["address"], found["gateway"]) == ("bootp", "10.9.0.70", "10.9.0.1")


@pytest.mark.parametrize("word", ["rarp", "both"])
def test_rarpd(lab: Lab, word: str) -> None:
    rarpd(lab, "eth0", f"52:54:00:00:00:01 10.9.0.77\n{MAC} 10.9.0.88\n")
    found = lab.configuring(f"::10.9.0.1:255.255.255.0::eth0:{word}").result()
    assert (found["protocol"], found["address"], found["prefix"]) == ("rarp", "10.9.0.88", "24")
    assert (found["server"], found["bootserver"]) == ("10.9.0.1", "10.9.0.1")
    assert lab.addresses("eth0") == ["10.9.0.88/24"]


def test_rarp_by_another_server_than_the_one_named_does_not_count(lab: Lab) -> None:
    """The nfsroot document: with RARP, the server's field says whose answer is taken."""
    rarpd(lab, "eth0", f"{MAC} 10.9.0.88\n")
    found = lab.configuring(":10.9.0.2::255.255.255.0::eth0:rarp", seconds=2).result()
    assert "RARP reply by another server" in found["error"]


def test_udhcpd_gives_routes_name_and_time(lab: Lab) -> None:
    lab.udhcpd(
        "eth0",
        "start 10.9.0.20\nend 10.9.0.20\nsiaddr 10.9.0.2\noption subnet 255.255.255.0\noption dns 10.9.0.3 10.9.0.4\n"
        "option domain lab.example\noption search eng.lab.example lab.example\noption hostname wall\n"
        "option mtu 1400\noption ntpsrv 10.9.0.5\noption rootpath /srv/root\noption nisdomain lab.nis\n"
        "option staticroutes 10.77.0.0/16 10.9.0.7, 0.0.0.0/0 10.9.0.9\noption lease 900",
    )
    found = lab.configuring("dhcp").result()
    expected = {"address": "10.9.0.20", "dns": "10.9.0.3 10.9.0.4", "domain": "lab.example", "hostname": "wall"}
    expected |= {"search": "eng.lab.example lab.example", "mtu": "1400", "ntp": "10.9.0.5", "gateway": "10.9.0.9"}
    expected |= {"rootpath": "/srv/root", "nis_domain": "lab.nis", "bootserver": "10.9.0.2", "lease_seconds": "900"}
    assert {name: found[name] for name in expected} == expected
    assert lab.routes() == {"default": ("10.9.0.9", "eth0"), "10.77.0.0/16": ("10.9.0.7", "eth0")}


@pytest.mark.parametrize("identifier", ["", "01525400123456"])
@pytest.mark.parametrize("server", ["isc", "kea"])
def test_a_boot_roms_lease_is_known_again(server: str, identifier: str, lab: Lab) -> None:
    """The ROM told an identifier or not (iPXE does); early user space is known by its hardware address."""
    if server == "isc":
        text = "subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.20 10.9.0.60; default-lease-time 600;"
        log = isc(lab, "eth0", f"{text} option domain-name-servers 10.9.0.3; }}")
    else:
        data = [{"name": "domain-name-servers", "data": "10.9.0.3"}]
        subnet = {"subnet": "10.9.0.0/24", "pools": [{"pool": "10.9.0.20 - 10.9.0.60"}], "option-data": data}
        log = kea(lab, "eth0", subnet)
    lab.run("client", "ip", "link", "set", "eth0", "up")
    told = ["-x", f"0x3d:{identifier}"] if identifier else ["-C"]
    rom = ("busybox", "udhcpc", "-i", "eth0", "-f", "-n", "-q", "-r", "10.9.0.33", "-s", "/bin/true", *told)
    assert "10.9.0.33" in lab.run("client", "sh", "-c", f"{' '.join(rom)} 2>&1")
    before = log()
    found = lab.configuring("10.9.0.33:10.9.0.1:10.9.0.1:255.255.255.0", bootif="01-52-54-00-12-34-56").result()
    assert (found["address"], found["protocol"], found["dns"]) == ("10.9.0.33", "dhcp", "10.9.0.3")
    assert "DISCOVER" not in log().removeprefix(before)

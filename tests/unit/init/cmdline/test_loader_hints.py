"""What loaders write by themselves."""

import pytest

from init.cmdline.loader_hints import boot_card, without_variables

CARD = "52:54:00:ab:cd:56"
QUEUE = "80-00-02-08-fe-80-00-00-00-00-00-00"
GUID = "00-02-c9-03-00-ab-cd-ef"


@pytest.mark.parametrize(
    ("written", "card"),
    [
        ("01-52-54-00-ab-cd-56", CARD),
        ("01-52-54-00-AB-CD-56", CARD),
        ("00-52-54-00-ab-cd-56", CARD),  # GRUB, where it does not know the type
        ("01:52:54:00:ab:cd:56", CARD),
        ("52-54-00-ab-cd-56", CARD),
        ("52:54:00:AB:CD:56", CARD),
        ("525400abcd56", CARD),
        ("01525400ABCD56", CARD),
        ("06-52-54-00-ab-cd-56", CARD),  # ARP's number for IEEE 802 networks
        (f"20-{GUID}", GUID.replace("-", ":")),
        (f"20-{QUEUE}-{GUID}", f"{QUEUE}-{GUID}".replace("-", ":")),
        *((written, "") for written in ("", "01", "01-", "-", "00-00-00-00-00-00", "01-00-00-00-00-00-00")),
        *((written, "") for written in ("01-52-54-00-12-34-5g", "5-54-00-ab-cd-5", "eth0", "\udc80")),
        ("52-54-00-ab-cd-56-", ""), (f"01-{GUID}", ""), ("\u0661\u0661" * 6, ""),
    ],
)  # fmt: skip
def test_the_card_that_the_machine_booted_from(written: str, card: str) -> None:
    assert boot_card(written) == card


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("dhcp", "dhcp"), ("", ""), ("$", ""), ("${", ""), ("dhcp,1,a$b", "dhcp,1,a$b"),
        ("${net0/ip}:${net0/mac:hexhyp}:x", "::x"), ("10.0.0.5::$gw:${mask", "10.0.0.5:::"), ("${}$$x", ""),
    ],
)  # fmt: skip
def test_variables_that_were_not_filled_in(written: str, known: str) -> None:
    assert without_variables(written) == known

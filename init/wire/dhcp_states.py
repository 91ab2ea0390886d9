"""The states of a DHCP client, and every way from one to the next.

    SELECTING --offer--> REQUESTING --ack--> PROBING --free--> BOUND --t1--> RENEWING --t2--> REBINDING
        ^---- nak, silence ----'                |                ^------ ack ----'------ ack -----'  |
        '---- taken ----------------------------'                |                                   |
        '---- answer (BOOTP, RARP) ------------------------------'     SELECTING <------ expired ----'

    REBOOTING --ack--> PROBING     REBOOTING --nak, silence--> SELECTING     REBOOTING --alone--> BOUND

REBOOTING asks again for the address of an earlier lease, of any server (RFC 2131, 3.2): a boot loader's, which stays
as it was where no server answers (alone), or that of a lease whose link was cut and may be another network's by now.
"""

from __future__ import annotations

from init.wire.exchange import BOUND, REBINDING, RENEWING

SELECTING, REQUESTING, PROBING, REBOOTING = "selecting", "requesting", "probing", "rebooting"
NEXT = {
    (SELECTING, "offer"): REQUESTING,
    (SELECTING, "answer"): BOUND,
    (REQUESTING, "ack"): PROBING,
    (REQUESTING, "nak"): SELECTING,
    (REQUESTING, "silence"): SELECTING,
    (REBOOTING, "ack"): PROBING,
    (REBOOTING, "nak"): SELECTING,
    (REBOOTING, "silence"): SELECTING,
    (REBOOTING, "alone"): BOUND,
    (PROBING, "free"): BOUND,
    (PROBING, "taken"): SELECTING,
    (BOUND, "t1"): RENEWING,
    (RENEWING, "ack"): BOUND,
    (RENEWING, "nak"): SELECTING,
    (RENEWING, "t2"): REBINDING,
    (REBINDING, "ack"): BOUND,
    (REBINDING, "nak"): SELECTING,
    (REBINDING, "expired"): SELECTING,
}

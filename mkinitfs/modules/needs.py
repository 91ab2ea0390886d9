"""What modules ask the kernel to load by name while they work, and no index of depmod knows.

The kernel's crypto API asks for `crypto-NAME` when a module allocates an algorithm that is not registered
yet (crypto/api.c, crypto_larval_lookup), the NLS layer for `nls_NAME` (fs/nls/nls_base.c, load_nls), and so
on: each request runs /sbin/modprobe in the image, and fails there where the module was left out. Whether a
name is a module, built in, or gone differs from kernel to kernel, so every name below is wanted if it is
there, and its own needs are looked up here in turn. To extend: the module, what it asks for, the file that
asks.
"""

# Who calls one of these stands on libphy, which no dependency says where it is built in (linux/phy.h, phylink.h).
PHYLIB = "libphy"
PHYLIB_CALLS = frozenset({"phy_start", "phylink_create", "__mdiobus_register", "__devm_mdiobus_register"})

NEEDS: dict[str, tuple[str, ...]] = {
    # fs/smb/client: signing and encryption of every dialect (smb2transport.c, cifsencrypt.c, smb2ops.c);
    # iocharset=utf8, mount.cifs's and the kernel's usual one (connect.c, load_nls).
    "cifs": (
        "crypto-md5",
        "crypto-hmac(md5)",
        "crypto-hmac(sha256)",
        "crypto-sha512",
        "crypto-cmac(aes)",
        "crypto-gcm(aes)",
        "crypto-ccm(aes)",
        "nls_utf8",
    ),
    # Templates of the crypto API build themselves from others: crypto_gcm_create in crypto/gcm.c,
    # crypto_ccm_create in crypto/ccm.c, crypto_cts_create in crypto/cts.c, crypto_xts_create in crypto/xts.c.
    "gcm": ("crypto-ctr", "crypto-ghash"),
    "ccm": ("crypto-ctr", "crypto-cbcmac"),
    "cts": ("crypto-cbc",),
    "xts": ("crypto-ecb",),
    # lib/libcrc32c.c fails to initialise without one (xfs, btrfs, erofs, nf_conntrack stand on it).
    "libcrc32c": ("crypto-crc32c",),
    # fs/ext4/super.c and fs/jbd2/journal.c: metadata checksums. fs/f2fs/super.c: the same.
    "ext4": ("crypto-crc32c",),
    "jbd2": ("crypto-crc32c",),
    "f2fs": ("crypto-crc32",),
    # fs/btrfs/disk-io.c, btrfs_init_csum_hash: the four checksums that a file system may have been made with.
    "btrfs": ("crypto-crc32c", "crypto-xxhash64", "crypto-sha256", "crypto-blake2b-256"),
    # fs/fat/inode.c, fat_fill_super: code page 437 and the default charset of the usual distributions.
    "fat": ("nls_cp437", "nls_ascii", "nls_iso8859-1", "nls_utf8"),
    # fs/nfs/client.c, get_nfs_version: the protocol's version is a module. pNFS layouts are left out: without
    # them I/O goes through the server itself. Kerberos is left out: it needs a daemon beside the module.
    "nfs": ("nfsv3", "nfsv4"),
    # net/sunrpc/auth_gss/gss_krb5_mech.c, for those who add it.
    "rpcsec_gss_krb5": ("crypto-cts(cbc(aes))", "crypto-hmac(sha1)", "crypto-hmac(sha256)"),
    # drivers/net/phy/phy_device.c (phy_request_driver_module): what is at the other end of the wires of a card is
    # asked for by the number it reads there. SFP cages, buses and encoders are devices of a board's own.
    PHYLIB: ("mdio:*", *(f"kernel/drivers/net/{folder}/" for folder in ("phy", "mdio", "pcs"))),
    # net/dsa/tag.c: a switch's way of tagging frames.
    "dsa_core": ("kernel/net/dsa/",),
    # A virtio driver loads without its bus, finds no device, and no symbol joins the two
    # (drivers/virtio/virtio_pci_common.c).
    "virtio_net": ("virtio_pci",),
    "virtio_blk": ("virtio_pci",),
    "virtio_scsi": ("virtio_pci",),
    "9pnet_virtio": ("virtio_pci",),
    "virtiofs": ("virtio_pci",),
}

# The same for USB devices and their host controllers, drivers/usb/host: for whatever answers to a device of that bus.
BUSES: dict[str, tuple[str, ...]] = {
    "usb": (
        *("xhci_pci", "xhci_pci_renesas", "ehci_pci", "ohci_pci", "uhci_hcd"),
        *("xhci_plat_hcd", "ehci_platform", "ohci_platform", "dwc2"),
    )
}

# Engines behind a bus or in one maker's processors (padlock, ccp, qat) answer to the names of common ciphers
# too. Where anything else provides the name they are left out, unless asked for by their own.
OFFLOAD = "kernel/drivers/crypto/"

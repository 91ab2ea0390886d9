"""The initramfs builder: profiles and a host's facts in, one cpio image out."""

__version__ = "0.1.0"

"""mkinitfs measured against dracut and initramfs-tools: same kernel, same modules, one run. See README.md."""

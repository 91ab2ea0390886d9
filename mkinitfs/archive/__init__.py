"""newc archives, the kernel's compressions, images written and read back."""

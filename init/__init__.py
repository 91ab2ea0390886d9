"""Early user space: what runs as PID 1 in the image, from the kernel's hand to the real init and back."""

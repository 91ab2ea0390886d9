"""What every test sees."""

import os

# mke2fs, smbd, depmod and their like lie in /usr/sbin, which is not on an unprivileged user's path.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"

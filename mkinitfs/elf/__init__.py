"""ELF files and ld.so's rules; which file a program needs."""

"""The commands, one file each. A command's module has ``main(argv) -> int``."""

# qemu's emulator of programs of other machines.

# emulated COMMAND...: run a command that starts the emulator. It keeps tables of all pages that a program maps, and a
# catalog maps 256 GiB if it may: a spec took 8 GB of memory. Within 8 GiB of addresses the catalog maps less.
emulated() {
    (
        ulimit -v $((8 << 20))
        "$@"
    )
}

# Let the kernel start programs for arm64, also those that a program starts, in the emulator.
emulate_arm64() {
    local kernel=/proc/sys/fs/binfmt_misc
    need qemu-user-static
    [[ -e $kernel/register ]] || mount -t binfmt_misc binfmt_misc "$kernel"
    [[ -e $kernel/qemu-aarch64 ]] || cat /usr/lib/binfmt.d/qemu-aarch64.conf >"$kernel/register"
}

# A Debian of another architecture, in build/portability/ARCH, in which programs run by chroot: i386 natively, arm64 in
# an emulator. It sees this folder under the same path.

debian_release=bookworm
debian_packages=(
    libc6-dev liblmdb-dev libsimde-dev libxxhash-dev libutf8proc-dev libstemmer-dev lua5.4 liblua5.4-dev
    lua5.1 liblua5.1-0-dev luajit libluajit-5.1-dev lua-busted lua-cjson lua-filesystem lua-posix lua-inotify
    lua-readline lua-socket lua-sec lua-sql-sqlite3 openssl unicode-data)

# debian ARCH PACKAGE...: make it once, with these packages beside those above.
debian() {
    local arch=$1 folder=$build/portability/$1
    shift
    [[ $(id -u) -eq 0 ]] || die "portability $arch runs programs by chroot: be root"
    [[ ! -e $folder/complete ]] || return 0
    need debootstrap
    say "run: making a Debian $debian_release for $arch in build/portability/$arch/"
    rm -rf "$folder"
    mkdir -p "$folder"
    local packages=("${debian_packages[@]}" "$@")
    quietly debootstrap --variant=minbase --arch="$arch" --include="$(IFS=, && echo "${packages[*]}")" \
        "$debian_release" "$folder"
    touch "$folder/complete"
}

# in_debian ARCH COMMAND...: run a command there, in this folder. What is mounted for it is unmounted when it ends.
in_debian() {
    local folder=$build/portability/$1
    shift
    # shellcheck disable=SC2016 # the inner shell expands these
    unshare --mount bash -ec '
        mkdir -p "$0$1"
        for place in /proc /dev "$1"; do mount --rbind "$place" "$0$place"; done
        exec chroot "$0" env -C "$1" "${@:2}"' "$folder" "$root" "$@"
}

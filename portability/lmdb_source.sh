# LMDB for another C library: Debian has it for its own only. It is built from the source package of Debian.

# lmdb_source: unpack the package in build/portability/lmdb/; its C files are in the subfolder libraries/liblmdb.
lmdb_source() {
    local folder=$build/portability/lmdb
    [[ ! -e $folder/complete ]] || return 0
    need dpkg-dev
    say "run: fetching the source package of LMDB"
    rm -rf "$folder"
    mkdir -p "$folder/lists/partial"
    # Lists of its own, so that the machine's list of sources stays as it is.
    echo "deb-src http://deb.debian.org/debian $debian_release main" >"$folder/sources.list"
    local options=(
        -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$folder/lists" -o APT::Sandbox::User=root)
    (
        cd "$folder"
        quietly apt-get "${options[@]}" update
        quietly apt-get "${options[@]}" source lmdb
        mv lmdb-*/ source
    )
    touch "$folder/complete"
}

# lmdb_library FOLDER COMPILER ARCHIVER: liblmdb.a and the headers of the three libraries, in FOLDER.
lmdb_library() {
    local folder=$1 source=$build/portability/lmdb/source/libraries/liblmdb file
    lmdb_source
    mkdir -p "$folder"
    ln -sfn /usr/include/simde "$folder/simde"
    ln -sf /usr/include/xxhash.h "$source/lmdb.h" "$folder"
    for file in mdb midl; do
        "$2" -O2 -w -c "$source/$file.c" -o "$folder/$file.o"
    done
    "$3" rcs "$folder/liblmdb.a" "$folder/mdb.o" "$folder/midl.o"
}

# 64-bit Windows, by MinGW and Wine. The engine is not ported: engine/base/os.c, os_owner.c and os_shared_mutex.c call
# Linux and macOS, filter_like.c wants memmem, and catalog.c takes LMDB's file handle for a number. All else is compiled,
# and the C tests run that link without those. The kernels are not among them: distance_test wants mmap.

windows_tests=(
    analyzer codes element flat_codes names row sorted text_highlight text_match text_query timestamp word_break)

# in_wine PROGRAM: without a display, in a folder of settings of its own. Its lines end as those of other programs do.
in_wine() {
    WINEPREFIX=$build/portability/wine WINEDEBUG=-all DISPLAY='' wine "$1.exe" | tr -d '\r'
}

port_windows() {
    local folder=$build/portability/build-windows needs=$build/portability/needs-windows name
    need "${c_packages[@]}" gcc-mingw-w64-x86-64-posix wine wine64
    lmdb_library "$needs" x86_64-w64-mingw32-gcc-posix x86_64-w64-mingw32-ar
    targets=("${windows_tests[@]/%/_test}")
    compile "$folder" -DCMAKE_TOOLCHAIN_FILE="$root/portability/windows.cmake" -DMOONVEC_LUAS= -DMOONVEC_C_LIBRARY=OFF \
        -DMOONVEC_TESTS=ON -DMOONVEC_ASSERTIONS=ON -DCMAKE_EXE_LINKER_FLAGS=-static \
        -DMOONVEC_LMDB_INCLUDE="$needs" -DMOONVEC_SIMDE_INCLUDE="$needs" -DMOONVEC_XXHASH_INCLUDE="$needs" \
        -DMOONVEC_LMDB_LIBRARY="$needs/liblmdb.a" -DMOONVEC_UTF8PROC=OFF -DMOONVEC_STEMMER=OFF
    in_wine "$folder/test/names_test" >/dev/null 2>&1 || true # makes the folder of settings, once
    launcher=(in_wine)
    for name in "${targets[@]}"; do step c_test "$folder" "$name"; done
    wait
    targets=()
}

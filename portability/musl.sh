# musl, another C library: the C tests.

port_musl() {
    local folder=$build/portability/build-musl needs=$build/portability/needs-musl
    local examples=(example_c amalgamation_example) # embed_lua_example wants Lua
    need "${c_packages[@]}" musl-tools
    lmdb_library "$needs" musl-gcc ar
    # Debian's archives of these two want nothing of a C library but memory and strings.
    ln -sf /usr/include/{utf8proc,libstemmer}.h "$(gcc -print-file-name=libutf8proc.a)" \
        "$(gcc -print-file-name=libstemmer.a)" "$needs"
    compile "$folder" -DCMAKE_C_COMPILER=musl-gcc -DMOONVEC_LUAS= \
        -DMOONVEC_C_LIBRARY=OFF -DMOONVEC_TESTS=ON -DMOONVEC_ASSERTIONS=ON -DMOONVEC_WERROR=ON \
        -DMOONVEC_LMDB_INCLUDE="$needs" -DMOONVEC_SIMDE_INCLUDE="$needs" -DMOONVEC_XXHASH_INCLUDE="$needs" \
        -DMOONVEC_LMDB_LIBRARY="$needs/liblmdb.a" \
        -DMOONVEC_UTF8PROC_INCLUDE="$needs" -DMOONVEC_UTF8PROC_LIBRARY="$needs/libutf8proc.a" \
        -DMOONVEC_STEMMER_INCLUDE="$needs" -DMOONVEC_STEMMER_LIBRARY="$needs/libstemmer.a"
    c_tests "$folder" engine/test/*_test.c amalgamation_distance_test
}

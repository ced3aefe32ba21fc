# musl, another C library: the C tests.

port_musl() {
    local folder=$build/portability/build-musl needs=$build/portability/needs-musl
    need "${c_packages[@]}" musl-tools
    lmdb_library "$needs" musl-gcc ar
    compile "$folder" -DCMAKE_C_COMPILER=musl-gcc -DMOONVEC_LUAS= \
        -DMOONVEC_C_LIBRARY=OFF -DMOONVEC_TESTS=ON -DMOONVEC_ASSERTIONS=ON -DMOONVEC_WERROR=ON \
        -DMOONVEC_LMDB_INCLUDE="$needs" -DMOONVEC_SIMDE_INCLUDE="$needs" -DMOONVEC_XXHASH_INCLUDE="$needs" \
        -DMOONVEC_LMDB_LIBRARY="$needs/liblmdb.a" -DMOONVEC_UTF8PROC=OFF -DMOONVEC_STEMMER=OFF
    c_tests "$folder" engine/test/*_test.c amalgamation_distance_test
}

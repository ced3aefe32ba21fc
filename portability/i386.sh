# 32-bit x86: the whole quick tier, built in a Debian of its own (gcc's 32-bit libraries exclude its cross compilers).

port_i386() {
    local interpreter folder=$build/portability/build-i386
    debian i386 gcc make cmake pkgconf
    launcher=(in_debian i386 setarch i686)
    compile "$folder" -DMOONVEC_LUAS="5.4;5.1;luajit" -DMOONVEC_TESTS=ON -DMOONVEC_ASSERTIONS=ON \
        -DMOONVEC_WERROR=ON
    for interpreter in lua5.4 lua5.1 luajit; do
        step specs "$interpreter" "$folder" --exclude-tags=slow spec/*_spec.lua
    done
    c_tests "$folder" engine/test/*_test.c amalgamation_distance_test
}

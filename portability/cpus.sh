# x86-64 CPUs with fewer instructions than this one, in an emulator; then this one, with each set of kernels forced.

# A CPU of qemu, and the kernels that are to be chosen on it.
declare -A kernels_of=([qemu64]=sse2 [Nehalem]=sse2 [Haswell]=avx2 [max]=avx2)
cpu_specs=(spec/{query_exact,binary_vectors,vector_forms}_spec.lua)

# in_cpu CPU PROGRAM ARGUMENT...
in_cpu() {
    emulated qemu-x86_64-static -cpu "$1" "$(command -v "$2")" "${@:3}"
}

# chooses NAME KERNELS: what the module chooses, as the launcher starts it, must be these kernels.
chooses() {
    local status=0 chosen
    use_module lua5.4 "$build"
    chosen=$("${launcher[@]}" lua5.4 -e 'io.write(require("moonvec").simd)' 2>/dev/null) || status=1
    [[ $chosen == "$2" ]] || status=1
    say "on $1: kernels '$chosen', expected '$2'"
    tally $status $((status == 0)) 0
}

port_cpus() {
    local cpu simd best
    need "${test_packages[@]}" qemu-user-static
    targets=(core_5.4 distance_test)
    compile "$build" -DMOONVEC_LUAS="5.4;5.1;luajit" -DMOONVEC_TESTS=ON -DMOONVEC_ASSERTIONS=ON
    for cpu in "${!kernels_of[@]}"; do
        launcher=(in_cpu "$cpu")
        step chooses "$cpu" "${kernels_of[$cpu]}"
        step c_test "$build" distance_test
        step specs lua5.4 "$build" --exclude-tags=slow "${cpu_specs[@]}"
    done
    use_module lua5.4 "$build"
    best=$(lua5.4 -e 'io.write(require("moonvec").simd)')
    for simd in scalar sse2 avx2 avx512; do
        launcher=(env "MOONVEC_SIMD=$simd")
        step chooses "this CPU with MOONVEC_SIMD=$simd" "$simd"
        step specs lua5.4 "$build" --exclude-tags=slow "${cpu_specs[@]}"
        [[ $simd != "$best" ]] || break # what comes next this CPU lacks
    done
    wait
    targets=()
}

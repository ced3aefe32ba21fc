# Writes the engine as one C file: the text of all sources (the arguments, paths from engine/, run there), each header's
# text where it is first included.
#
#   awk -f amalgamate.awk -v version=1.2.3 -v targets="avx2=avx2,fma avx512=..." base/error.c ... > moonvec.c
#
# CMakeLists.txt has the order of the sources and the targets.
#
# - Functions declared in headers become static (MV_INTERNAL), so that the object defines no symbols but those of
#   moonvec.h. In C a definition without "static" is static too where a static declaration stands before it. Tables, which
#   headers declare extern, become static in header and source.
# - A header without an include guard is a part of a kernel, and a source that includes one is a kernel: kernel_avx2.c has
#   the instruction set avx2. Its text stands between pragmas that let the compiler use the instructions of `targets`, and
#   the names that it defines, which are those of all kernels, get the set's name in front by #define.
#
# It relies on the layout that clang-format leaves: what is declared or defined in a file begins at the first column.

function stop(message)
{
    print "amalgamate.awk: " message > "/dev/stderr"
    exit 1
}

# The lines of `path` into text[path, 1..lines[path]]; guarded[path]: it has an include guard.
function load(path,    line, count)
{
    if (path in lines) return
    while ((getline line < path) > 0) {
        text[path, ++count] = line
        if (line ~ /^#ifndef MV_[A-Z0-9_]*_H$/) guarded[path] = 1
    }
    close(path)
    if (!count) stop("no text in '" path "'")
    lines[path] = count
}

# "base/os.h" of the line #include "base/os.h".
function included_file(line)
{
    sub(/^#include ["<]/, "", line)
    sub(/[">].*/, "", line)
    return line
}

function banner(path)
{
    printf "\n/* ======== %s */\n\n", path
}

# ---------------------------------------------------------------- sources and headers

# A line of a header as it is written: prototypes and tables get the storage class of this file.
function header_line(line)
{
    if (line ~ /extern const /) sub(/extern const /, "MV_INTERNAL const ", line)
    else if (line ~ /^[a-z_][A-Za-z0-9_ *]*[ *][a-z][a-z0-9_]*\(/ && line !~ /^(static|typedef|extern) /)
        line = "MV_INTERNAL " line
    return line
}

# A line of a source: tables that are not static yet become so. Functions are by their prototypes.
function source_line(line)
{
    return line ~ /^const .* = / ? "MV_INTERNAL " line : line
}

# Write `path` and, before what needs them, the headers it includes that were not written yet.
function write_file(path,    i, line, depth, name)
{
    load(path)
    banner(path)
    depth = path in guarded ? -1 : 0
    for (i = 1; i <= lines[path]; i++) {
        line = text[path, i]
        if (line ~ /^#if/) depth++
        if (line ~ /^#endif/) depth--
        if (line ~ /^#include "/) {
            name = included_file(line)
            if (name == "moonvec.h" || name in written) continue
            if (depth > 0) stop(path ": '" name "' is included on a condition")
            written[name] = 1
            write_file(name)
            printf "\n/* -------- %s, continued */\n", path
        } else if (line ~ /^#include </ && depth == 0) {
            if (!(line in written)) print line
            written[line] = 1
        } else {
            print path ~ /\.h$/ ? header_line(line) : source_line(line)
        }
    }
}

# ---------------------------------------------------------------- kernels

# Does this source include a header without an include guard?
function is_kernel(path,    i, name)
{
    load(path)
    for (i = 1; i <= lines[path]; i++) {
        if (text[path, i] !~ /^#include "/) continue
        name = included_file(text[path, i])
        if (name == "moonvec.h") continue
        load(name)
        if (!(name in guarded)) return 1
    }
    return 0
}

# Collect the lines of a kernel, the parts it includes in their places, in body[1..body_lines]; headers with a guard are
# written now, system headers collected in system[1..systems].
function collect(path,    i, line, name)
{
    load(path)
    for (i = 1; i <= lines[path]; i++) {
        line = text[path, i]
        if (line ~ /^#include "/) {
            name = included_file(line)
            load(name)
            if (!(name in guarded)) {
                collect(name)
            } else if (!(name in written)) {
                written[name] = 1
                write_file(name)
            }
        } else if (line ~ /^#include </) {
            if (!(line in written)) system_lines[++systems] = line
        } else {
            body[++body_lines] = source_line(line)
        }
    }
}

# Remember a name that a kernel defines.
function defines(name)
{
    if (name ~ /^[A-Za-z_][A-Za-z0-9_]*$/ && !(name in is_defined)) {
        is_defined[name] = 1
        defined[++names] = name
    }
}

# The constants in the text of an enum.
function enum_constants(line,    parts, count, i)
{
    sub(/.*\{/, "", line)
    sub(/\/\*.*/, "", line)
    sub(/\}.*/, "", line)
    count = split(line, parts, ",")
    for (i = 1; i <= count; i++) {
        sub(/=.*/, "", parts[i])
        gsub(/ /, "", parts[i])
        defines(parts[i])
    }
}

# Names defined by the collected lines: defined[1..names], and macros[1..macro_count].
function find_names(    i, line, name, words, in_enum, stems, suffixes, s, t, stem, suffix)
{
    for (i = 1; i <= body_lines; i++) {
        line = body[i]
        name = line
        if (line ~ /^#define /) {
            sub(/^#define /, "", name)
            sub(/[^A-Za-z0-9_].*/, "", name)
            macros[++macro_count] = name
        } else if (line ~ /^(KERNEL_INLINE|static) [^=]*\(/) {
            sub(/\(.*/, "", name)
            sub(/.*[ *]/, "", name)
            defines(name)
        } else if (line ~ /^typedef .*\(\*/) {
            sub(/.*\(\*/, "", name)
            sub(/\).*/, "", name)
            defines(name)
        } else if (line ~ /^typedef .*;/) {
            sub(/;.*/, "", name)
            sub(/.*[ *]/, "", name)
            defines(name)
        } else if (line ~ /^typedef (struct|enum) [a-z]/) {
            split(line, words, " ")
            defines(words[3])
        } else if (line ~ /^[A-Z_]*KERNEL\([a-z]/) {
            sub(/^[^(]*\(/, "", name)
            sub(/[,)].*/, "", name)
            stem[++stems] = name
        }
        if (line ~ /^(typedef )?enum /) in_enum = 1
        if (in_enum) enum_constants(line)
        if (line ~ /\}/) in_enum = 0
        while (match(line, /name##_[a-z]+\(/)) {
            suffix[++suffixes] = substr(line, RSTART + 6, RLENGTH - 7)
            line = substr(line, RSTART + RLENGTH)
        }
    }
    for (s = 1; s <= stems; s++)
        for (t = 1; t <= suffixes; t++) defines(stem[s] suffix[t])
}

# The targets of an instruction set: "avx2,fma,f16c" of "avx2=avx2,fma,f16c", or "".
function targets_of(set,    parts, count, i)
{
    count = split(targets, parts, " ")
    for (i = 1; i <= count; i++)
        if (index(parts[i], set "=") == 1) return substr(parts[i], length(set) + 2)
    return ""
}

function write_kernel(path,    set, target, i)
{
    set = path
    sub(/.*kernel_/, "", set)
    sub(/\.c$/, "", set)
    target = targets_of(set)
    body_lines = systems = names = macro_count = 0
    split("", is_defined)
    collect(path)
    find_names()
    banner(path)
    print (set == "neon" ? "#if defined(__aarch64__)" : "#if defined(__x86_64__) || defined(__i386__)")
    for (i = 1; i <= systems; i++) print system_lines[i]
    if (target) {
        print "#if defined(__clang__)"
        printf "#pragma clang attribute push(__attribute__((target(\"%s\"))), apply_to = function)\n", target
        print "#else\n#pragma GCC push_options"
        printf "#pragma GCC target(\"%s\")\n", target
        print "#endif"
    }
    for (i = 1; i <= names; i++) printf "#define %s %s_%s\n", defined[i], set, defined[i]
    for (i = 1; i <= body_lines; i++) print body[i]
    for (i = 1; i <= names; i++) print "#undef " defined[i]
    for (i = 1; i <= macro_count; i++) print "#undef " macros[i]
    if (target) print "#if defined(__clang__)\n#pragma clang attribute pop\n#else\n#pragma GCC pop_options\n#endif"
    print "#endif"
}

# ---------------------------------------------------------------- the file

function write_head()
{
    print "/* moonvec " version ": the engine in one file, made from its sources by amalgamate.awk. It is compiled like any C11"
    print " * file and needs the headers of LMDB, xxHash and SIMDe, and the libraries lmdb, pthread and m:"
    print " *"
    print " *   cc -std=c11 -O2 program.c moonvec.c -llmdb -lpthread -lm"
    print " *"
    print " * Full text needs two more libraries, each defined where it is linked: -DMV_HAVE_UTF8PROC -lutf8proc for the"
    print " * tokenizers unicode, code and ngram, -DMV_HAVE_STEMMER -lstemmer for languages."
    print " *"
    print " * No flags for instruction sets are needed: the kernels for each set say themselves what they use, and those that"
    print " * the CPU can run are chosen at run time. Only 32-bit x86 needs -msse2 -mfpmath=sse. */"
    print "#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif"
    print "#ifndef _FILE_OFFSET_BITS\n#define _FILE_OFFSET_BITS 64\n#endif"
    print "#include \"moonvec.h\"\n"
    print "#define MV_ONE_FILE"
    print "#define MV_MEM_OWNER /* one file cannot forbid malloc to all but a part of it */"
    print "/* What only this file uses. Some of it only tests call. */"
    print "#ifndef MV_INTERNAL\n#define MV_INTERNAL static __attribute__((unused))\n#endif\n"
    print "#if defined(__GNUC__) && !defined(__clang__)"
    print "/* gcc takes paths for possible on which a function that fails would have returned MV_OK. */"
    print "#pragma GCC diagnostic ignored \"-Wmaybe-uninitialized\"\n#endif"
}

BEGIN {
    write_head()
    for (argument = 1; argument < ARGC; argument++) {
        if (is_kernel(ARGV[argument])) write_kernel(ARGV[argument])
        else write_file(ARGV[argument])
    }
}

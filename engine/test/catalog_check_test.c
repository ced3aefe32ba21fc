/* catalog_check.h against real LMDB files, whole and damaged.
 *
 *   catalog_check_test                      everything, with fixed seeds
 *   catalog_check_test fuzz SECONDS SEED    random damage for that long
 *
 * The property that is tested: a file that passes the deep check can be read, written and copied by
 * LMDB without a crash, an error or an endless loop, and the written file passes it too. LMDB runs
 * in a forked child with an alarm. */
#include <dlfcn.h>
#include <inttypes.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/os.h"
#include "storage/catalog_check.h"
#include "test/catalog_damage.h"
#include "test/catalog_use.h"
#include "test/expect.h"

#define LIVE_ROUNDS 120u
#define COPY_EVERY  16 /* trials: LMDB copies past the page cache, which takes long */

static long page_size_wanted = 4096;
static uint64_t trials, trials_accepted;
static char base_path[PATH_SIZE], child_path[PATH_SIZE], copy_path[PATH_SIZE];

/* LMDB makes its files with the system's page size: here it finds the one that the test wants. */
long sysconf(int name)
{
    long (*real)(int) = NULL;
    void *found = dlsym(RTLD_NEXT, "sysconf");
    memcpy(&real, &found, sizeof real);
    return name == _SC_PAGE_SIZE ? page_size_wanted : real(name);
}

/* ---------------------------------------------------------------- images of files */

static image image_read(const char *path)
{
    image found = {.page_size = (size_t)page_size_wanted};
    os_file file = OS_FILE_NONE;
    uint64_t size = 0;
    if (os_open_read(path, &file, &size, NULL)) return found;
    found.size = (size_t)size;
    found.bytes = mem_alloc(found.size);
    if (os_read_at(file, found.bytes, found.size, 0, path, NULL))
        memset(found.bytes, 0, found.size);
    os_close(file);
    return found;
}

static void image_free(image *i)
{
    mem_free(i->bytes, i->size);
}

static bool image_write(const char *path, const uint8_t *bytes, size_t size)
{
    os_file file = OS_FILE_NONE;
    files_remove(path);
    bool ok = !os_create(path, &file, NULL) && !os_write_at(file, bytes, size, 0, path, NULL);
    os_close(file);
    return ok;
}

static mv_err check_path(const char *path)
{
    mv_error error;
    image i = image_read(path);
    mv_err err = catalog_check_pages(i.bytes, i.size, 0, true, path, &error);
    if (err) printf("%s\n", error.text);
    image_free(&i);
    return err;
}

static void use_compact_copy(MDB_env *env)
{
    files_remove(copy_path);
    int rc = mdb_env_copy2(env, copy_path, MDB_CP_COMPACT);
    if (rc == MDB_INCOMPATIBLE) return; /* LMDB's word for lost pages */
    MUST(rc);
    MUST(check_path(copy_path));
}

/* The child: everything that LMDB can do with an accepted file. */
static void use_file(const char *path, size_t page_size, bool copy)
{
    MDB_dbi tables[TABLES_MAX];
    MDB_txn *txn;
    MDB_env *env = env_open(path);
    MUST(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    unsigned count = tables_open(txn, tables);
    for (unsigned i = 0; i < count; i++) table_read(txn, tables[i]);
    MUST(mdb_txn_commit(txn));
    if (copy) use_compact_copy(env);
    for (int round = 0; round < 4; round++) {
        MUST(mdb_txn_begin(env, NULL, 0, &txn));
        for (unsigned i = 0; i < count; i++) table_write(txn, tables[i], page_size, 12);
        if (round == 2 && count) table_delete_all(txn, tables[random_below(count)]);
        if (round == 3 && count) MUST(mdb_drop(txn, tables[random_below(count)], 0));
        MUST(mdb_txn_commit(txn));
    }
    MUST(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    for (unsigned i = 0; i < count; i++) table_read(txn, tables[i]);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    MUST(check_path(path));
}

/* True if LMDB could use it and left it whole. */
static bool use_in_child(const image *i, bool copy)
{
    if (!image_write(child_path, i->bytes, i->size)) return false;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)alarm(HANG_SECONDS);
        page_size_wanted = 4096; /* a file's page size need not be the system's */
        use_file(child_path, i->page_size, copy);
        _exit(0);
    }
    int status = -1;
    bool ok = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    if (!ok) printf("LMDB failed on an accepted file, status %#x\n", (unsigned)status);
    return ok;
}

/* One damaged file: the check returns; what it accepts, LMDB can use. */
static bool trial(const image *damaged, bool use)
{
    trials++;
    mv_err shallow = check(damaged, false), deep = check(damaged, true);
    if (deep) return true;
    trials_accepted++;
    return !shallow && (!use || use_in_child(damaged, trials % COPY_EVERY == 0));
}

/* ---------------------------------------------------------------- building */

/* Several tables of all kinds, changed by many commits: deep trees, overflow runs, a free list. */
static void build(const char *path, long page_size, int commits)
{
    static const char *names[] = {"meta", "ids", "rows", "deleted", "empty"};
    static const unsigned flags[] = {0, 0, MDB_INTEGERKEY, MDB_INTEGERKEY, 0};
    MDB_dbi tables[5];
    MDB_txn *txn;
    page_size_wanted = page_size;
    files_remove(path);
    MDB_env *env = env_open(path);
    for (int commit = 0; commit < commits; commit++) {
        MUST(mdb_txn_begin(env, NULL, 0, &txn));
        for (int i = 0; i < 5; i++)
            MUST(mdb_dbi_open(txn, names[i], flags[i] | MDB_CREATE, &tables[i]));
        for (int i = 0; i < 4; i++) table_write(txn, tables[i], (size_t)page_size, i ? 30 : 2);
        MUST(mdb_txn_commit(txn));
    }
    MUST(mdb_txn_begin(env, NULL, 0, &txn)); /* a run that is longer than its value */
    size_t number = 1;
    MDB_val key = {sizeof number, &number}, value = {(size_t)(3 * page_size), NULL};
    MUST(mdb_put(txn, tables[2], &key, &value, MDB_RESERVE));
    memset(value.mv_data, 1, value.mv_size);
    value = (MDB_val){5, &number};
    MUST(mdb_put(txn, tables[2], &key, &value, 0));
    MUST(mdb_txn_commit(txn));
    mdb_env_close(env);
}

/* Thousands of keys in random order, most of them deleted again. */
static void build_large(const char *path)
{
    uint8_t bytes[KEY_SIZE_MAX];
    MDB_dbi table;
    MDB_txn *txn;
    page_size_wanted = 4096;
    files_remove(path);
    MDB_env *env = env_open(path);
    for (int commit = 0; commit < 30; commit++) {
        MUST(mdb_txn_begin(env, NULL, 0, &txn));
        MUST(mdb_dbi_open(txn, "ids", MDB_CREATE, &table));
        for (int i = 0; i < 1000; i++) {
            MDB_val key = random_key(0, commit % 2 ? 30 : KEY_SIZE_MAX, 1000000, bytes),
                    value = random_value(64);
            MUST(mdb_put(txn, table, &key, &value, 0));
        }
        if (commit % 10 == 9) table_write(txn, table, 64, 9000);
        MUST(mdb_txn_commit(txn));
    }
    mdb_env_close(env);
}

/* ---------------------------------------------------------------- tests */

static void test_whole_files(long page_size)
{
    mv_error error;
    build(base_path, page_size, 40);
    image base = image_read(base_path);
    EXPECT(number_at(base.bytes + LAYOUT_FREE_AT, 4) == (uint64_t)page_size);
    EXPECT(!check(&base, true) && !check(&base, false));
    for (size_t slot = 0; slot < 2; slot++) { /* the commit before the last one is whole, too */
        uint64_t txn_id = layout_number(base.bytes + slot * base.page_size + LAYOUT_COMMIT_AT);
        EXPECT(!catalog_check_pages(base.bytes, base.size, txn_id, true, "catalog.mdb", &error));
        EXPECT(catalog_check_pages(base.bytes, base.size, txn_id + 2, true, "catalog.mdb",
                                   &error) == MV_BUSY);
    }
    EXPECT(use_in_child(&base, true));
    EXPECT(!check_path(copy_path)); /* the compact copy that the child made */
    image_free(&base);
}

static void test_empty_file(void)
{
    MDB_txn *txn;
    MDB_dbi table;
    files_remove(base_path);
    MDB_env *env = env_open(base_path);
    EXPECT(!check_path(base_path));
    MUST(mdb_txn_begin(env, NULL, 0, &txn));
    MUST(mdb_dbi_open(txn, "ids", MDB_CREATE, &table));
    MUST(mdb_txn_commit(txn));
    EXPECT(!check_path(base_path));
    files_remove(copy_path);
    MUST(mdb_env_copy2(env, copy_path, MDB_CP_COMPACT));
    EXPECT(!check_path(copy_path));
    mdb_env_close(env);
    EXPECT(catalog_check_pages("", 0, 0, true, "catalog.mdb", NULL) == MV_CORRUPT);
}

static void test_unexpected_tables(void)
{
    static const unsigned flags[] = {MDB_DUPSORT, MDB_DUPSORT | MDB_DUPFIXED, MDB_REVERSEKEY};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        MDB_txn *txn;
        MDB_dbi table;
        files_remove(base_path);
        MDB_env *env = env_open(base_path);
        MUST(mdb_txn_begin(env, NULL, 0, &txn));
        MUST(mdb_dbi_open(txn, "ids", flags[i] | MDB_CREATE, &table));
        MUST(mdb_txn_commit(txn));
        mdb_env_close(env);
        image found = image_read(base_path);
        EXPECT(check(&found, true) == MV_CORRUPT && check(&found, false) == MV_CORRUPT);
        image_free(&found);
    }
}

static void test_version_and_memory(const image *base)
{
    image other = {mem_alloc(base->size), base->size, base->page_size};
    memcpy(other.bytes, base->bytes, base->size);
    other.bytes[LAYOUT_VERSION_AT] = 2;
    EXPECT(check(&other, true) == MV_WRONG_VERSION);
    image_free(&other);
    mv_err err = MV_NO_MEMORY;
    size_t before = mem_bytes();
    for (uint64_t n = 1; err == MV_NO_MEMORY && n < 100; n++) {
        mem_fail_at(n, false);
        err = check(base, true);
    }
    mem_fail_at(0, false);
    EXPECT(err == MV_OK && mem_bytes() == before);
}

/* The beginning of a file that LMDB made in a program of the other width. */
static void test_other_width(void)
{
    static const char *const names[] = {"ids"};
    enum { PAGES = 2 * 4096 };
    image other = {mem_alloc_zero(PAGES), PAGES, 4096};
    const uint16_t flags = 8;
    const uint32_t magic = 0xbeefc0de;
    catalog_identity identity = CATALOG_OURS;
    mv_error error = {0};
    memcpy(other.bytes + LAYOUT_FLAGS_AT_OF(LAYOUT_OTHER_SIZE), &flags, sizeof flags);
    memcpy(other.bytes + LAYOUT_HEADER_SIZE_OF(LAYOUT_OTHER_SIZE), &magic, sizeof magic);
    mv_err err = catalog_check_pages(other.bytes, other.size, 0, true, "catalog.mdb", &error);
    EXPECT(err == MV_WRONG_VERSION && strstr(error.text, "cannot share a collection"));
    EXPECT(!catalog_check_identity(other.bytes, other.size, names, 1, &identity, &error));
    EXPECT(identity == CATALOG_OTHER_WIDTH);
    image_free(&other);
}

/* Every byte of the meta pages; LMDB tries those with a meaning, and some of the others. */
static void test_meta_flips(const image *base)
{
    static const uint8_t masks[] = {0x01, 0x08, 0x80, 0xff};
    bool ok = true;
    for (size_t at = 0; at < 2 * base->page_size; at++) {
        for (size_t m = 0; m < sizeof masks; m++) {
            base->bytes[at] ^= masks[m];
            ok &= trial(base, at % (at % base->page_size < LAYOUT_META_SIZE ? 4 : 1024) == m);
            base->bytes[at] ^= masks[m];
        }
    }
    EXPECT(ok);
}

static void test_flips(const image *base, int count)
{
    bool ok = true;
    for (int n = 0; n < count; n++) {
        size_t at = 2 * base->page_size + random_below(base->size - 2 * base->page_size);
        uint8_t mask = (uint8_t)(1 + random_below(255));
        base->bytes[at] ^= mask;
        ok &= trial(base, n % 8 == 0);
        base->bytes[at] ^= mask;
    }
    EXPECT(ok);
}

/* Cut off anywhere: the shallow check finds what the deep one does. What is accepted lacks free
 * pages. */
static void test_truncation(const image *base)
{
    bool ok = true;
    unsigned accepted = 0;
    size_t pages = base->size / base->page_size, cuts = pages + 300;
    for (size_t n = 0; n < cuts; n++) {
        size_t size = n < pages ? n * base->page_size : random_below(base->size);
        image cut = {mem_alloc(size), size, base->page_size};
        memcpy(cut.bytes, base->bytes, size);
        mv_err deep = check(&cut, true);
        ok &=
            (deep == MV_OK) == (check(&cut, false) == MV_OK) && (deep || use_in_child(&cut, false));
        accepted += !deep;
        image_free(&cut);
    }
    EXPECT(ok && accepted < cuts / 4);
}

static bool damage_trials(const image *base, int count)
{
    bool ok = true;
    image work = {mem_alloc(base->size), base->size, base->page_size};
    for (int n = 0; n < count && ok; n++) {
        uint64_t seed = random_state;
        memcpy(work.bytes, base->bytes, base->size);
        for (size_t steps = random_below(4) ? 0 : random_below(30); steps; steps--) thin_out(&work);
        for (size_t steps = random_below(4) ? 1 : random_below(4); steps; steps--) damage(&work);
        ok = trial(&work, true);
        if (!ok) printf("seed of this trial: %" PRIu64 ", page size %zu\n", seed, base->page_size);
    }
    image_free(&work);
    return ok;
}

static uint64_t size_of(os_file file)
{
    uint64_t size = 0;
    MUST(os_size(file, &size, base_path, NULL));
    return size;
}

/* In a child: commit until killed. */
static void commit_live(void)
{
    MDB_dbi tables[TABLES_MAX];
    MDB_env *env = env_open(base_path);
    for (unsigned commit = 0;; commit++) {
        MDB_txn *txn;
        MUST(mdb_txn_begin(env, NULL, 0, &txn));
        unsigned count = tables_open(txn, tables);
        for (unsigned i = 0; i < count; i++) {
            if (commit % 50 == 49) table_delete_all(txn, tables[i]); /* so that they stay small */
            table_write(txn, tables[i], 4096, 2);
        }
        MUST(mdb_txn_commit(txn));
    }
}

static size_t newest_commit(MDB_env *env)
{
    MDB_envinfo info = {0};
    (void)mdb_env_info(env, &info);
    return info.me_last_txnid;
}

/* Verify while another process commits: fine or busy, never damaged. In every fourth round that
 * process is stopped, wherever it is: then it must be fine. In the others, a check that takes
 * longer than two commits is always busy. */
static void test_live_file(void)
{
    build(base_path, 4096, 10);
    (void)fflush(stdout);
    pid_t writer = fork();
    if (writer < 0) exit(1); /* kill(-1, ...) is for all processes of the machine */
    if (writer == 0) commit_live();
    unsigned refused = 0, damaged = 0;
    MDB_env *env = env_open(base_path);
    for (unsigned round = 0; round < LIVE_ROUNDS; round++) {
        MDB_txn *txn;
        mv_error error;
        os_file file = OS_FILE_NONE;
        uint64_t size = 0;
        const void *bytes = NULL;
        int status = 0;
        bool stopped = round % 4 == 0;
        size_t before = newest_commit(env);
        WAIT_UNTIL(newest_commit(env) > before || waitpid(writer, NULL, WNOHANG) != 0);
        if (stopped)
            EXPECT(!kill(writer, SIGSTOP) && waitpid(writer, &status, WUNTRACED) == writer);
        MUST(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
        MUST(os_open_read(base_path, &file, &size, NULL));
        MUST(os_map(file, (size_t)size, &bytes, base_path, NULL));
        mv_err err =
            catalog_check_pages(bytes, (size_t)size, mdb_txn_id(txn), true, "catalog.mdb", &error);
        mdb_txn_abort(txn);
        refused += stopped && err;
        damaged += err && err != MV_BUSY;
        if (err && err != MV_BUSY) printf("%s\n", error.text);
        err = catalog_check_pages(bytes, (size_t)size, 0, random_below(2), "catalog.mdb", &error);
        refused += stopped && err;
        damaged += err && err != MV_BUSY && size_of(file) == size; /* and it has not grown */
        os_unmap(bytes, (size_t)size);
        os_close(file);
        (void)kill(writer, SIGCONT);
    }
    mdb_env_close(env);
    EXPECT(waitpid(writer, NULL, WNOHANG) == 0); /* it has met no error */
    (void)kill(writer, SIGKILL);
    (void)waitpid(writer, NULL, 0);
    EXPECT(refused == 0 && damaged == 0);
}

static void test_large_file(void)
{
    build_large(base_path);
    EXPECT(!check_path(base_path));
}

static void test_random_damage(const image *base, int count)
{
    EXPECT(damage_trials(base, count));
}

static void run_all(void)
{
    static const long page_sizes[] = {2048, 4096, 8192, 16384, 32768};
    random_state = 1;
    for (size_t i = 0; i < sizeof page_sizes / sizeof *page_sizes; i++)
        RUN(test_whole_files(page_sizes[i]));
    page_size_wanted = 4096;
    RUN(test_empty_file());
    RUN(test_unexpected_tables());
    RUN(test_other_width());
    RUN(test_live_file());
    RUN(test_large_file());
    build(base_path, 4096, 8);
    image base = image_read(base_path);
    EXPECT(!check(&base, true));
    RUN(test_version_and_memory(&base));
    RUN(test_meta_flips(&base));
    RUN(test_flips(&base, 4000));
    RUN(test_truncation(&base));
    RUN(test_random_damage(&base, 600));
    image_free(&base);
    build(base_path, 2048, 4);
    base = image_read(base_path);
    RUN(test_random_damage(&base, 200));
    image_free(&base);
}

static void test_with_random_files(double seconds, uint64_t seed)
{
    static const long page_sizes[] = {4096, 2048, 4096, 32768};
    random_state = seed;
    bool ok = true;
    double end = os_seconds() + seconds;
    for (size_t round = 0; ok && os_seconds() < end; round++) {
        build(base_path, page_sizes[round % 4], 1 + (int)random_below(12));
        image base = image_read(base_path);
        EXPECT(!check(&base, true) && !check(&base, false));
        while (ok && os_seconds() < end && random_below(40)) ok = damage_trials(&base, 100);
        EXPECT(ok);
        image_free(&base);
    }
}

static void test_nothing_is_left(const char *directory)
{
    files_remove(base_path);
    files_remove(child_path);
    files_remove(copy_path);
    EXPECT(rmdir(directory) == 0);
}

int main(int count, char **arguments)
{
    char in_memory[] = "/dev/shm/moonvec-catalog-check-test-XXXXXX";
    char on_disk[] = "/tmp/moonvec-catalog-check-test-XXXXXX";
    char *made = mkdtemp(in_memory); /* faster, where there is one */
    if (!made) made = mkdtemp(on_disk);
    if (!made) {
        printf("no temporary directory\n");
        return tests_conclude();
    }
    (void)snprintf(base_path, sizeof base_path, "%s/base.mdb", made);
    (void)snprintf(child_path, sizeof child_path, "%s/child.mdb", made);
    (void)snprintf(copy_path, sizeof copy_path, "%s/copy.mdb", made);
    if (count == 4 && strcmp(arguments[1], "fuzz") == 0)
        RUN(test_with_random_files(atof(arguments[2]), strtoull(arguments[3], NULL, 10)));
    else
        run_all();
    RUN(test_nothing_is_left(made));
    RUN(test_memory_is_freed(0));
    printf("%" PRIu64 " files damaged on purpose: %" PRIu64 " refused, %" PRIu64 " usable\n",
           trials, trials - trials_accepted, trials_accepted);
    return tests_conclude();
}

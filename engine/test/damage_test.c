/* Damaged and hostile files: a collection is copied, one thing is done to its files, and it is
 * used.
 *
 *   damage_test                  a sample with a fixed seed
 *   damage_test SECONDS SEED     random damage for that long
 *
 * Opened with `verify` it must be refused, or hold exactly what it held. Opened without, damage in
 * segment files may give errors, but no crash and no hang, and mv_check finds every changed byte
 * that is used; also one that changes while the collection is open. (A damaged catalog is LMDB's to
 * read when `verify` is not asked for: not tried here.) Everything runs in a forked child; a child
 * that dies is reported with what it was at. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "storage/catalog.h"
#include "storage/section_format.h"
#include "test/sample.h"

#define DOCUMENTS     400u
#define CATALOG_FILES 3u                    /* with its lock files */
#define SEGMENT_FILES (2u + SAMPLE_VECTORS) /* rows, a column, vectors */
#define FILES_MAX     16u
#define TRIALS_MAX    60000u

typedef struct file {
    char name[64];
    uint8_t *bytes;
    size_t size;
    bool segment;
} file;

static file files[FILES_MAX], others[FILES_MAX]; /* of the collection, and of one much like it */
static uint32_t files_count, others_count;
static uint8_t versions[DOCUMENTS];
static uint64_t random_state = 1;

typedef enum damage { FLIP, TRUNCATE, EXTEND, EXCHANGE, REMOVE, REPLACE, DAMAGES } damage;
static const char *const damage_names[DAMAGES] = {"flip bit of byte", "truncate to",
                                                  "extend by",        "exchange with file",
                                                  "remove",           "replace by other"};

typedef struct trial {
    damage what;
    uint32_t file;
    size_t at; /* byte, size, or other file */
    uint8_t bit;
} trial;

static trial trials[TRIALS_MAX];
static uint32_t trials_count;

/* Shared with the child. */
typedef struct progress {
    uint32_t next;    /* trial */
    uint32_t refused; /* on opening with verify */
    uint32_t unharmed;
    uint32_t errors; /* without verify: opened, and some call failed */
    int held, unmet; /* by the child */
} progress;

static progress *shared;

static size_t below(size_t limit)
{
    return limit ? (size_t)(mix(random_state++) % limit) : 0;
}

/* ---------------------------------------------------------------- the collection */

/* Two segments with deleted rows, of which the last scalar and vector fields came later, and fresh
 * rows. */
static void build(const char *path, uint32_t version, uint8_t *there)
{
    mv_collection *c = NULL;
    uint64_t deleted;
    WORKS(sample_open(path, (mv_open_options){.manual_maintenance = true}, &c));
    for (uint32_t first = 0; first < 300; first += 150) {
        mv_job *job = NULL;
        mv_progress ignored;
        bool more;
        WORKS(sample_write(c, MV_INSERT, first, first + 150, version));
        WORKS(mv_optimize_begin(c, NULL, &job, &error));
        WORKS(mv_optimize_step(job, 0, &more, &ignored, &error)); /* only seals */
        mv_job_free(job);
    }
    for (uint32_t n = 0; n < 340; n++) there[n] = (uint8_t)version;
    WORKS(mv_drop_column(c, sample_fields[SAMPLE_FIELDS - 1].name, &error));
    WORKS(mv_drop_column(c, sample_vectors[SAMPLE_VECTORS - 1].name, &error));
    WORKS(sample_add_column(c, false, SAMPLE_FIELDS - 1, sample_fields[SAMPLE_FIELDS - 1].name,
                            there));
    WORKS(sample_add_column(c, true, SAMPLE_VECTORS - 1, sample_vectors[SAMPLE_VECTORS - 1].name,
                            there));
    WORKS(sample_write(c, MV_INSERT, 300, 340, version));
    for (uint32_t n = 3; n < 340; n += 9) {
        WORKS(sample_delete(c, n, &deleted));
        there[n] = 0;
    }
    HOLDS(c, there, DOCUMENTS);
    WORKS(mv_close(c, &error));
}

static uint32_t load(const char *path, file *out)
{
    static const char *const names[CATALOG_FILES] = {CATALOG_FILE, CATALOG_LOCK_FILE,
                                                     CATALOG_WRITERS_FILE};
    const uint32_t uids =
        SAMPLE_FIELDS + SAMPLE_VECTORS; /* those of the vectors follow the others */
    uint32_t count = 0;
    for (uint32_t i = 0; i < CATALOG_FILES + 2 * SEGMENT_FILES; i++) {
        file *f = &out[count];
        char full[256];
        uint32_t part = (i - CATALOG_FILES) % SEGMENT_FILES,
                 segment = 1 + (i - CATALOG_FILES) / SEGMENT_FILES;
        if (i < CATALOG_FILES)
            (void)snprintf(f->name, sizeof f->name, "%s", names[i]);
        else if (part == 0)
            (void)snprintf(f->name, sizeof f->name, "%06u.rows", segment);
        else if (part < SAMPLE_VECTORS)
            (void)snprintf(f->name, sizeof f->name, "%06u.%u.vec", segment, SAMPLE_FIELDS + part);
        else /* those that came later */
            (void)snprintf(f->name, sizeof f->name, "%06u.%u.%s", segment,
                           uids + 1 + part - SAMPLE_VECTORS,
                           part == SAMPLE_VECTORS ? "col" : "vec");
        (void)snprintf(full, sizeof full, "%s/%s", path, f->name);
        FILE *from = fopen(full, "rb");
        EXPECT(from);
        if (!from) continue;
        (void)fseek(from, 0, SEEK_END);
        f->size = (size_t)ftell(from);
        rewind(from);
        f->bytes = mem_alloc(f->size);
        EXPECT(fread(f->bytes, 1, f->size, from) == f->size);
        (void)fclose(from);
        f->segment = i >= CATALOG_FILES;
        count++;
    }
    return count;
}

static void unload(file *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) mem_free(from[i].bytes, from[i].size);
}

static void store(const char *path, const char *name, const uint8_t *bytes, size_t size)
{
    char full[256];
    if (snprintf(full, sizeof full, "%s/%s", path, name) >= (int)sizeof full) abort();
    FILE *to = fopen(full, "wb");
    if (!to || fwrite(bytes, 1, size, to) != size || fclose(to)) abort();
}

/* ---------------------------------------------------------------- doing damage */

static void store_damaged(const char *path, const trial *t)
{
    static uint8_t changed[1 << 20];
    const file *f = &files[t->file], *other = &files[t->at % files_count];
    if (t->what == REMOVE) return;
    if (t->what == EXCHANGE) f = other;
    if (t->what == REPLACE) f = &others[t->file];
    size_t size = f->size;
    memcpy(changed, f->bytes, size);
    if (t->what == FLIP) changed[t->at] ^= (uint8_t)(1u << t->bit);
    if (t->what == TRUNCATE) size = t->at;
    for (size_t i = 0; t->what == EXTEND && i < t->at; i++) changed[size++] = (uint8_t)(i * t->bit);
    store(path, files[t->file].name, changed, size);
}

static void copy_damaged(const char *path, const trial *t)
{
    remove_tree(path);
    if (mkdir(path, 0700)) abort();
    for (uint32_t i = 0; i < files_count; i++)
        if (i != t->file) store(path, files[i].name, files[i].bytes, files[i].size);
    store_damaged(path, t);
    if (t->what == EXCHANGE && t->at % files_count != t->file) {
        const file *f = &files[t->file];
        store(path, files[t->at % files_count].name, f->bytes, f->size);
    }
}

/* Is the byte of a segment file in its header, its table or a section, and not in a gap between
 * them? */
static bool is_used(const file *f, size_t at)
{
    section_header header;
    memcpy(&header, f->bytes, sizeof header);
    if (at < sizeof header || at >= header.table_offset) return true;
    for (uint32_t i = 0; i < header.sections; i++) {
        section_entry entry;
        memcpy(&entry, f->bytes + header.table_offset + i * sizeof entry, sizeof entry);
        if (at >= entry.offset && at - entry.offset < entry.size) return true;
    }
    return false;
}

static bool must_be_found(const trial *t)
{
    const file *f = &files[t->file];
    if (!f->segment) return false;
    switch (t->what) {
    case FLIP: return is_used(f, t->at);
    case TRUNCATE: return t->at < f->size;
    case EXTEND: return t->at > 0;
    case EXCHANGE: return t->at % files_count != t->file;
    default: return true;
    }
}

/* ---------------------------------------------------------------- using what is damaged */

static void try_verified(const char *path, const trial *t)
{
    mv_collection *c = NULL;
    bool equal = false;
    copy_damaged(path, t);
    mv_err err = mv_open(path, &(mv_open_options){.verify = true}, &c, &error);
    if (err) {
        shared->refused++;
        EXPECT(err == MV_CORRUPT || err == MV_WRONG_VERSION);
        EXPECT(error.code == err && error.text[0]);
        return;
    }
    shared->unharmed++;
    EXPECT(!must_be_found(t));
    WORKS(sample_verify(c, versions, DOCUMENTS, &equal));
    EXPECT(equal);
    WORKS(sample_write(c, MV_UPSERT, 0, DOCUMENTS, 9));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_check(c, &error));
    WORKS(mv_close(c, &error));
}

static bool read_everything(mv_collection *c, mv_result *result)
{
    static const char *const texts[] = {"title LIKE '%a%' OR year IS NULL",
                                        "id > 'd0001' AND flag = true",
                                        "tags CONTAIN_ANY ('a', 'b') OR array_length(codes) > 1",
                                        "ratio < 5.5 OR big >= 7 OR count = 3 OR small > 1"};
    bool equal, whole = true;
    uint64_t count;
    for (uint32_t n = 0; n < DOCUMENTS; n++)
        whole = !sample_fetch(c, result, n, versions[n], &equal) && whole;
    for (uint32_t v = 0; v < SAMPLE_VECTORS; v++) {
        float vector[SAMPLE_DIM_MAX];
        sample_vector(5, 1, (int)v, vector);
        mv_query query = {.vector_field = v,
                          .vectors = vector,
                          .vectors_count = 1,
                          .dim = sample_vectors[v].dim,
                          .topk = DOCUMENTS};
        whole = !mv_search(c, &query, result, &error) && whole;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        mv_filter filter = {texts[i], strlen(texts[i]), NULL, 0};
        whole = !mv_count(c, &filter, &count, &error) && whole;
        mv_query query = {
            .filter = &filter, .topk = 20, .order_by = i % 2 ? "id DESC" : "title, year"};
        whole = !mv_search(c, &query, result, &error) && whole;
        size_t hits = 0;
        (void)mv_result_hits(result, &hits);
        for (size_t at = 0; at < hits; at++)
            whole = !sample_compare(result, at, 5, 1, &equal) && whole;
    }
    return whole;
}

static bool walk(mv_collection *c, mv_result *result)
{
    mv_iterator *iterator = NULL;
    bool equal, found = true;
    mv_err err = mv_iterator_open(c, NULL, &iterator, &error);
    while (!err && found) {
        err = mv_iterator_next(iterator, result, &found, &error);
        if (!err && found) (void)sample_compare(result, 0, 5, 1, &equal);
    }
    mv_result_clear(result);
    mv_iterator_close(iterator);
    return !err;
}

static bool write_everything(mv_collection *c, bool damaged)
{
    mv_filter filter = {"big > 0", 7, NULL, 0};
    uint64_t deleted;
    bool whole = !sample_write(c, MV_UPDATE, 0, 3, 2);
    whole = !sample_delete(c, 4, &deleted) && whole;
    whole = !mv_delete_by_filter(c, &filter, &deleted, &error) && whole;
    mv_err err = optimize_all(c, 1000);
    EXPECT(damaged ? err == MV_CORRUPT : err == MV_OK); /* never copied under a fresh checksum */
    return !sample_write(c, MV_UPSERT, 0, 50, 3) && whole;
}

static void try_unverified(const char *path, const trial *t)
{
    mv_collection *c = NULL;
    mv_result *result = NULL;
    copy_damaged(path, t);
    mv_err err = mv_open(path, &(mv_open_options){0}, &c, &error);
    EXPECT(err == MV_OK || err == MV_CORRUPT || err == MV_WRONG_VERSION);
    if (err) return;
    bool damaged = must_be_found(t);
    err = mv_check(c, &error);
    EXPECT(damaged ? err == MV_CORRUPT || err == MV_WRONG_VERSION : err == MV_OK);
    WORKS(mv_result_create(c, &result, &error));
    bool whole = walk(c, result);
    mv_stats stats;
    if (!mv_get_stats(c, &stats, &error)) { /* else it is the same for every call */
        whole = read_everything(c, result) && whole;
        whole = write_everything(c, damaged) && whole;
    }
    shared->errors += !whole;
    mv_result_free(result);
    (void)mv_close(c, &error);
}

/* Damage that comes while the collection is open, as from a bad disk, is found by mv_check. */
static void try_while_open(const char *path, const trial *t)
{
    mv_collection *c = NULL;
    mv_result *result = NULL;
    char full[256];
    bool equal = false;
    const file *f = &files[t->file];
    trial whole = {.what = TRUNCATE, .file = 0, .at = files[0].size};
    copy_damaged(path, &whole);
    WORKS(mv_open(path, &(mv_open_options){0}, &c, &error));
    WORKS(mv_result_create(c, &result, &error));
    WORKS(sample_fetch(c, result, 0, versions[0], &equal));
    mv_result_clear(result);
    (void)snprintf(full, sizeof full, "%s/%s", path, f->name);
    FILE *to = fopen(full, "r+b");
    if (!to || fseek(to, (long)t->at, SEEK_SET) ||
        fputc(f->bytes[t->at] ^ (1 << t->bit), to) == EOF || fclose(to))
        abort();
    mv_err err = mv_check(c, &error);
    EXPECT(err == MV_CORRUPT || (err == MV_OK && !must_be_found(t)));
    if (err == MV_OK) {
        WORKS(sample_verify(c, versions, DOCUMENTS, &equal));
        EXPECT(equal);
    } else if (f->segment) {
        (void)walk(c, result);
        (void)read_everything(c, result);
        (void)write_everything(c, true);
    }
    mv_result_free(result);
    (void)mv_close(c, &error);
}

/* ---------------------------------------------------------------- trials */

static void add_trial(damage what, uint32_t on, size_t at)
{
    if (trials_count < TRIALS_MAX)
        trials[trials_count++] = (trial){what, on, at, (uint8_t)below(8)};
}

/* Every byte of header and section table, some of each section, lengths all over. */
static void plan_file(uint32_t on, uint32_t flips)
{
    const file *f = &files[on];
    section_header header = {0};
    if (f->segment) {
        memcpy(&header, f->bytes, sizeof header);
        for (size_t at = 0; at < sizeof header; at++) add_trial(FLIP, on, at);
        for (size_t at = (size_t)header.table_offset; at < f->size; at += 1 + below(4))
            add_trial(FLIP, on, at);
    }
    for (uint32_t i = 0; i < header.sections; i++) {
        section_entry entry;
        memcpy(&entry, f->bytes + header.table_offset + i * sizeof entry, sizeof entry);
        for (uint32_t flip = 0; flip < flips && entry.size; flip++)
            add_trial(FLIP, on, (size_t)entry.offset + below((size_t)entry.size));
    }
    for (uint32_t flip = 0; flip < 8 * flips; flip++) add_trial(FLIP, on, below(f->size));
    for (uint32_t cut = 0; cut < flips; cut++) {
        add_trial(TRUNCATE, on, below(f->size));
        add_trial(TRUNCATE, on, cut * 8);
        add_trial(TRUNCATE, on, f->size - 1 - cut);
    }
    add_trial(EXTEND, on, 1);
    add_trial(EXTEND, on, 4096);
    add_trial(REMOVE, on, 0);
    add_trial(REPLACE, on, 0);
    for (uint32_t other = 0; other < files_count; other++) add_trial(EXCHANGE, on, other);
}

static void plan_random(void)
{
    trials_count = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t on = (uint32_t)below(files_count);
        if (below(4))
            add_trial(FLIP, on, below(files[on].size));
        else
            add_trial(TRUNCATE, on, below(files[on].size));
    }
}

/* In the child, from the next trial on. */
static void run_trials(const char *path)
{
    size_t bytes_before = mem_bytes();
    held = unmet = 0;
    while (shared->next < trials_count) {
        const trial *t = &trials[shared->next];
        int unmet_before = unmet;
        (void)alarm(HANG_SECONDS);
        try_verified(path, t);
        if (files[t->file].segment && (t->what != EXCHANGE || t->at % files_count >= CATALOG_FILES))
            try_unverified(path, t);
        if (t->what == FLIP && (t->file == 0 || t->file >= CATALOG_FILES)) /* no lock in use */
            try_while_open(path, t);
        EXPECT(mem_bytes() == bytes_before);
        if (unmet > unmet_before)
            printf("    after: %s: %s %zu, bit %u\n", files[t->file].name, damage_names[t->what],
                   t->at, t->bit);
        shared->held += held, shared->unmet += unmet;
        held = unmet = 0;
        shared->next++;
    }
}

/* Say for the next expectation which trial ended its process. */
static void say_trial(const trial *t, int status)
{
    bool hangs = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
    doing_now("%s with status %d: %s: %s %zu, bit %u", hangs ? "hangs" : "dies", status,
              files[t->file].name, damage_names[t->what], t->at, t->bit);
}

static void run_in_children(const char *path)
{
    for (shared->next = 0; shared->next < trials_count && unmet < 30; shared->next++) {
        int status = 0;
        (void)fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            run_trials(path);
            (void)fflush(stdout);
            _exit(0);
        }
        if (child == -1 || waitpid(child, &status, 0) != child) abort();
        held += shared->held, unmet += shared->unmet;
        shared->held = shared->unmet = 0;
        bool is_alive = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (!is_alive) say_trial(&trials[shared->next], status);
        EXPECT(is_alive);
    }
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static char victim[128];
static uint32_t done;

static void test_damaged_file(uint32_t on)
{
    trials_count = 0;
    plan_file(on, files[on].segment ? 2 : 20);
    run_in_children(victim);
    done += trials_count;
}

static void test_random_damage(double for_seconds)
{
    for (double until = seconds() + for_seconds; seconds() < until && unmet < 30;) {
        plan_random();
        run_in_children(victim);
        done += trials_count;
    }
}

int main(int count, char **arguments)
{
    uint8_t ignored[DOCUMENTS] = {0};
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || !sample_place_make("damage")) return tests_conclude();
    build(sample_path("base"), 1, versions);
    build(sample_path("other"), 2, ignored);
    files_count = load(sample_path("base"), files);
    others_count = load(sample_path("other"), others);
    EXPECT(files_count == others_count && files_count == CATALOG_FILES + 2 * SEGMENT_FILES);
    (void)snprintf(victim, sizeof victim, "%s", sample_path("victim"));
    if (count == 3) {
        random_state = strtoull(arguments[2], NULL, 10);
        RUN(test_random_damage(atof(arguments[1])));
    } else {
        for (uint32_t on = 0; on < files_count; on++)
            RUN_WITH(files[on].name, test_damaged_file(on));
    }
    unload(files, files_count);
    unload(others, others_count);
    remove_tree(sample_place);
    printf(
        "%u kinds of damage: %u refused with verify, %u harmless; without verify %u gave errors\n",
        done, shared->refused, shared->unharmed, shared->errors);
    return tests_conclude();
}

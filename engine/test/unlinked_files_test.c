/* Files that were unlinked stay open until the thread of maintenance closes them. It also unmaps the
 * files that no view names any more. */
#include "open/unlinked_files.h"

#include <fcntl.h>

#include "test/graph_sample.h"
#include "transaction/handle.h"

#define ROWS 5000u

static mv_collection *open_there(const char *name, bool manual, engine **e)
{
    mv_collection *c = NULL;
    memset(graph_there, 0, sizeof graph_there);
    WORKS(graph_open(sample_path(name), (mv_open_options){.manual_maintenance = manual}, &c));
    WORKS(handle_engine(c, e, &error));
    return c;
}

static void make_file(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    EXPECT(file >= 0 && write(file, "x", 1) == 1 && !close(file));
}

/* Open files of this process that have no name any more. */
static uint32_t count_nameless(void)
{
    uint32_t count = 0;
    char link[300], target[4096];
    DIR *files = opendir("/proc/self/fd");
    for (struct dirent *entry; files && (entry = readdir(files));) {
        (void)snprintf(link, sizeof link, "/proc/self/fd/%s", entry->d_name);
        ssize_t size = readlink(link, target, sizeof target - 1);
        target[size < 0 ? 0 : size] = 0;
        count += strstr(target, " (deleted)") != NULL;
    }
    if (files) (void)closedir(files);
    return count;
}

/* Files that are mapped and have no name any more. */
static uint32_t count_nameless_maps(void)
{
    uint32_t count = 0;
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        count += strstr(line, sample_place) && strstr(line, " (deleted)");
    if (maps) (void)fclose(maps);
    return count;
}

static void test_kept_for_a_while(void)
{
    engine *e = NULL;
    mv_collection *c = open_there("kept", true, &e);
    make_file(sample_path("kept/one"));
    WORKS(unlinked_files_add(e, sample_path("kept/none"), &error));
    EXPECT(atomic_load(&e->unlinked_count) == 0 && unlinked_files_close_due(e) < 0);
    WORKS(unlinked_files_add(e, sample_path("kept/one"), &error));
    EXPECT(access(sample_path("kept/one"), F_OK) != 0 && count_nameless() == 1);
    double left = unlinked_files_close_due(e);
    EXPECT(left > 0 && left <= UNLINKED_SECONDS && count_nameless() == 1);
    e->unlinked[0].at -= UNLINKED_SECONDS;
    EXPECT(unlinked_files_close_due(e) < 0 && count_nameless() == 0);
    for (uint32_t i = 0; i < ENGINE_UNLINKED_MAX + 1; i++) {
        make_file(sample_path("kept/one"));
        WORKS(unlinked_files_add(e, sample_path("kept/one"), &error));
    }
    EXPECT(count_nameless() == ENGINE_UNLINKED_MAX);
    WORKS(mv_close(c, &error));
    EXPECT(count_nameless() == 0);
}

/* Without a thread of maintenance, the one that unlinked a file closes it. */
static void test_manual(void)
{
    engine *e = NULL;
    mv_collection *c = open_there("manual", true, &e);
    WORKS(graph_write(c, 0, ROWS, ROWS));
    WORKS(graph_write(c, 0, ROWS, ROWS));
    WORKS(optimize_all(c, 1000));
    WORKS(graph_write(c, 0, 1, 1));
    EXPECT(graph_stats(c, PLAIN).segments == 1);
    EXPECT(count_nameless() == 0);
    EXPECT(count_nameless_maps() == 0 && !e->closed);
    WORKS(mv_close(c, &error));
}

static void test_maintained(void)
{
    engine *e = NULL;
    mv_stats stats = {0};
    mv_collection *c = open_there("maintained", false, &e);
    WORKS(graph_write(c, 0, ROWS, ROWS));
    WORKS(graph_write(c, 0, ROWS, ROWS));
    do {
        (void)usleep(2000);
        WORKS(mv_get_stats(c, &stats, &error));
    } while (stats.is_maintained);
    WORKS(graph_write(c, 0, 1, 1)); /* unlinks what was replaced */
    EXPECT(graph_files(sample_path("maintained"), ".hnsw", NULL) == GRAPH_FIELDS);
    EXPECT(count_nameless() == atomic_load(&e->unlinked_count));
    WORKS(mv_get_stats(c, &stats, &error)); /* releases the view that names them */
    double until = os_seconds() + 60;
    while (count_nameless_maps() && os_seconds() < until) (void)usleep(2000);
    EXPECT(count_nameless_maps() == 0);
    WORKS(mv_close(c, &error));
    EXPECT(count_nameless() == 0);
}

int main(void)
{
    if (!sample_place_make("unlinked")) return tests_conclude();
    RUN(test_kept_for_a_while());
    RUN(test_manual());
    RUN(test_maintained());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}

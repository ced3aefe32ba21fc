/* The operating system: files, directories, mappings, locks, time. The only file with its calls in
 * it. Functions that fail name the path in the error. Writes are pwrite, never a writable mapping.
 */
#ifndef MV_OS_H
#define MV_OS_H

#include "base/error.h"

#define OS_PATH_SIZE 4096

/* ---- paths and directories */

/* "directory/name" into out[OS_PATH_SIZE]; MV_LIMIT when too long. */
mv_err os_join(char *out, const char *directory, const char *name, mv_error *error);
/* The path without links and dots; the file must exist. */
mv_err os_real_path(const char *path, char *out, mv_error *error);
typedef enum os_kind { OS_NOTHING = 0, OS_FILE, OS_DIRECTORY, OS_OTHER } os_kind;
os_kind os_look(const char *path);
mv_err os_make_directory(const char *path, mv_error *error);
mv_err os_remove_directory(const char *path, mv_error *error);
mv_err os_remove(const char *path, mv_error *error); /* a file that is not there is no error */
mv_err os_remove_in(const char *directory, const char *name, mv_error *error);
mv_err os_rename(const char *from, const char *to, mv_error *error); /* replaces `to` */
/* Hard link, or a synced copy where links are not possible (`to` must not exist). */
mv_err os_link_or_copy(const char *from, const char *to, mv_error *error);
mv_err os_sync_directory(const char *path, mv_error *error);
bool os_can_write(const char *path);
/* Make a new directory in the one that `path` is in, under a temporary name. */
mv_err os_make_directory_beside(const char *path, char *out, mv_error *error);
/* Give a directory a name that nothing has yet (or an empty directory has): else MV_EXISTS. */
mv_err os_rename_directory(const char *from, const char *to, mv_error *error);
/* Sync the directory that `path` is in. */
mv_err os_sync_parent(const char *path, mv_error *error);
/* A new private directory in memory where the system has such a place, else among temporary files.
 */
mv_err os_make_temporary_directory(char *out, mv_error *error);
/* Call `entry` for each name in a directory (not . and ..) until it fails. */
mv_err os_each_entry(const char *path,
                     mv_err (*entry)(void *ctx, const char *name, mv_error *error), void *ctx,
                     mv_error *error);

/* ---- files */

typedef int os_file;
#define OS_FILE_NONE (-1)

mv_err os_open_read(const char *path, os_file *file, uint64_t *size, mv_error *error);
/* A directory as a file that can be locked. */
mv_err os_open_directory(const char *path, os_file *file, mv_error *error);
mv_err os_create(const char *path, os_file *file,
                 mv_error *error); /* MV_EXISTS when there is one; readable too */
/* A file in memory, without a name. */
mv_err os_create_in_memory(const char *label, os_file *file, mv_error *error);
/* A path by which this process can open a file that has no name, while `file` is open. */
void os_path_of_file(os_file file, char out[64]);
mv_err os_write_at(os_file file, const void *bytes, size_t size, uint64_t offset, const char *path,
                   mv_error *error);
mv_err os_read_at(os_file file, void *bytes, size_t size, uint64_t offset, const char *path,
                  mv_error *error);
mv_err os_sync(os_file file, const char *path, mv_error *error);
mv_err os_size(os_file file, uint64_t *size, const char *path, mv_error *error);
uint64_t
os_allocated_bytes(const char *path); /* what the file system has set aside; 0 when not there */
void os_close(os_file file);          /* OS_FILE_NONE is fine */
/* Lock the whole file against other openings of it, here or in other processes; gone at close or
 * death. *got is false when someone else has it. */
mv_err os_try_lock(os_file file, bool *got, const char *path, mv_error *error);
/* The same, but shared with others who ask for a shared lock. */
mv_err os_try_lock_shared(os_file file, bool *got, const char *path, mv_error *error);
/* Does another process hold a record lock (of fcntl) on the file at `path`? Not for a file on which
 * this process holds such locks: looking lets go of them. A file that cannot be opened is not
 * locked. */
bool os_is_locked_by_others(const char *path);
/* Let go of the lock at once; closing does that only when no forked child has the file open too. */
void os_unlock(os_file file);
/* Read a whole small file; *size is at most `capacity`. */
mv_err os_read_small(const char *path, char *out, size_t capacity, size_t *size, mv_error *error);
/* Write a small file, synced with its directory, replacing what was there at once. */
mv_err os_write_small(const char *directory, const char *name, const char *bytes, size_t size,
                      mv_error *error);

/* Map a file read-only. Size 0 gives NULL. */
mv_err os_map(os_file file, size_t size, const void **bytes, const char *path, mv_error *error);
void os_unmap(const void *bytes, size_t size);
/* Only a few pages of the mapping will be touched now: nothing is to be read ahead. And the usual.
 */
void os_advise_random(const void *bytes, size_t size);
void os_advise_normal(const void *bytes, size_t size);

/* ---- threads, processes, time */

typedef struct os_mutex os_mutex;
os_mutex *os_mutex_create(void); /* NULL: no memory */
void os_mutex_lock(os_mutex *mutex);
void os_mutex_unlock(os_mutex *mutex);
void os_mutex_free(os_mutex *mutex);

/* A condition, waited for with the mutex held. */
typedef struct os_condition os_condition;
os_condition *os_condition_create(void); /* NULL: no memory */
/* Wait for a signal, or `seconds` at most (negative: for ever). May also return for no reason. */
void os_condition_wait(os_condition *condition, os_mutex *mutex, double seconds);
void os_condition_signal_all(os_condition *condition);
void os_condition_free(os_condition *condition);

/* A thread that blocks all signals: they are the host program's. */
typedef struct os_thread os_thread;
mv_err os_thread_start(void (*run)(void *ctx), void *ctx, os_thread **thread, mv_error *error);
/* Wait for its end and free it. NULL is fine. In a forked child of the process that started it, the
 * thread does not exist: it is only forgotten. */
void os_thread_join(os_thread *thread);
/* Cores that this process may run on, at least 1. */
uint32_t os_core_count(void);

/* The registry's lock: one for the process, held over fork so that the child finds it free. */
void os_process_lock(void);
void os_process_unlock(void);
/* A number that grows by one in every forked child. An object that must not be used in a child
 * stores the number when it is made, and asks os_is_forked before each use. */
uint64_t os_fork_generation(void);
/* Was the process forked since `generation` was taken? */
static inline bool os_is_forked(uint64_t generation)
{
    return generation != os_fork_generation();
}

uint64_t os_thread_id(void); /* never 0 */
double os_seconds(void);     /* monotonic */
/* A text that changes at every start of the machine; at most 63 bytes. */
mv_err os_boot_id(char out[64], mv_error *error);

#endif

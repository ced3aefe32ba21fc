/* The operating system: files, directories, mappings, locks, threads, time. All system calls of the
 * engine, except those of LMDB, are in os.c, os_owner.c, os_pages.c and os_shared_mutex.c. Errors
 * name the path. Files are written by pwrite, never through a mapping. */
#ifndef MV_OS_H
#define MV_OS_H

#include "base/error.h"

#define OS_PATH_SIZE    4096 /* bytes of a path with its 0; PATH_MAX of Linux */
#define OS_ADDRESS_BITS (8u * (unsigned)sizeof(void *))

/* The modes of new files and directories, of which the umask takes more. The daemon nginx runs with
 * the umask 0: not even then may every user write what it makes. */
#define OS_FILE_MODE      0664
#define OS_DIRECTORY_MODE 0775

/* ---- paths and directories */

/* Write "directory/name" to out[OS_PATH_SIZE]. MV_LIMIT: it is too long. */
mv_err os_join(char *out, const char *directory, const char *name, mv_error *error);
/* The path without symbolic links and dots, to out[OS_PATH_SIZE]. The file must exist. */
mv_err os_real_path(const char *path, char *out, mv_error *error);
typedef enum os_kind { OS_NOTHING = 0, OS_FILE, OS_DIRECTORY, OS_OTHER } os_kind;
/* What is at a path, links followed. Nothing: only if the system says that there is nothing; any
 * other failure to look is an error. */
mv_err os_look(const char *path, os_kind *kind, mv_error *error);
mv_err os_look_in(const char *directory, const char *name, os_kind *kind, mv_error *error);
mv_err os_make_directory(const char *path, mv_error *error);
mv_err os_remove_directory(const char *path, mv_error *error);
/* Remove a file. A file that does not exist is no error. */
mv_err os_remove(const char *path, mv_error *error);
mv_err os_remove_in(const char *directory, const char *name, mv_error *error);
mv_err os_rename(const char *from, const char *to, mv_error *error); /* replaces `to` */
/* Write a synced copy of a file. `to` must not exist. */
mv_err os_copy(const char *from, const char *to, mv_error *error);
/* Make a hard link, or a synced copy where links are not possible. `to` must not exist. */
mv_err os_link_or_copy(const char *from, const char *to, mv_error *error);
mv_err os_sync_directory(const char *path, mv_error *error);
/* Is there something that this process may write? */
mv_err os_can_write(const char *path, bool *can, mv_error *error);
/* The directory that has the entry `path`, to out[OS_PATH_SIZE]. */
mv_err os_parent(const char *path, char *out, mv_error *error);
/* Make a directory with a temporary name in the parent of `path`. Its path goes to
 * out[OS_PATH_SIZE]. */
mv_err os_make_directory_beside(const char *path, char *out, mv_error *error);
/* May os_make_directory_beside have given the name `name` to a directory beside `path`? */
bool os_is_name_beside(const char *path, const char *name);
/* Rename a directory. MV_EXISTS: `to` is something else than an empty directory. */
mv_err os_rename_directory(const char *from, const char *to, mv_error *error);
/* Let two directories exchange their names, atomically. Fails where the system or the file system
 * cannot do that. */
mv_err os_exchange_directories(const char *one, const char *other, mv_error *error);
/* Give a file or directory that root has made to the owner of `directory`, in which it is or will
 * be: other processes that use it may not be root's, such as the workers of nginx. Does nothing for
 * other users. */
void os_owner_inherit(const char *path, const char *directory);
uint64_t os_owner_self(void); /* number of the user that this process runs as */
/* Sync the parent of `path`. */
mv_err os_sync_parent(const char *path, mv_error *error);
/* Make a private directory: in memory (/dev/shm) if the system has that, else among the temporary
 * files. Its path goes to out[OS_PATH_SIZE]. */
mv_err os_make_temporary_directory(char *out, mv_error *error);
/* Call `entry` for each name in a directory, except . and .., until a call fails. */
mv_err os_each_entry(const char *path,
                     mv_err (*entry)(void *ctx, const char *name, mv_error *error), void *ctx,
                     mv_error *error);

/* ---- files */

typedef int os_file;
#define OS_FILE_NONE (-1)

/* Open /dev/null in place of stdin, stdout and stderr where they are closed, as daemons leave them. A
 * file of the engine would get their number, and what any part of the program prints would be
 * written over it. */
void os_occupy_standard_files(void);
mv_err os_open_read(const char *path, os_file *file, uint64_t *size, mv_error *error);
/* Open an existing file to write and read. */
mv_err os_open_write(const char *path, os_file *file, mv_error *error);
/* Open a directory, to lock it. */
mv_err os_open_directory(const char *path, os_file *file, mv_error *error);
/* Create a file to write and read. MV_EXISTS: there is one already. */
mv_err os_create(const char *path, os_file *file, mv_error *error);
/* Open a file to write and read; create it if there is none. */
mv_err os_open_or_create(const char *path, os_file *file, mv_error *error);
/* Create a file in memory, without a name. `label` is for debugging tools. */
mv_err os_create_in_memory(const char *label, os_file *file, mv_error *error);
/* A path by which this process can open the file again, while `file` is open. */
void os_path_of_file(os_file file, char out[64]);
mv_err os_write_at(os_file file, const void *bytes, size_t size, uint64_t offset, const char *path,
                   mv_error *error);
mv_err os_read_at(os_file file, void *bytes, size_t size, uint64_t offset, const char *path,
                  mv_error *error);
/* Start to write a range to the disk, where the system can, without waiting for it: a later os_sync
 * has less to do. Promises nothing. */
void os_pages_write_behind(os_file file, uint64_t offset, uint64_t size);
/* After a failure the dirty pages may be gone, and a second call may succeed without writing them.
 */
mv_err os_sync(os_file file, const char *path, mv_error *error);
/* Write the first `size_max` bytes of a file again, as they are read, and sync the file. Holes stay
 * holes. */
mv_err os_rewrite(const char *path, uint64_t size_max, mv_error *error);
/* Give the space of a range back to the file system, if it has some: the range becomes a hole,
 * which reads as zeros; the size of the file stays. *can is false where that is not possible. May
 * move the offset that `write` uses. */
mv_err os_make_hole(os_file file, uint64_t offset, uint64_t size, bool *can, const char *path,
                    mv_error *error);
/* Bytes that this process may still write on the file system of the file. */
mv_err os_free_bytes(os_file file, uint64_t *bytes);
mv_err os_size(os_file file, uint64_t *size, const char *path, mv_error *error);
/* Does `path` lead to this open file or directory? It may have been replaced since it was opened.
 */
bool os_is_file_at(os_file file, const char *path);
/* Close a descriptor that was not opened here when the process executes another program. */
void os_close_on_exec(os_file file);
/* Bytes that the file system has allocated for the file; 0: there is none. */
mv_err os_allocated_bytes(const char *path, uint64_t *bytes, mv_error *error);
mv_err os_allocated_of(os_file file, uint64_t *bytes, const char *path, mv_error *error);
void os_close(os_file file); /* OS_FILE_NONE is fine */
/* Lock the whole file exclusively (flock): other openings of it, in this process or in others,
 * cannot lock it. The lock ends when the file is closed or the process dies. *got is false when
 * another opening has a lock. */
mv_err os_try_lock(os_file file, bool *got, const char *path, mv_error *error);
/* The same for a shared lock: others may have shared locks, too. */
mv_err os_try_lock_shared(os_file file, bool *got, const char *path, mv_error *error);
/* The same, waiting as long as another opening has an exclusive lock. */
mv_err os_lock_shared(os_file file, const char *path, mv_error *error);
/* Has another process a record lock (fcntl) on the file at `path`? False when there is no file. Do
 * not ask for a file on which this process has record locks: the call releases them. */
mv_err os_is_locked_by_others(const char *path, bool *locked, mv_error *error);
/* Release the lock now. Closing does that only if no forked child has the file open, too. */
void os_unlock(os_file file);
/* Read a whole small file of at most `capacity` bytes. MV_LIMIT: it is larger. */
mv_err os_read_small(const char *path, char *out, size_t capacity, size_t *size, mv_error *error);
/* Write a small file, and sync it and its directory. A file of that name is replaced atomically. */
mv_err os_write_small(const char *directory, const char *name, const char *bytes, size_t size,
                      mv_error *error);

/* Map the first `size` bytes of a file read-only. Size 0 gives NULL. MV_LIMIT: a 32-bit machine has
 * no addresses for that many bytes. So the size of a mapping, and each number up to it, fits in a
 * size_t. */
mv_err os_map(os_file file, uint64_t size, const void **bytes, const char *path, mv_error *error);
void os_unmap(const void *bytes, uint64_t size);
/* Free the memory of a part of a mapped file in memory (os_create_in_memory), which is not read
 * again; from a multiple of the page size on. Where the system cannot, it is freed with the file.
 */
void os_discard(const void *bytes, uint64_t size);
/* Turn the read-ahead of a mapping off, since only a few of its pages will be read next; turn it on
 * again. */
void os_advise_random(const void *bytes, uint64_t size);
void os_advise_normal(const void *bytes, uint64_t size);

/* Map the pages of a mapped file that are in the page cache, so that reading them causes no page
 * fault. Reads nothing from the disk. Does nothing where the system does not tell what is in the
 * cache: Linux tells only those who may write to the file. */
void os_pages_prefault(const void *bytes, uint64_t size, const char *path);

/* ---- threads, processes, time */

typedef struct os_mutex os_mutex;
os_mutex *os_mutex_create(void); /* NULL: no memory */
void os_mutex_lock(os_mutex *mutex);
void os_mutex_unlock(os_mutex *mutex);
void os_mutex_free(os_mutex *mutex);

/* A mutex in a file, for all threads of all processes that open the file. It is robust: the mutex
 * of a thread or process that died is free for the next. */
typedef struct os_shared_mutex os_shared_mutex;
/* Open the file, or create it. MV_BUSY: it is in use by programs whose mutexes have another layout
 * (32 and 64 bits, or other versions). */
mv_err os_shared_mutex_open(const char *path, os_shared_mutex **mutex, mv_error *error);
typedef enum os_lock_outcome {
    OS_LOCKED = 1,
    OS_LOCKED_BEFORE, /* the calling thread has it already: nothing is changed */
    OS_LOCK_TIMED_OUT,
    OS_LOCK_BROKEN, /* something has written to the file */
} os_lock_outcome;
/* Wait at most `seconds` (negative: without limit). */
os_lock_outcome os_shared_mutex_lock(os_shared_mutex *mutex, double seconds);
/* Only the thread that locked it may unlock it. */
void os_shared_mutex_unlock(os_shared_mutex *mutex);
/* OS_SHARED_WORDS words in the file for the users of the mutex, who need not have locked it. The
 * process that opens the file while no other has it open sets them to 0. */
#define OS_SHARED_WORDS 4u
_Atomic uint64_t *os_shared_mutex_words(os_shared_mutex *mutex);
void os_shared_mutex_close(os_shared_mutex *mutex); /* NULL is fine */

/* A condition variable. */
typedef struct os_condition os_condition;
os_condition *os_condition_create(void); /* NULL: no memory */
/* Wait for a signal, at most `seconds` (negative: without limit). The caller holds the mutex. May
 * return without a signal. */
void os_condition_wait(os_condition *condition, os_mutex *mutex, double seconds);
void os_condition_signal_all(os_condition *condition);
void os_condition_free(os_condition *condition);

/* A thread of the engine. It blocks all signals: the host program handles them. */
typedef struct os_thread os_thread;
mv_err os_thread_start(void (*run)(void *ctx), void *ctx, os_thread **thread, mv_error *error);
/* Wait for the end of the thread, and free it. NULL is fine. In a forked child the thread does not
 * exist: only its memory is freed. */
void os_thread_join(os_thread *thread);
/* Cores that this process may run on, at least 1. */
uint32_t os_core_count(void);

/* The registry's lock, one for the process (I2: the first in the lock order). fork takes it, too,
 * so that no thread of the parent holds it in the child. */
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

uint64_t os_thread_id(void);   /* never 0; never used again by a later thread of the process */
double os_seconds(void);       /* monotonic; the same in all processes of a time namespace */
int64_t os_now(void);          /* microseconds since 1970, by the clock that people set */
void os_sleep(double seconds); /* a signal ends it early */
/* A text that differs after each start of the machine; at most 63 bytes. */
mv_err os_boot_id(char out[64], mv_error *error);

#endif

/* The owner of files that root makes. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/os.h"

/* lchown and the count of links keep the owner of the directory from being given another file, by a
 * link with this name. */
void os_owner_inherit(const char *path, const char *directory)
{
    struct stat of, about;
    if (geteuid() != 0 || stat(directory, &of) || of.st_uid == 0) return;
    if (lstat(path, &about) || about.st_uid != 0) return;
    if (!S_ISDIR(about.st_mode) && !(S_ISREG(about.st_mode) && about.st_nlink == 1)) return;
    /* A failure leaves it root's. */
    int ignored = lchown(path, of.st_uid, of.st_gid);
    (void)ignored;
}

uint64_t os_owner_self(void)
{
    return (uint64_t)geteuid();
}

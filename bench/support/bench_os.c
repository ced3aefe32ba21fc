/* A Lua module with functions of the operating system that the benches need. */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* seconds() -> monotonic time */
static int bench_seconds(lua_State *L)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushnumber(L, (lua_Number)now.tv_sec + 1e-9 * (lua_Number)now.tv_nsec);
    return 1;
}

/* pin(core, ...): run this thread, and its future threads and children, only on these cores */
static int bench_pin(lua_State *L)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 1; i == 1 || i <= lua_gettop(L); i++)
        CPU_SET((size_t)luaL_checkinteger(L, i), &set);
    lua_pushboolean(L, sched_setaffinity(0, sizeof set, &set) == 0);
    return 1;
}

/* sleep(seconds) */
static int bench_sleep(lua_State *L)
{
    double seconds = luaL_checknumber(L, 1);
    struct timespec time = {.tv_sec = (time_t)seconds};
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    if (seconds > 0) nanosleep(&time, NULL);
    return 0;
}

/* drop_cache(path): sync the file, then ask the system to drop its pages from the page cache */
static int bench_drop_cache(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    int fd = open(path, O_RDONLY);
    if (fd < 0) return luaL_error(L, "%s: %s", path, strerror(errno));
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
    return 0;
}

int luaopen_bench_os(lua_State *L);
int luaopen_bench_os(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"seconds", bench_seconds},
        {"pin", bench_pin},
        {"sleep", bench_sleep},
        {"drop_cache", bench_drop_cache},
    };
    lua_newtable(L);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        lua_pushcfunction(L, functions[i].func);
        lua_setfield(L, -2, functions[i].name);
    }
    return 1;
}

/* SPDX-License-Identifier: MIT */
#include "port/cpu.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

static int affinity_count(void)
{
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (!set)
            return 1;
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        int n = sched_getaffinity(0, size, set) ? 0 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (n > 0)
            return n;
    }
    return 1;
}

/* The first two numbers of a file; "max" reads as -1. */
static int read_numbers(const char *path, long out[2])
{
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    int n = 0;
    char word[32];
    while (n < 2 && fscanf(f, "%31s", word) == 1)
        out[n++] = strcmp(word, "max") ? strtol(word, NULL, 10) : -1;
    fclose(f);
    return n;
}

static int ceil_div(long quota, long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    return (int)((quota + period - 1) / period);
}

static int min_quota(int a, int b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/* The tightest quota on the way from this cgroup (v2) up to the root. */
static int quota_v2(const char *group)
{
    char dir[4096], path[4200];
    int best = 0;
    snprintf(dir, sizeof(dir), "%s", group);
    for (;;) {
        long v[2];
        snprintf(path, sizeof(path), CGROUP_ROOT "%s/cpu.max", dir);
        if (read_numbers(path, v) == 2)
            best = min_quota(best, ceil_div(v[0], v[1]));
        char *slash = strrchr(dir, '/');
        if (!slash)
            return best;
        *slash = 0;
    }
}

static int quota_v1(const char *group)
{
    char path[4200];
    long quota[2], period[2];
    snprintf(path, sizeof(path), CGROUP_ROOT "/cpu%s/cpu.cfs_quota_us", group);
    if (read_numbers(path, quota) < 1)
        return 0;
    snprintf(path, sizeof(path), CGROUP_ROOT "/cpu%s/cpu.cfs_period_us", group);
    if (read_numbers(path, period) < 1)
        return 0;
    return ceil_div(quota[0], period[0]);
}

static int quota_of_line(char *line)
{
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group)
        return 0;
    *controllers++ = 0;
    *group++ = 0;
    if (strcmp(group, "/") == 0)
        group = "";
    if (*controllers == 0)
        return quota_v2(group);
    return strstr(controllers, "cpu") ? quota_v1(group) : 0;
}

static int cgroup_quota(void)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f)
        return 0;
    char line[4096];
    int best = 0;
    while (fgets(line, sizeof(line), f))
        best = min_quota(best, quota_of_line(line));
    fclose(f);
    return best;
}

int wr_cpu_count(void)
{
    int n = affinity_count();
    int quota = cgroup_quota();
    return quota && quota < n ? quota : n;
}

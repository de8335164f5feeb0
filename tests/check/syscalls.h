/* SPDX-License-Identifier: MIT */
/*
 * For a test program that looks at the calls which the library makes by
 * syscall(): it defines look_at, which is asked before each of them.
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SYSCALL_ARGS = 6 };

static void look_at(long number, const long *args);

/* Stands before the C library's. */
long syscall(long number, ...)
{
    long (*libc)(long, ...);
    long a[SYSCALL_ARGS];
    va_list list;

    *(void **)&libc = dlsym(RTLD_NEXT, "syscall");
    va_start(list, number);
    for (int i = 0; i < SYSCALL_ARGS; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    look_at(number, a);
    return libc(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#endif

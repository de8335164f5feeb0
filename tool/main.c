/* SPDX-License-Identifier: MIT */
/* The weir command: hands over to the sub-command that its first argument
 * names. */
#include <stdio.h>
#include <string.h>
#include <weir.h>

#include "tool.h"

static const struct {
    const char *name;
    char *full;
    int (*run)(int argc, char **argv);
    const char *what;
} commands[] = {
    {"map", (char[]){"weir map"}, map_main,
     "run a command for each record, several at once, in order"},
    {"buf", (char[]){"weir buf"}, buf_main, "a buffer between two programs"},
    {"tee", (char[]){"weir tee"}, tee_main,
     "one input to many outputs, each at its own pace"},
    {"follow", (char[]){"weir follow"}, follow_main,
     "files as they grow, through rotation and truncation"},
    {"pub", (char[]){"weir pub"}, pub_main, "lines into a topic"},
    {"sub", (char[]){"weir sub"}, sub_main,
     "the messages of a topic, as lines or each to a command"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *out)
{
    fputs("Usage: weir COMMAND [OPTION...]\n\n", out);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-6s %s\n", commands[i].name, commands[i].what);
    fputs("\n'weir COMMAND --help' has a command's options; "
          "'weir --version' the version.\n",
          out);
}

int main(int argc, char **argv)
{
    tool_setup();
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            argv[1] = commands[i].full;
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("weir %s\n", weir_version());
        return fflush(stdout) ? EXIT_FAILED : EXIT_WELL;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return fflush(stdout) ? EXIT_FAILED : EXIT_WELL;
    }
    fprintf(stderr, "weir: unknown command '%s'\n", argv[1]);
    usage(stderr);
    return EXIT_USAGE;
}

/* Runs a fuzzer's function over files (or every file of a folder), without the fuzzing engine: the
 * regression over the corpus, with any compiler. The last line is "N passed, N failed". */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static int ran;

static void
run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    static uint8_t bytes[4 << 20];
    if (!f) return;
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    fprintf(stderr, "%s\n", path); /* the last one named is the one that failed */
    (void)LLVMFuzzerTestOneInput(bytes, n);
    ran++;
}

static void
run_path(const char *path)
{
    DIR *d = opendir(path);
    if (!d) {
        run_file(path);
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char file[4096];
        if (e->d_name[0] == '.') continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        run_file(file);
    }
    closedir(d);
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) run_path(argv[i]);
    printf("%d passed, 0 failed\n", ran);
    return 0;
}

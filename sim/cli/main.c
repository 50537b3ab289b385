/* gregor: runs clusters that are simulated, and shows what happened. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/cli.h"
#include "sim/world/pool.h"

#define VERSION "0.1.0"

/* clang-format off */
#define RUN_OPTIONS \
    "  --seed N|A..B        run with this seed, or with each of a range (else the scenario's own)\n" \
    "  --jobs N             run this many at a time (else one)\n" \
    "  --set PATH=VALUE     change one value of the scenario; may be repeated\n" \
    "  --only NAME          run only this one of a file with several scenarios\n" \
    "  --bug ID             run with a wrong version of a rule (build/mutants/gregor)\n" \
    "  --catches            check that each switch which a scenario lists fires exactly its rules\n" \
    "  --switches           list the switches of this build\n" \
    "  --sweep crash|power  a run for each disk operation of each node: the node ends there and\n" \
    "                       comes back two seconds later\n" \
    "  --node NAME          sweep over the operations of this node only\n" \
    "  --ops N|A..B         sweep over this operation only, or over a range of them\n" \
    "  --out DIR            make the run's folder here (else in out). Several runs leave folders only if\n" \
    "                       this is given, and then also DIR/report.json with all reports\n" \
    "  --twice              run everything twice: the hash of the trace must be the same (else exit 5)\n" \
    "  --apart              a process for each run; else each goes through many\n" \
    "  --json               print the reports as JSON, one line for each run\n" \
    "  --quiet              print the verdict without the story\n"

#define PLAY_OPTIONS \
    "  --listen 127.0.0.1:N where the first broker is found, the others behind it (else 9092); 0: free\n" \
    "                       ports\n" \
    "  --port N             the same as --listen 127.0.0.1:N\n" \
    "  --brokers N          without a scenario: so many nodes, each broker and controller (else 3)\n" \
    "  --user NAME:PASSWORD without a scenario: clients must show by SASL PLAIN that they are one of\n" \
    "                       those so named\n" \
    "  --speed N            so many times as fast as the wall clock (else 1); max: idle time is skipped\n" \
    "                       while no client is connected\n" \
    "  --control 127.0.0.1:N control over HTTP, for programs and browsers; 0: a free port. The address is\n" \
    "                       printed, with a token that keeps others out\n" \
    "  --seed N             run with this seed (else the scenario's own)\n" \
    "  --bug ID             run with a wrong version of a rule (build/mutants/gregor)\n" \
    "  --out DIR            make the run's folder here (else in out)\n" \
    "  --ends-with-input    end when standard input does: with the program that started it\n" \
    "  --json               print the addresses and the report as JSON, one line each\n"

#define HUNT_OPTIONS \
    "  --seeds A..B         go over these seeds (else 1..100), each with all scenarios in turns\n" \
    "  --for TIME           end after this time, like 10m; without --seeds over seeds that are new\n" \
    "  --jobs N             work in this many processes (else one)\n" \
    "  --shard I/N          take each Nth seed only, from the Ith on: for N machines (needs --seeds)\n" \
    "  --keep N             keep the folders of this many runs of each bucket (else 3)\n" \
    "  --set PATH=VALUE     change one value of the scenarios; may be repeated\n" \
    "  --bug ID             hunt with a wrong version of a rule (build/mutants/gregor)\n" \
    "  --out DIR            report (hunt.json) and folders go here (else out/hunt, or out/hunt-I-of-N)\n" \
    "  --json               print the report as JSON\n" \
    "  --quiet              print the sum without telling of each find at once\n"

#define CHECK_OPTIONS \
    "  --json               print the verdict as JSON, one line for each history\n" \
    "  --quiet              do not tell what was permitted\n"

#define MUSEUM_OPTIONS \
    "  --out DIR            the folders of both runs go here (else out/museum)\n" \
    "  --json               print the list, or both reports, as JSON\n" \
    "  --quiet              do not say where the two stories part\n"

#define LAB_OPTIONS \
    "  list                 all labs, and how far you are (also without any word)\n" \
    "  start N              copy what you edit into a folder of your own\n" \
    "  predict N            say what you expect, before anything runs; after the run, what you say now\n" \
    "  run N                make the runs of the lab\n" \
    "  check N              grade what you said, and the exercise: what came, why, where to look\n" \
    "  hint N               the next hint: where to look, which rule, which line\n" \
    "  reset N              begin again; what was there goes to a folder beside\n" \
    "  progress             how far you are\n\n" \
    "  --dir DIR            your folder (else my-labs)\n" \
    "  --answers FILE       of predict and check: take the answers from this file, lines like \"lost: 0\"\n" \
    "  --only RUN           of run: make only this one\n" \
    "  --cases              of check, for an exercise in C: only compile it and try cases\n" \
    "  --json               of list, progress and check: as JSON\n"

#define COURSE_OPTIONS \
    "  ask RUN QUERY        what a query of a lab says of a run, and the facts it goes over\n" \
    "  drill B2 FILE…       try these files on the cases of an exercise in C: which rules refuse them?\n" \
    "  grade FOLDER…        grade what students did, each in a folder like my-labs\n" \
    "  pack FILE.tar.gz     the labs to hand out, without solutions\n" \
    "  questions            what a student with this ID is asked about runs of their own, and what is right\n" \
    "  history FILE|RUN     print what clients saw as JSON, a line for each operation\n" \
    "  guide                make the runs that prove or refute what a beginner's guide says\n" \
    "  docs                 write the pictures and tables in the labs' pages anew\n\n" \
    "  --check              of docs: only say which are not as they would be\n" \
    "  --student ID         of pack and questions: seeds, cases, questions and broken brokers of the exercises are this student's own\n" \
    "  --hide-reference     of pack: with all that they are compiled with, and the broker's own versions as objects only\n" \
    "  --by-id              of grade: a folder's name is its student's ID\n" \
    "  --json, --junit      of grade: as JSON, or as JUnit's XML\n" \
    "  --gradescope         of grade: one student, as Gradescope's results.json\n"

#define TIMELINE_OPTIONS \
    "  --partition T-P      the partition to draw (else the one with most to tell)\n" \
    "  --from TIME          from this time on, like 1.5s, as the scenario counts\n" \
    "  --to TIME            up to this time\n" \
    "  --filter TERMS       only what these let through, like 'node:b1 api:Fetch kind:lost t:1.9s..2.4s':\n" \
    "                       node, topic, p, api, kind, t, why, key; -node:b1 is all but b1\n" \
    "  --theme NAME         light, dark or print (else as whoever looks has it)\n" \
    "  --metrics            also how many partitions lack replicas or a leader, the replicas' lag, elections\n" \
    "  --blind              only these, and what clients get: what happened is left out\n" \
    "  --no-cuts            also the time in which nothing new happens\n"

#define EXPLAIN_OPTIONS \
    "  --partition T-P      the partition to tell in full (else the one with most to tell)\n"

#define FRAME_OPTIONS \
    "  --at TIME            the moment, like 2.5s, as the scenario counts (else before the fault that\n" \
    "                       cost a leader, after the election, before a log is cut, and the end)\n" \
    "  --partition T-P      the partition to draw (else the one with most to tell)\n" \
    "  --strip TIME,TIME…   up to six moments, one below the other\n" \
    "  --topology           the whole cluster instead: who is active, who leads, which links are cut\n" \
    "  --why N              what led to sentence N of the story instead, as a graph\n" \
    "  --machine NAME       no run at all: a state machine as the code declares it (partition, role, group, transaction)\n" \
    "  --theme NAME         light, dark or print (else as whoever looks has it)\n" \
    "  --dot                as text for Graphviz's dot, not as SVG\n"

#define VIEW_OPTIONS \
    "  -o FILE              write the page here\n" \
    "  --with RUN           beside it another run, to see where they part\n" \
    "  --partition T-P      the partition to show first (else the one with most to tell)\n" \
    "  --no-bytes           without what the messages said: a smaller page, and the run is not gone\n" \
    "                       through again\n"

#define SHRINK_OPTIONS \
    "  --seed N             of FILE: the seed that fails (else the scenario's own)\n" \
    "  --bug ID             with a wrong version of a rule (else the one that the run had)\n" \
    "  --for TIME           stop after so long, like 60s, with what was reached\n" \
    "  --runs N             stop after so many runs (else 2000)\n" \
    "  -o FILE              write the scenario here (else shrunk.yaml, in the run's folder)\n" \
    "  --json               print what came of it as JSON\n"

const struct command commands[] = {
    {"run", "gregor run FILE… [OPTION]…", RUN_OPTIONS,
     "runs scenarios and says whether what must hold held", "gregor run scenarios/leader-crash.yaml --seed 1..100 --jobs 4", command_run},
    {"play", "gregor play [SCENARIO] [OPTION]…", PLAY_OPTIONS,
     "lets real clients work with a simulated cluster, and faults be typed", "gregor play --listen 127.0.0.1:0", command_play},
    {"hunt", "gregor hunt [FILE]… [OPTION]…, or gregor hunt merge DIR… [--json] [--out DIR]", HUNT_OPTIONS,
     "goes over many seeds and sorts what fails; merge adds up shards", "gregor hunt --for 10m --jobs 2", command_hunt},
    {"museum", "gregor museum list [--json], or gregor museum run ID [OPTION]…", MUSEUM_OPTIONS,
     "shows mistakes that lose records, each beside what is right", "gregor museum run RE01", command_museum},
    {"lab", "gregor lab [list], or gregor lab start|predict|run|check|hint|reset N [OPTION]…", LAB_OPTIONS,
     "is the course: predict, run, look, explain, do, beyond", "gregor lab start 4", command_lab},
    {"course", "gregor course grade FOLDER… [--by-id] [--json|--junit|--gradescope], gregor course pack FILE [--student ID] [--hide-reference], gregor course questions --student ID [B2], gregor course ask RUN QUERY, gregor course history FILE|RUN, gregor course guide, gregor course docs [--check] [LAB…], or gregor course drill ID FILE…", COURSE_OPTIONS,
     "is for authors of labs and teachers", "gregor course ask out/leader-crash-42 '{notes: partition-change}'", command_course},
    {"lint", "gregor lint FILE…", "", "finds mistakes in scenarios", "gregor lint scenarios/leader-crash.yaml", command_lint},
    {"check", "gregor check FILE|RUN… [OPTION]…", CHECK_OPTIONS,
     "judges what clients asked and were told, of any cluster", "gregor check out/leader-crash-42", command_check},
    {"explain", "gregor explain RUN [OPTION]…", EXPLAIN_OPTIONS, "tells a run in sentences", "gregor explain out/leader-crash-42", command_explain},
    {"timeline", "gregor timeline RUN [OPTION]…", TIMELINE_OPTIONS, "draws a run over time, as SVG to standard output", "gregor timeline out/leader-crash-42 > t.svg", command_timeline},
    {"frame", "gregor frame RUN [OPTION]…", FRAME_OPTIONS, "draws what each replica holds at a moment, as SVG to standard output", "gregor frame out/leader-crash-42 --at 2.5s > f.svg", command_frame},
    {"view", "gregor view RUN -o FILE [OPTION]…", VIEW_OPTIONS, "makes a run one page for a browser, to walk through", "gregor view out/leader-crash-42 -o run.html", command_page},
    {"replay", "gregor replay RUN", "", "repeats a run and compares the hash of the trace", "gregor replay out/leader-crash-42", command_replay},
    {"shrink", "gregor shrink RUN|FILE [OPTION]…", SHRINK_OPTIONS, "makes a failing run as small as it can be, as a scenario", "gregor shrink out/random-faults-42 --for 60s", command_shrink},
    {"reference", "gregor reference", "", "prints the reference of the scenario format", "gregor reference > scenarios/README.md", command_reference},
};
/* clang-format on */
const int commands_n = (int)(sizeof commands / sizeof commands[0]);

static const struct command *
find_command(const char *name)
{
    for (int i = 0; i < commands_n; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

static int
print_help(const struct command *c)
{
    printf("usage: %s\n\n%s\n\n%s%sexample: %s\n", c->usage, c->about, c->options,
           c->options[0] ? "\n" : "", c->example);
    return EXIT_PASS;
}

static void
print_commands(FILE *f)
{
    fputs("gregor runs clusters in a simulator and tests what they kept and what they lost.\n\n",
          f);
    for (int i = 0; i < commands_n; i++)
        fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].about);
    fputs("\nfirst: gregor run scenarios/leader-crash.yaml     then: gregor COMMAND --help\n"
          "\nexit status: 0 all as expected, 1 not, 2 inconclusive, 3 wrong usage or scenario, 4 a "
          "CHECK\n"
          "failed or the witnesses disagree, 5 nondeterminism, 130 interrupted\n",
          f);
}

int
usage_error(const char *command, const char *format, ...)
{
    const struct command *c = find_command(command);
    va_list ap;
    va_start(ap, format);
    fputs("gregor: ", stderr);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fprintf(stderr, "\nusage: %s     (gregor %s --help says more)\n", c ? c->usage : command,
            command);
    return EXIT_USAGE;
}

/* Prints what there is instead of a wrong word. */
static void
print_advice(const char *const *known, int n, const char *wrong)
{
    struct pool pool = {0};
    struct mem mem;
    struct arena a;
    mem_init(&mem, pool_source(&pool), 1 << 20);
    arena_init(&a, &mem, 0);
    struct words words = {.arena = &a};
    for (int i = 0; i < n; i++) words_add(&words, slice_cstr(known[i]));
    fputs(words_advice(&words, slice_cstr(wrong)), stderr);
    mem_release(&mem);
    pool_release(&pool);
}

int
unknown_option(const char *command, const char *const *known, int n, const char *wrong)
{
    fprintf(stderr, "gregor: there is no option %s: ", wrong);
    print_advice(known, n, wrong);
    const struct command *c = find_command(command);
    fprintf(stderr, "\nusage: %s     (gregor %s --help says more)\n", c ? c->usage : command,
            command);
    return EXIT_USAGE;
}

static int
unknown_command(const char *name)
{
    const char *names[ARRAY_LEN(commands)];
    for (int i = 0; i < commands_n; i++) names[i] = commands[i].name;
    fprintf(stderr, "gregor: there is no command %s: ", name);
    print_advice(names, commands_n, name);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

static bool
wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    return false;
}

static int
help(int argc, char **argv)
{
    const struct command *c = argc > 2 ? find_command(argv[2]) : NULL;
    if (c) return print_help(c);
    if (argc > 2 && argv[2][0] != '-') return unknown_command(argv[2]);
    print_commands(stdout);
    return EXIT_PASS;
}

int
main(int argc, char **argv)
{
    pool_keep_memory();
    if (argc < 2) {
        print_commands(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        puts("gregor " VERSION);
        return EXIT_PASS;
    }
    if (strcmp(argv[1], "help") == 0 || wants_help(1, argv + 1)) return help(argc, argv);
    const struct command *c = find_command(argv[1]);
    if (!c) return unknown_command(argv[1]);
    if (wants_help(argc - 2, argv + 2)) return print_help(c);
    return c->run(argc - 2, argv + 2);
}

#include "broker/protocol/gen/gen.h"

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: gen SCHEMA_DIR OUT_DIR\n", stderr);
        return 3;
    }
    model_load(argv[1]);
    emit_messages(argv[2]);
    emit_straight(argv[1], argv[2]);
    emit_tables(argv[1], argv[2]);
    return 0;
}

# Writes files as a table of C strings, by their names without folder and ending.
BEGIN { printf "/* Generated from sim/scenario/presets. */\n#include \"sim/scenario/preset.h\"\n\nconst struct preset_file preset_files[] = {\n" }
FNR == 1 {
    if (n++) printf "    },\n"
    name = FILENAME; sub(/.*\//, "", name); sub(/\.yaml$/, "", name)
    printf "    {\"%s\",\n", name
}
{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "     \"%s\\n\"\n", $0 }
END { printf "    },\n};\nconst int32_t preset_files_n = %d;\n", n }

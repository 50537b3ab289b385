/* Wrong versions of rules, for build/mutants/gregor only: tests/mutants/NAME.c defines a rule anew, right
 * unless its switch is on. The right one is the project's own file, compiled with the name RULE__right. */
#ifndef TESTS_MUTANTS_SWITCHES_H
#define TESTS_MUTANTS_SWITCHES_H

#include <stdbool.h>

enum mutant { RE01, RE08, RE10, RE13, RE14, RE33, RE34, KR01, TX01, ST01, GR01, GR02, MUTANTS_N };

bool is_on(enum mutant m);

#endif

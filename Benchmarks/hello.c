// The smallest program: what is measured with it is start-up.
#include <stdio.h>

int main(void) { return puts("hello") < 0; }

// The same program as C++.
#include "header_use.c"

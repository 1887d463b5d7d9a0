// The same program as C++.
#include "header_use.c"  // NOLINT(bugprone-suspicious-include): one program in several dialects
